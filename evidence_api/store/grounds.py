"""What assessments rest on: the evidence that each of several releases owns, in one statement, as JSON for a worker.

The rows go to another process as PostgreSQL wrote them and are read there (`evidence_from_row`), so that assessing ten
thousand releases costs the server's own process little more than passing texts on. store/evidence.py gives the same
evidence of one release as objects; a test compares the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from evidence_api.domain.evidence import Evidence, Release
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.verification import Verification
from evidence_api.formats.records import facts_from_json, verification_from_json
from evidence_api.store.owning import with_owned
from evidence_api.store.rows import RELEASE, id_bytes, release_of, subjects_of
from evidence_api.store.session import Connection

_EVIDENCE = (
    "'sha256:' || encode(e.id, 'hex') AS id, e.leaf_index AS leaf, e.received, e.kind, e.predicate_type AS type, "
    "e.media_type AS media, 'sha256:' || encode(e.body_digest, 'hex') AS body, e.body_size AS size, "
    "e.verification::text AS verification, e.facts, e.effective, e.collected, e.series, e.sources, "
    "(SELECT b.content IS NULL FROM body b WHERE b.tenant_id = e.tenant_id AND b.digest = e.body_digest) AS erased, "
    "(SELECT json_agg(json_build_array(s.position, s.name, s.digest) ORDER BY s.position, s.digest) "
    "FROM evidence_subject s WHERE s.tenant_id = e.tenant_id AND s.leaf_index = e.leaf_index) AS subjects"
)
_GROUNDS = f"""
SELECT {RELEASE}, (
  {with_owned("r.id", "$3")}
  SELECT json_agg(row)::text FROM (
    SELECT {_EVIDENCE} FROM owned JOIN evidence e ON e.tenant_id = $1 AND e.leaf_index = owned.leaf_index
    ORDER BY e.leaf_index
  ) AS row
) AS evidence
FROM unnest($2::bytea[]) AS given (id) JOIN release r ON r.tenant_id = $1 AND r.id = given.id
"""  # noqa: S608  constant columns


@dataclass(frozen=True, slots=True)
class Grounds:
    """A release and the JSON of the evidence it owns among the first `tree_size` leaves, in leaf order."""

    release: Release
    tree_size: int
    evidence: str = field(repr=False)


async def of_releases(
    connection: Connection, scope: TenantScope, releases: Sequence[str], tree_size: int
) -> dict[str, Grounds]:
    """The grounds of releases by their evidence id; those that are not the tenant's are left out."""
    rows = await connection.fetch(_GROUNDS, *(scope.id, [id_bytes(one) for one in releases], tree_size))
    found = (Grounds(release_of(row), tree_size, row["evidence"] or "[]") for row in rows)
    return {one.release.id: one for one in found}


def evidence_of(text: str) -> tuple[Evidence, ...]:
    """The evidence of `Grounds.evidence`."""
    return tuple(map(_evidence, orjson.loads(text)))


def _evidence(row: Mapping[str, Any]) -> Evidence:
    return Evidence(
        id=row["id"],
        leaf_index=row["leaf"],
        received=datetime.fromisoformat(row["received"]),
        kind=row["kind"],
        predicate_type=row["type"],
        media_type=row["media"],
        body_digest=row["body"],
        body_size=row["size"],
        subjects=subjects_of(row["subjects"] or []),
        verification=_verification(row["verification"]),
        facts=facts_from_json(row["facts"]),
        effective=_moment(row["effective"]),
        collected=_moment(row["collected"]),
        series=row["series"],
        sources=tuple(row["sources"]),
        erased=bool(row["erased"]),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


@lru_cache(maxsize=4096)
def _verification(text: str) -> Verification:
    """Signers repeat from one piece of evidence to the next."""
    return verification_from_json(orjson.loads(text))
