"""Limits of rates: what operators set for a tenant. They hold from the next request on."""

from evidence_api.domain.principal import TenantScope
from evidence_api.domain.rates import RateLimit, checked_limit
from evidence_api.engines.clock import Clock
from evidence_api.store import rates
from evidence_api.store.session import Database


class RateLimits:
    """The limits of tenants. `usual` is the one of those without one of their own."""

    def __init__(self, database: Database, usual: RateLimit, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.usual = usual

    async def put(self, scope: TenantScope, capacity: int, restore: int, mode: str) -> RateLimit:
        """Limit a tenant. Raises TooLarge, Malformed, StoreUnavailable."""
        limit = checked_limit(capacity, restore, mode)
        async with self._database.operator(scope) as connection:
            await rates.set_limit(connection, scope, limit, self._clock.now())
        return limit

    async def get(self, scope: TenantScope) -> RateLimit | None:
        """The tenant's own."""
        async with self._database.tenant(scope) as connection:
            return await rates.limit_of(connection, scope)

    async def remove(self, scope: TenantScope) -> bool:
        """Let the usual one hold again; whether there was another."""
        async with self._database.operator(scope) as connection:
            return await rates.drop_limit(connection, scope)
