"""Assessments: what was found of a release, by content. What is owed is in store/due.py.

An assessment is written once and never changed, so the newest of a release is the one with the greatest tree, and of
several at one tree the last made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import asyncpg
import orjson

from evidence_api.domain.assessment import Assessment, Outcome
from evidence_api.domain.digest import canonical
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.verdict import Finding
from evidence_api.formats.records import criterion_from_json, criterion_to_json, finding_to_json
from evidence_api.store.findings import StoredFindings, finding_text, pack_findings, unpack_findings
from evidence_api.store.rows import id_bytes, id_text
from evidence_api.store.session import Connection

_NEWEST_FIRST = "ORDER BY tree_size DESC, evaluated_at DESC, id DESC"
_COLUMNS = "id, release_id, tree_size, evaluated_at, catalog_digest, policy_digest, counts, criteria, notes, findings"
_NEWEST_COUNTS = f"""
SELECT given.id, newest.counts FROM unnest($2::bytea[]) AS given (id) CROSS JOIN LATERAL (
  SELECT counts FROM assessment WHERE tenant_id = $1 AND release_id = given.id {_NEWEST_FIRST} LIMIT 1) AS newest
"""  # noqa: S608  constant texts


@dataclass(frozen=True, slots=True)
class StoredAssessment:
    """One row: an assessment as it is written, made where it was assessed. `counts` and `criteria` are JSON."""

    id: UUID
    release: str
    tree_size: int
    evaluated_at: datetime
    catalog_digest: str
    policy_digest: str
    counts: str
    criteria: str
    notes: tuple[str, ...]
    findings: bytes = field(repr=False)

    @property
    def outcomes(self) -> dict[Outcome, int]:
        """How many controls had which outcome."""
        return {Outcome(outcome): count for outcome, count in orjson.loads(self.counts).items()}


def stored(assessment: Assessment, texts: Mapping[str, bytes] | None = None) -> StoredAssessment:
    """The row of an assessment. `texts` are findings' JSON by control, where they are known (store/findings.py)."""
    known = texts or {}
    listed = [known.get(one.control) or finding_text(one) for one in assessment.findings]
    criteria = [criterion_to_json(one) for one in assessment.criteria]
    counts = {outcome.value: count for outcome, count in assessment.counts.items()}
    return StoredAssessment(
        id=_identity(assessment, criteria, counts, listed),
        release=assessment.release,
        tree_size=assessment.tree_size,
        evaluated_at=assessment.evaluated_at,
        catalog_digest=assessment.catalog_digest,
        policy_digest=assessment.policy_digest,
        counts=orjson.dumps(counts).decode(),
        criteria=orjson.dumps(criteria).decode(),
        notes=assessment.notes,
        findings=pack_findings(assessment.findings, listed),
    )


def identity(assessment: Assessment) -> UUID:
    """The id of an assessment: the first half of the SHA-256 of its canonical JSON (formats/records.py)."""
    criteria = [criterion_to_json(one) for one in assessment.criteria]
    counts = {outcome.value: count for outcome, count in assessment.counts.items()}
    return _identity(assessment, criteria, counts, map(finding_text, assessment.findings))


def _identity(
    assessment: Assessment, criteria: Sequence[object], counts: Mapping[str, int], texts: "Sequence[bytes] | map[bytes]"
) -> UUID:
    """Its findings are nearly all there is to hash: their JSON is canonical as it is, and goes in where it belongs
    among the members, which canonical JSON sorts by name."""
    before = canonical(
        {
            "catalogDigest": assessment.catalog_digest,
            "counts": dict(counts),
            "criteria": list(criteria),
            "evaluatedAt": format_rfc3339(assessment.evaluated_at),
        }
    )
    after = canonical(
        {
            "notes": list(assessment.notes),
            "policyDigest": assessment.policy_digest,
            "release": assessment.release,
            "treeSize": assessment.tree_size,
        }
    )
    findings = b",".join(_canonical(one, text) for one, text in zip(assessment.findings, texts, strict=True))
    hashed = sha256(before[:-1] + b',"findings":[' + findings + b"]," + after[1:])
    return UUID(bytes=hashed.digest()[:16])


def _canonical(finding: Finding, text: bytes) -> bytes:
    """A finding's canonical JSON: its own, unless facts of an operator's rule may hold numbers written otherwise."""
    return canonical(finding_to_json(finding)) if finding.facts else text


async def save(connection: Connection, scope: TenantScope, assessment: Assessment) -> UUID:
    """Store an assessment with its findings; its id is taken from its content, so saving it again changes nothing.

    Its catalog must be on record (store/catalogs.py). Raises Conflict otherwise.
    """
    row = stored(assessment)
    await save_all(connection, scope, [row])
    return row.id


async def save_all(connection: Connection, scope: TenantScope, rows: Sequence[StoredAssessment]) -> None:
    """The same of several, made elsewhere."""
    await connection.executemany(
        f"INSERT INTO assessment (tenant_id, {_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "  # noqa: S608  constant columns
        "ON CONFLICT DO NOTHING",
        [
            (
                *(scope.id, row.id, id_bytes(row.release), row.tree_size, row.evaluated_at),
                *(row.catalog_digest, row.policy_digest, row.counts, row.criteria, list(row.notes), row.findings),
            )
            for row in rows
        ],
    )


async def latest(
    connection: Connection, scope: TenantScope, release_id: str, tree_size: int | None = None
) -> tuple[UUID, Assessment] | None:
    """The newest assessment of a release made at a tree of at most `tree_size` leaves, or None."""
    found = await every(connection, scope, release_id, tree_size=tree_size, limit=1)
    return found[0] if found else None


async def latest_stored(connection: Connection, scope: TenantScope, release_id: str) -> StoredAssessment | None:
    """The newest assessment of a release as it is stored, or None."""
    rows = await _rows(connection, scope, release_id, 2**62, 1)
    return _stored(rows[0]) if rows else None


async def latest_counts(
    connection: Connection, scope: TenantScope, releases: Sequence[str]
) -> dict[str, dict[Outcome, int]]:
    """How many controls had which outcome in the newest assessment of each release that has one."""
    rows = await connection.fetch(_NEWEST_COUNTS, scope.id, [id_bytes(one) for one in releases])
    return {
        id_text(row["id"]): {Outcome(outcome): count for outcome, count in orjson.loads(row["counts"]).items()}
        for row in rows
    }


async def every(
    connection: Connection,
    scope: TenantScope,
    release_id: str,
    *,
    tree_size: int | None = None,
    limit: int = 100,
) -> tuple[tuple[UUID, Assessment], ...]:
    """Assessments of a release, newest first, with their ids. Raises VerificationFailed `stored_findings`."""
    rows = await _rows(connection, scope, release_id, 2**62 if tree_size is None else tree_size, limit)
    return tuple((row["id"], assessment_of(_stored(row))) for row in rows)


async def _rows(
    connection: Connection, scope: TenantScope, release_id: str, tree_size: int, limit: int
) -> list[asyncpg.Record]:
    return await connection.fetch(
        f"SELECT {_COLUMNS} FROM assessment WHERE tenant_id = $1 AND release_id = $2 AND tree_size <= $3 "  # noqa: S608  constant columns
        f"{_NEWEST_FIRST} LIMIT $4",
        *(scope.id, id_bytes(release_id), tree_size, limit),
    )


def _stored(row: asyncpg.Record) -> StoredAssessment:
    names = ("tree_size", "evaluated_at", "catalog_digest", "policy_digest", "counts", "criteria", "findings")
    return StoredAssessment(
        id=row["id"],
        release=id_text(row["release_id"]),
        notes=tuple(row["notes"]),
        **{name: row[name] for name in names},
    )


def assessment_of(row: StoredAssessment) -> Assessment:
    """The inverse of `stored`. Raises VerificationFailed `stored_findings`."""
    return _assessment(row, unpack_findings(row.findings).every())


def outline_of(row: StoredAssessment, findings: StoredFindings) -> Assessment:
    """What a later assessment of the release builds on: the same without the findings' queries, whose text is taken
    over as it is. `findings` are the row's, unpacked."""
    return _assessment(row, findings.outlines())


def _assessment(row: StoredAssessment, findings: tuple[Finding, ...]) -> Assessment:
    return Assessment(
        release=row.release,
        tree_size=row.tree_size,
        evaluated_at=row.evaluated_at,
        catalog_digest=row.catalog_digest,
        policy_digest=row.policy_digest,
        findings=findings,
        criteria=tuple(map(criterion_from_json, orjson.loads(row.criteria))),
        counts=row.outcomes,
        notes=row.notes,
    )
