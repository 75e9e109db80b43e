"""Rates: what an operation costs, what a tenant and a client may spend, and where that stands.

Cost units: one object of an answer is one. `bucket_level` and `LocalBuckets` are what one process goes by while the
database, which holds the buckets, does not answer; they follow the rules of `move_rates` there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

from evidence_api.domain.errors import Malformed, TooLarge

ENFORCE, MEASURE = "enforce", "measure"
MAX_CAPACITY = 1_000_000_000
MAX_RESTORE = 100_000_000
SHARE = 0.6  # of a tenant's bucket, that one of its clients may have while others are active
ALONE_AFTER = 60.0  # seconds after which a client nobody heard of is active no more
FLOOR_PERCENT = 10  # of what was requested, that is never given back

# What a request that is no GraphQL operation costs, by the action it needs.
REQUEST_COSTS: Mapping[str, int] = MappingProxyType(
    {
        "evidence:write": 10,
        "evidence:read": 5,
        "decision:ask": 20,
        "pack:build": 1000,
        "pack:read": 5,
        "policy:read": 5,
    }
)
INVALID_DOCUMENT = 5  # a GraphQL document that is read and does not run
UPLOAD = REQUEST_COSTS["evidence:write"]  # one document of a batch


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How a tenant is limited: units a full bucket holds, units that come back in a second, and whether that is
    enforced or only measured."""

    capacity: int = 50_000
    restore: int = 5_000
    mode: str = ENFORCE


USUAL = RateLimit()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the narrower of a caller's two buckets stands, in cost units; `reset` is seconds until it is full."""

    limit: int
    remaining: int
    reset: float
    restore_rate: float  # units a second


@dataclass(frozen=True, slots=True)
class Charge:
    """What was taken for one operation before it ran. `standing` is None where nothing is limited."""

    requested: int
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What the buckets said of one request. `refusable`: one of them was in debt, so it was refused, or would have
    been; `retry_after` is seconds until neither is. `own`: the tenant has limits of its own."""

    granted: bool
    refusable: bool
    own: bool
    limit: RateLimit
    standing: Standing
    retry_after: float
    tenant_holds: float  # units; below 0 is debt
    client_holds: float


def checked_limit(capacity: int, restore: int, mode: str) -> RateLimit:
    """A limit within bounds. Raises TooLarge `rate_out_of_bounds`, Malformed `rate_mode`."""
    for name, value, most in (("capacity", capacity, MAX_CAPACITY), ("restore", restore, MAX_RESTORE)):
        if not 1 <= value <= most:
            raise TooLarge(
                f"{name} must be 1 to {most}, not {value}",
                code="rate_out_of_bounds",
                path=name,
                limit=most,
                value=value,
            )
    if mode not in {ENFORCE, MEASURE}:
        raise Malformed(f"the mode is {ENFORCE} or {MEASURE}, not {mode}", code="rate_mode", path="mode")
    return RateLimit(capacity, restore, mode)


def refund(requested: int, actual: int) -> int:
    """What goes back of a charge: a tenth is kept whatever came of it.

    >>> refund(100, 40), refund(100, 0), refund(100, 150), refund(3, 0)
    (60, 90, 0, 2)
    """
    least = -(-requested * FLOOR_PERCENT // 100)
    return max(0, requested - max(actual, least))


@dataclass(slots=True)
class _Bucket:
    level: float
    moved: float


@dataclass(slots=True)
class _Tenant:
    own: _Bucket
    clients: dict[str, _Bucket] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)


class LocalBuckets:
    """The buckets of one process, as the database said last, and full where it never said. Bounded: when there are too
    many, all are full again."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._tenants: dict[UUID, _Tenant] = {}

    def move(self, tenant: UUID, client: str, cost: int, limit: RateLimit, now: float) -> Moved:
        """Take `cost` units at `now` (seconds of any steady clock)."""
        held = self._held(tenant, limit, now)
        held.seen[client] = now
        alone = all(now - at > ALONE_AFTER for other, at in held.seen.items() if other != client)
        share = 1.0 if alone else SHARE
        theirs = held.clients.setdefault(client, _Bucket(limit.capacity * share, now))
        own_level = _restored(held.own, limit.capacity, limit.restore, now)
        level = _restored(theirs, limit.capacity * share, limit.restore * share, now)
        refusable = cost > 0 and (own_level <= 0 or level <= 0)
        if not refusable:
            own_level, level = own_level - cost, level - cost
        held.own, held.clients[client] = _Bucket(own_level, now), _Bucket(level, now)
        narrow = level <= own_level
        part, left = (share, level) if narrow else (1.0, own_level)
        standing = Standing(
            limit=int(limit.capacity * part),
            remaining=max(0, int(left)),
            reset=(limit.capacity * part - left) / (limit.restore * part),
            restore_rate=limit.restore * part,
        )
        wait = max(0.0, -own_level / limit.restore, -level / (limit.restore * share)) + 0.001 if refusable else 0.0
        return Moved(
            granted=not refusable or limit.mode == MEASURE,
            refusable=refusable,
            own=False,
            limit=limit,
            standing=standing,
            retry_after=wait,
            tenant_holds=own_level,
            client_holds=level,
        )

    def learn(self, tenant: UUID, client: str, moved: Moved, now: float) -> None:
        """Go on from what the database said last."""
        held = self._held(tenant, moved.limit, now)
        held.seen[client] = now
        held.own, held.clients[client] = _Bucket(moved.tenant_holds, now), _Bucket(moved.client_holds, now)

    def spend(self, tenant: UUID, client: str, units: int) -> None:
        """Take what the database was not told of yet."""
        held = self._tenants.get(tenant)
        if held is not None:
            held.own.level -= units
            if client in held.clients:
                held.clients[client].level -= units

    def _held(self, tenant: UUID, limit: RateLimit, now: float) -> _Tenant:
        held = self._tenants.get(tenant)
        if held is None or len(held.clients) >= self._most:
            if len(self._tenants) >= self._most:
                self._tenants.clear()
            held = self._tenants[tenant] = _Tenant(_Bucket(limit.capacity, now))
        return held


def _restored(bucket: _Bucket, full: float, rate: float, now: float) -> float:
    return min(full, bucket.level + rate * max(0.0, now - bucket.moved))
