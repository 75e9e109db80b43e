"""Buckets of tenants and clients, moved by one function of the database; and the limits operators set.

Whatever number of servers and callers ask at once, nobody gets more than a bucket holds and restores, beyond the one
request that leaves it in debt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from evidence_api.domain.principal import TenantScope
from evidence_api.domain.rates import Moved, RateLimit, Standing
from evidence_api.store.session import Connection, Database

_MICRO = 1_000_000
_UNIT = 100_000_000  # of a level
_MOVE = (
    "SELECT place, granted, refusable, own, mode, quota, restore_rate, remaining, reset_us, retry_us, capacity,"
    " restore, tenant_holds, client_holds"
    " FROM move_rates($1, $2, $3, $4, $5, $6, $7, $8)"
)


@dataclass(frozen=True, slots=True)
class Movement:
    """What one request takes (cost > 0), looks at (0) or gives back (cost < 0). `asked`: it may be refused; otherwise
    it has happened."""

    tenant: UUID
    client: str
    cost: int
    asked: bool = True


async def move(
    database: Database, movements: Sequence[Movement], usual: RateLimit, at: datetime | None = None
) -> list[Moved]:
    """Move the buckets of every request, in this order; `usual` is the limit of tenants without one of their own. `at`
    is by the database's clock unless it is given.

    Commit point: one statement, a transaction of its own. A crash before it leaves all buckets as they were; after a
    crash of the database they are full.
    """
    async with database.statement() as connection:
        rows = await connection.fetch(
            _MOVE,
            [one.tenant for one in movements],
            [one.client for one in movements],
            [one.cost for one in movements],
            [one.asked for one in movements],
            usual.capacity,
            usual.restore,
            usual.mode,
            at,
        )
    moved = {place - 1: _moved(figures) for place, *figures in rows}
    return [moved[place] for place in range(len(movements))]


def _moved(figures: Sequence[int]) -> Moved:
    granted, refusable, own, mode, quota, rate, remaining, reset_us, retry_us, capacity, restore, *holds = figures
    return Moved(
        granted=bool(granted),
        refusable=bool(refusable),
        own=bool(own),
        limit=RateLimit(capacity, restore, str(mode)),
        standing=Standing(quota, remaining, reset_us / _MICRO, float(rate)),
        retry_after=retry_us / _MICRO,
        tenant_holds=holds[0] / _UNIT,
        client_holds=holds[1] / _UNIT,
    )


async def limit_of(connection: Connection, scope: TenantScope) -> RateLimit | None:
    """The limit an operator set; None: the usual one holds."""
    row = await connection.fetchrow("SELECT capacity, restore, mode FROM rate_limit WHERE tenant_id = $1", scope.id)
    return None if row is None else RateLimit(row["capacity"], row["restore"], row["mode"])


async def set_limit(connection: Connection, scope: TenantScope, limit: RateLimit, at: datetime) -> None:
    """Limit a tenant so from now on; a connection of the operator's."""
    await connection.execute(
        "INSERT INTO rate_limit (tenant_id, capacity, restore, mode, changed_at) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT (tenant_id) DO UPDATE SET capacity = excluded.capacity, restore = excluded.restore, "
        "mode = excluded.mode, changed_at = excluded.changed_at",
        *(scope.id, limit.capacity, limit.restore, limit.mode, at),
    )


async def drop_limit(connection: Connection, scope: TenantScope) -> bool:
    """Let the usual limit hold again; whether there was another."""
    done = await connection.execute("DELETE FROM rate_limit WHERE tenant_id = $1", scope.id)
    return bool(done == "DELETE 1")


async def forget_full(connection: Connection, scope: TenantScope, at: datetime) -> int:
    """Delete clients' buckets that have been full for an hour: they are as if they had never been used. Their number.

    The tenant's own stays: who takes from it holds its lock.
    """
    done = await connection.execute(
        "DELETE FROM rate_bucket "
        "WHERE tenant_id = $1 AND client <> '' AND full_at < $2::timestamptz - interval '1 hour'",
        *(scope.id, at),
    )
    return int(done.rpartition(" ")[2])
