"""Reading what stands: the current, verified evidence of some kinds that releases own, for all siblings at once."""

from collections.abc import Sequence

from evidence_api.domain.evidence import Evidence
from evidence_api.domain.facts import current
from evidence_api.domain.principal import TenantScope
from evidence_api.store.reads import about_reach, digest_bytes
from evidence_api.store.rows import EVIDENCE, evidence_of, id_text
from evidence_api.store.session import Connection

_NEWEST = 200  # of one release that are looked at, from the newest back
_STANDING = f"""
SELECT parent.id AS parent, found.* FROM unnest($3::bytea[]) AS parent (id) CROSS JOIN LATERAL (
  SELECT {EVIDENCE} FROM evidence e WHERE e.tenant_id = $1 AND e.leaf_index < $2 AND e.status = 'verified'
    AND e.kind = ANY ($4::text[]) AND e.leaf_index IN ({about_reach("parent.id")})
  ORDER BY e.leaf_index DESC LIMIT {_NEWEST}) AS found
"""  # noqa: S608  constant texts


async def standing(
    connection: Connection, scope: TenantScope, releases: Sequence[str], kinds: Sequence[str], size: int
) -> dict[str, tuple[Evidence, ...]]:
    """By release: what no later statement of the same series and subjects takes the place of, erased ones left out, in
    leaf order."""
    rows = await connection.fetch(_STANDING, *(scope.id, size, [digest_bytes(one) for one in releases], list(kinds)))
    found: dict[str, list[Evidence]] = {}
    for row in rows:
        found.setdefault(id_text(row["parent"]), []).append(evidence_of(row))
    return {release: tuple(one for one in current(listed) if not one.erased) for release, listed in found.items()}
