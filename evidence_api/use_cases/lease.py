"""Re-assessment, beside the work: what was claimed stays claimed for as long as somebody works on it.

A derivation from large documents outlasts a lease many times over. Were the release free again then, it would be begun
anew at each look, here and on every other server, until it had taken the place of all others.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.clock import Clock
from evidence_api.store import due
from evidence_api.store.due import Owed
from evidence_api.store.session import Database

logger = structlog.get_logger(__name__)

RENEW_SECONDS = due.LEASE.total_seconds() / 3  # two of them may fail


@asynccontextmanager
async def held(database: Database, clock: Clock, scope: TenantScope, owed: Sequence[Owed]) -> AsyncIterator[None]:
    """Renew the leases of what was claimed, until this is left; they run out by themselves if the process ends."""
    renewing = asyncio.create_task(_renew(database, clock, scope, owed))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)


async def _renew(database: Database, clock: Clock, scope: TenantScope, owed: Sequence[Owed]) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            async with database.tenant(scope) as connection:
                await due.renew(connection, scope, owed, clock.now())
        except EvidenceError as fault:
            logger.warning("lease_not_renewed", tenant=scope.name, code=fault.code, detail=fault.message)
