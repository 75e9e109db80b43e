"""What the server found of decisions, by the decision's id; and the decisions that wait for an artifact.

A waiting decision is taken for a while by whoever computes it, once its artifact is here, and struck off when what was
found is in the log. A crash in between leaves it free again when the lease has run out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from evidence_api.domain.evidence import Evidence
from evidence_api.domain.principal import TenantScope
from evidence_api.store.rows import EVIDENCE, evidence_of, id_bytes, id_text
from evidence_api.store.session import Connection

LEASE = timedelta(seconds=60)

_STANDING = f"""
SELECT DISTINCT ON (e.series) {EVIDENCE} FROM evidence e
WHERE e.tenant_id = $1 AND e.kind = 'reperformance' AND e.series = ANY ($2::text[]) AND e.status = 'verified'
ORDER BY e.series, e.leaf_index DESC
"""  # noqa: S608  constant columns
_CLAIM = f"""
WITH chosen AS MATERIALIZED (
  SELECT w.leaf_index FROM waiting_decision w
    JOIN artifact a ON a.tenant_id = $1 AND a.digest = w.artifact
    JOIN log_follower f ON f.tenant_id = $1 AND f.name = $4 AND f.next_leaf > w.leaf_index
  WHERE w.tenant_id = $1 AND (w.claimed_until IS NULL OR w.claimed_until <= $2)
  ORDER BY w.leaf_index LIMIT 1 FOR UPDATE OF w SKIP LOCKED
), mine AS (
  UPDATE waiting_decision w SET claimed_until = $3 FROM chosen
  WHERE w.tenant_id = $1 AND w.leaf_index = chosen.leaf_index
  RETURNING w.leaf_index, w.artifact
)
SELECT mine.artifact AS needed, {EVIDENCE} FROM mine
  JOIN evidence e ON e.tenant_id = $1 AND e.leaf_index = mine.leaf_index
"""  # noqa: S608  constant columns


@dataclass(frozen=True, slots=True)
class WaitingDecision:
    """A decision this worker has taken, and the artifact it needs: `sha256:<hex>`."""

    evidence: Evidence
    artifact: str


async def standing(connection: Connection, scope: TenantScope, decisions: Sequence[str]) -> dict[str, Evidence]:
    """The newest verified statement about each of these decisions (evidence ids), erased or not."""
    rows = await connection.fetch(_STANDING, scope.id, list(decisions))
    return {one.series: one for one in map(evidence_of, rows)}


async def enlist(connection: Connection, scope: TenantScope, leaf_index: int, artifact: str) -> None:
    """Let the decision at that leaf wait for its artifact."""
    await connection.execute(
        "INSERT INTO waiting_decision (tenant_id, leaf_index, artifact) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        *(scope.id, leaf_index, id_bytes(artifact)),
    )


async def claim(
    connection: Connection, scope: TenantScope, at: datetime, *, follower: str, lease: timedelta = LEASE
) -> WaitingDecision | None:
    """Take the decision that has waited longest of those whose artifact is here and that the follower is past, for
    nobody else while the lease runs. None: there is none."""
    row = await connection.fetchrow(_CLAIM, *(scope.id, at, at + lease, follower))
    return None if row is None else WaitingDecision(evidence_of(row), id_text(row["needed"]))


async def renew(
    connection: Connection, scope: TenantScope, leaf_index: int, at: datetime, lease: timedelta = LEASE
) -> None:
    """Keep it for another lease."""
    await connection.execute(
        "UPDATE waiting_decision SET claimed_until = $3 WHERE tenant_id = $1 AND leaf_index = $2",
        *(scope.id, leaf_index, at + lease),
    )


async def strike(connection: Connection, scope: TenantScope, leaf_index: int) -> None:
    """What was found of it is in the log."""
    await connection.execute(
        "DELETE FROM waiting_decision WHERE tenant_id = $1 AND leaf_index = $2", *(scope.id, leaf_index)
    )


async def has_artifact(connection: Connection, scope: TenantScope, artifact: str) -> bool:
    """Whether it was uploaded."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM artifact WHERE tenant_id = $1 AND digest = $2)", *(scope.id, id_bytes(artifact))
    )
    return found
