"""Token buckets of models: taken from, refused and given back by one function of the database, under the row's lock.

Whatever number of servers and callers ask at once, no bucket gives more than it holds, and what it says it has given.
"""

from datetime import datetime, timedelta

from evidence_api.domain.model_quota import BucketSize, BucketState, Taken
from evidence_api.domain.principal import TenantScope
from evidence_api.store.session import Connection

_TOKEN = 60_000_000  # units of a level; a refill of one a minute gives one a microsecond
_MOVE = "SELECT granted, remaining, retry_microseconds FROM move_model_bucket($1, $2, $3, $4, $5)"
_FULL = (
    "level + (extract(epoch FROM $2 - moved_at) * 1000000)::numeric * refill_per_minute >= burst::numeric * 60000000"
)


async def move(connection: Connection, model: str, size: BucketSize, calls: int, at: datetime) -> Taken:
    """Take `calls` tokens from the tenant's bucket of a model, or give them back (below 0); all or nothing.

    Commit point: the caller's. It waits for nothing but others who move the same bucket.
    """
    row = await connection.fetchrow(_MOVE, model, size.burst, size.refill_per_minute, calls, at)
    if row is None:  # a function without a set gives one row always
        return Taken(granted=False, remaining=0, retry_after=0.0)
    wait = -(-row["retry_microseconds"] // 1000) / 1000  # whole milliseconds, up: whoever comes then finds a token
    return Taken(row["granted"], row["remaining"], wait)


async def buckets(
    connection: Connection, scope: TenantScope, at: datetime, *, after: str = "", limit: int = 100
) -> list[BucketState]:
    """The buckets that calls were taken from, by model, as they are at `at`; those behind `after`."""
    rows = await connection.fetch(
        "SELECT model, level, burst, refill_per_minute, moved_at FROM model_bucket "
        "WHERE tenant_id = $1 AND model > $2 ORDER BY model LIMIT $3",
        *(scope.id, after, limit),
    )
    return [
        BucketState(
            model=row["model"],
            level=_level(row["level"], row["burst"], row["refill_per_minute"], at - row["moved_at"]),
            size=BucketSize(row["burst"], row["refill_per_minute"]),
            moved=row["moved_at"],
        )
        for row in rows
    ]


async def forget_full(connection: Connection, scope: TenantScope, at: datetime) -> int:
    """Delete the buckets that are full again: they are as if they had never been used. The number of them."""
    done = await connection.execute(f"DELETE FROM model_bucket WHERE tenant_id = $1 AND {_FULL}", scope.id, at)  # noqa: S608  constant
    return int(done.rpartition(" ")[2])


def _level(kept: int, burst: int, refill: int, elapsed: timedelta) -> float:
    """Calls in a bucket now."""
    refilled = max(0, elapsed // timedelta(microseconds=1)) * refill
    return min(burst * _TOKEN, kept + refilled) / _TOKEN
