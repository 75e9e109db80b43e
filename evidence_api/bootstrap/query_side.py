"""Start, query side: what every operation passes on its way in and out, beside the use cases it calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from evidence_api.domain.rates import RateLimit
from evidence_api.engines.clock import Clock
from evidence_api.settings import Settings
from evidence_api.store.migrate import Login
from evidence_api.store.session import Database
from evidence_api.use_cases.lanes import Lanes, lane_sizes
from evidence_api.use_cases.rate_limits import RateLimits
from evidence_api.use_cases.rates import Rates


@dataclass(frozen=True, slots=True)
class QuerySide:
    """The use cases around a query, built once."""

    rates: Rates
    limits: RateLimits
    lanes: Lanes


@asynccontextmanager
async def open_query_side(
    settings: Settings, login: Login, database: Database, clock: Clock
) -> AsyncIterator[QuerySide]:
    """Put them together. The buckets have a connection of their own; on leaving, what waits is given back."""
    own = await Database.open(login.app_dsn, pool_size=1)
    usual = RateLimit(settings.rate_capacity, settings.rate_restore, settings.rate_mode)
    rates = Rates(own, usual, patience=settings.rate_patience)
    try:
        lanes = Lanes(lane_sizes(settings.pool_size))
        yield QuerySide(rates=rates, limits=RateLimits(database, usual, clock), lanes=lanes)
    finally:
        await rates.close()
        await own.close()
