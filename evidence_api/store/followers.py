"""Readers of the log: how far each has come, and what of its kinds comes next.

The log's appends are one after the other, and a leaf is seen when its append has committed: so nothing below a leaf
that is seen can still arrive, and a cursor leaves no gap.
"""

from collections.abc import Sequence

from evidence_api.domain.evidence import Evidence
from evidence_api.domain.principal import TenantScope
from evidence_api.store.rows import EVIDENCE, evidence_of
from evidence_api.store.session import Connection

_BEGIN = "INSERT INTO log_follower (tenant_id, name, next_leaf) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING"
_WAITS = """
SELECT EXISTS (
  SELECT FROM evidence WHERE tenant_id = $1 AND kind = ANY ($3::text[])
    AND leaf_index >= (SELECT next_leaf FROM log_follower WHERE tenant_id = $1 AND name = $2))
"""
_TAKE = "SELECT next_leaf FROM log_follower WHERE tenant_id = $1 AND name = $2 FOR UPDATE SKIP LOCKED"
_SILENCE = "5min"
_NEXT = f"""
SELECT {EVIDENCE} FROM evidence e
WHERE e.tenant_id = $1 AND e.kind = ANY ($2::text[]) AND e.leaf_index >= $3
ORDER BY e.leaf_index LIMIT $4
"""  # noqa: S608  constant columns


async def begin(connection: Connection, scope: TenantScope, name: str) -> None:
    """Let it begin at the log's first leaf, unless it has begun."""
    await connection.execute(_BEGIN, scope.id, name)


async def waits(connection: Connection, scope: TenantScope, name: str, kinds: Sequence[str]) -> bool:
    """Whether there is anything for it that nobody has handled yet."""
    found: bool = await connection.fetchval(_WAITS, *(scope.id, name, list(kinds)))
    return found


async def take(connection: Connection, scope: TenantScope, name: str) -> int | None:
    """Be the only one who moves it until this transaction ends; the next leaf. None: somebody else is.

    PostgreSQL ends the transaction of a process it has not heard from for some minutes, and lets others have it.
    """
    next_leaf: int | None = await connection.fetchval(_TAKE, scope.id, name)
    if next_leaf is not None:
        await connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{_SILENCE}'")
    return next_leaf


async def following(
    connection: Connection, scope: TenantScope, kinds: Sequence[str], first: int, limit: int
) -> tuple[Evidence, ...]:
    """Evidence of these kinds, verified or not, from leaf `first` on, in leaf order."""
    rows = await connection.fetch(_NEXT, *(scope.id, list(kinds), first, limit))
    return tuple(map(evidence_of, rows))


async def move(connection: Connection, scope: TenantScope, name: str, next_leaf: int) -> None:
    """Note that everything before this leaf is handled."""
    await connection.execute(
        "UPDATE log_follower SET next_leaf = $3 WHERE tenant_id = $1 AND name = $2", *(scope.id, name, next_leaf)
    )
