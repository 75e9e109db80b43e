"""Assessments: what is owed, and what was found. Due rows come from the append; a worker takes them for a while.

A crash between taking and striking off leaves the rows; they are free again when the lease has run out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import orjson

from evidence_api.domain.assessment import Assessment, Finding, Outcome
from evidence_api.domain.digest import canonical, sha256_hex
from evidence_api.domain.principal import TenantScope
from evidence_api.formats.records import (
    assessment_to_json,
    criterion_from_json,
    criterion_to_json,
    facts_from_json,
    facts_to_json,
    query_from_json,
    query_to_json,
)
from evidence_api.store.rows import id_bytes, id_text
from evidence_api.store.session import Connection

EVERY_KIND = "*"
LEASE = timedelta(seconds=30)
_NEWEST_FIRST = "ORDER BY tree_size DESC, evaluated_at DESC, id DESC"
_COLUMNS = "id, release_id, tree_size, evaluated_at, catalog_digest, policy_digest, counts, criteria, notes"

_CLAIM = """
WITH chosen AS (
  SELECT release_id FROM due WHERE tenant_id = $1 AND (claimed_until IS NULL OR claimed_until <= $2)
  ORDER BY leaf_index, release_id LIMIT 1 FOR UPDATE SKIP LOCKED
), mine AS (
  SELECT d.release_id, d.kind FROM due d JOIN chosen USING (release_id)
  WHERE d.tenant_id = $1 AND (d.claimed_until IS NULL OR d.claimed_until <= $2)
  ORDER BY d.release_id, d.kind FOR UPDATE OF d SKIP LOCKED
)
UPDATE due SET claimed_until = $3 FROM mine
WHERE due.tenant_id = $1 AND due.release_id = mine.release_id AND due.kind = mine.kind
RETURNING due.release_id, due.kind, due.leaf_index
"""
_STRIKE = """
WITH mine AS (
  SELECT kind, leaf_index FROM due WHERE tenant_id = $1 AND release_id = $2 AND kind = ANY ($3::text[])
  ORDER BY release_id, kind FOR UPDATE
), done AS (
  DELETE FROM due USING mine
  WHERE due.tenant_id = $1 AND due.release_id = $2 AND due.kind = mine.kind AND mine.leaf_index < $4
)
UPDATE due SET claimed_until = NULL FROM mine
WHERE due.tenant_id = $1 AND due.release_id = $2 AND due.kind = mine.kind AND mine.leaf_index >= $4
"""


@dataclass(frozen=True, slots=True)
class Owed:
    """A release (evidence id) to assess, for these kinds of evidence ("*": every control); an assessment at a tree
    of at least `tree_size` leaves settles it."""

    release: str
    kinds: tuple[str, ...]
    tree_size: int


async def claim(connection: Connection, scope: TenantScope, at: datetime, lease: timedelta = LEASE) -> Owed | None:
    """Take the release that has waited longest, for nobody else to take while the lease runs; None: nothing is due."""
    rows = await connection.fetch(_CLAIM, *(scope.id, at, at + lease))
    if not rows:
        return None
    return Owed(
        release=id_text(rows[0]["release_id"]),
        kinds=tuple(sorted(row["kind"] for row in rows)),
        tree_size=max(row["leaf_index"] for row in rows) + 1,
    )


async def settle(connection: Connection, scope: TenantScope, owed: Owed, tree_size: int) -> None:
    """Strike off what an assessment at `tree_size` settled; what arrived since is free to be taken again.

    Do this last in the transaction that saved the assessment: appends wait for these rows.
    """
    await connection.execute(_STRIKE, *(scope.id, id_bytes(owed.release), list(owed.kinds), tree_size))


async def save(connection: Connection, scope: TenantScope, assessment: Assessment) -> UUID:
    """Store an assessment with its findings; its id is taken from its content, so saving it again changes nothing.

    Its catalog must be on record (store/catalogs.py). Raises Conflict otherwise.
    """
    assessment_id = identity(assessment)
    added = await connection.fetchval(
        f"INSERT INTO assessment (tenant_id, {_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "  # noqa: S608  constant columns
        "ON CONFLICT DO NOTHING RETURNING 1",
        *(scope.id, assessment_id, id_bytes(assessment.release), assessment.tree_size, assessment.evaluated_at),
        *(assessment.catalog_digest, assessment.policy_digest),
        orjson.dumps({outcome.value: count for outcome, count in assessment.counts.items()}).decode(),
        orjson.dumps([criterion_to_json(one) for one in assessment.criteria]).decode(),
        list(assessment.notes),
    )
    if added:
        await connection.executemany(
            "INSERT INTO finding (tenant_id, assessment_id, control_id, position, outcome, raw, because, fix, waiver, "
            "code, facts, queries, evidence) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            [(scope.id, assessment_id, *_finding_row(place, one)) for place, one in enumerate(assessment.findings)],
        )
    return assessment_id


def identity(assessment: Assessment) -> UUID:
    """The id of an assessment: the first half of the SHA-256 of its canonical JSON."""
    return UUID(hex=sha256_hex(canonical(assessment_to_json(assessment)))[:32])


async def latest(
    connection: Connection, scope: TenantScope, release_id: str, tree_size: int | None = None
) -> tuple[UUID, Assessment] | None:
    """The newest assessment of a release made at a tree of at most `tree_size` leaves, or None."""
    found = await every(connection, scope, release_id, tree_size=tree_size, limit=1)
    return found[0] if found else None


async def latest_counts(connection: Connection, scope: TenantScope, release_id: str) -> dict[Outcome, int]:
    """How many controls had which outcome in the newest assessment of a release; empty if there is none."""
    counts: str | None = await connection.fetchval(
        f"SELECT counts FROM assessment WHERE tenant_id = $1 AND release_id = $2 {_NEWEST_FIRST} LIMIT 1",  # noqa: S608  constant
        *(scope.id, id_bytes(release_id)),
    )
    return {Outcome(outcome): count for outcome, count in orjson.loads(counts or "{}").items()}


async def every(
    connection: Connection,
    scope: TenantScope,
    release_id: str,
    *,
    tree_size: int | None = None,
    limit: int = 100,
) -> tuple[tuple[UUID, Assessment], ...]:
    """Assessments of a release, newest first, with their ids."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM assessment WHERE tenant_id = $1 AND release_id = $2 AND tree_size <= $3 "  # noqa: S608  constant columns
        f"{_NEWEST_FIRST} LIMIT $4",
        *(scope.id, id_bytes(release_id), 2**62 if tree_size is None else tree_size, limit),
    )
    findings = await connection.fetch(
        "SELECT assessment_id, control_id, outcome, raw, because, fix, waiver, code, facts, queries, evidence "
        "FROM finding WHERE tenant_id = $1 AND assessment_id = ANY ($2::uuid[]) ORDER BY position",
        *(scope.id, [row["id"] for row in rows]),
    )
    grouped: dict[UUID, list[Finding]] = {row["id"]: [] for row in rows}
    for finding in findings:
        grouped[finding["assessment_id"]].append(_finding(finding))
    return tuple((row["id"], _assessment(row, grouped[row["id"]])) for row in rows)


def _finding_row(place: int, finding: Finding) -> tuple[object, ...]:
    return (
        *(finding.control, place, finding.outcome.value, finding.raw.value),
        *(finding.because, finding.fix, finding.waiver, finding.code),
        orjson.dumps(facts_to_json(finding.facts)).decode(),
        orjson.dumps([query_to_json(one) for one in finding.queries]).decode(),
        [id_bytes(one) for one in finding.evidence],
    )


def _finding(row: asyncpg.Record) -> Finding:
    return Finding(
        control=row["control_id"],
        outcome=Outcome(row["outcome"]),
        raw=Outcome(row["raw"]),
        because=row["because"],
        fix=row["fix"],
        queries=tuple(map(query_from_json, orjson.loads(row["queries"]))),
        evidence=tuple(map(id_text, row["evidence"])),
        waiver=row["waiver"],
        code=row["code"],
        facts=facts_from_json(orjson.loads(row["facts"])),
    )


def _assessment(row: asyncpg.Record, findings: Sequence[Finding]) -> Assessment:
    return Assessment(
        release=id_text(row["release_id"]),
        tree_size=row["tree_size"],
        evaluated_at=row["evaluated_at"],
        catalog_digest=row["catalog_digest"],
        policy_digest=row["policy_digest"],
        findings=tuple(findings),
        criteria=tuple(map(criterion_from_json, orjson.loads(row["criteria"]))),
        counts={Outcome(outcome): count for outcome, count in orjson.loads(row["counts"]).items()},
        notes=tuple(row["notes"]),
    )
