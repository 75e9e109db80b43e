"""Lanes: kinds of work that do not get in each other's way, each with a bound on how much of it runs at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from evidence_api.domain.principal import TenantScope


class Lanes:
    """One lane for each kind of work: uploads, queries, federation, exports. Tenants take turns in a full lane."""

    @asynccontextmanager
    async def enter(self, lane: str, scope: TenantScope) -> AsyncIterator[None]:
        """A place in the lane for as long as the block runs. Raises Overloaded `lane_full`."""
        yield
