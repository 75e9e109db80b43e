"""Assessments in the order in which they were committed: what readers who resume go by.

The head's row is locked from the numbering to the end of the transaction, which is its last statement: the next number
is given when this one is visible or never will be. So nothing below a number that is seen can still appear.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from evidence_api.domain.principal import TenantScope
from evidence_api.store.reads import digest_bytes
from evidence_api.store.rows import id_bytes, id_text
from evidence_api.store.session import Connection

# An assessment that is saved again keeps its number.
_NUMBER = """
WITH fresh AS (
  SELECT assessment, release, row_number() OVER (ORDER BY n) AS place
  FROM unnest($2::uuid[], $3::bytea[]) WITH ORDINALITY AS given (assessment, release, n)
  WHERE NOT EXISTS (SELECT FROM assessment_event e WHERE e.tenant_id = $1 AND e.assessment_id = assessment)
), head AS (
  INSERT INTO assessment_head (tenant_id, position) SELECT $1, count(*) FROM fresh
  ON CONFLICT (tenant_id) DO UPDATE SET position = assessment_head.position + excluded.position
  RETURNING position
)
INSERT INTO assessment_event (tenant_id, position, assessment_id, release_id)
SELECT $1, head.position - (SELECT count(*) FROM fresh) + place, assessment, release FROM fresh CROSS JOIN head
ON CONFLICT DO NOTHING
"""
_AFTER = """
SELECT position, assessment_id, release_id FROM assessment_event
WHERE tenant_id = $1 AND position > $2 AND ($3::bytea IS NULL OR release_id = $3)
ORDER BY position LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class NumberedAssessment:
    """One assessment, its number and its release's evidence id."""

    position: int
    assessment: UUID
    release: str


async def number(connection: Connection, scope: TenantScope, made: Sequence[tuple[UUID, str]]) -> None:
    """Number assessments (id, release), as the last statement of the transaction that saves them."""
    if made:
        await connection.execute(
            _NUMBER, scope.id, [identity for identity, _ in made], [id_bytes(release) for _, release in made]
        )


async def head(connection: Connection, scope: TenantScope) -> int:
    """The newest number that is to be seen; 0 before the first."""
    found: int | None = await connection.fetchval(
        "SELECT max(position) FROM assessment_event WHERE tenant_id = $1", scope.id
    )
    return found or 0


async def following(
    connection: Connection, scope: TenantScope, after: int, release: str | None, limit: int
) -> list[NumberedAssessment]:
    """The next ones after a number, of one release or of all, in order."""
    about = None if release is None else digest_bytes(release)
    rows = await connection.fetch(_AFTER, *(scope.id, after, about, limit))
    return [NumberedAssessment(row["position"], row["assessment_id"], id_text(row["release_id"])) for row in rows]
