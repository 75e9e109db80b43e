"""Packs that are asked for, and rendered beside the server's answers: one at a time in each process.

The plan of one pack:
  1. it is asked for: the order is written with the note that the request is in the log   use_cases/action_requests.py
  2. a process takes it for as long as its lease lasts, and renews that while it works
  3. assess, gather, render; the files and the end of the order are written in one transaction
Commit points: a crash in 2 or 3 leaves the order, free again when the lease has run out; after 3 it is ready. What
cannot be packed (personal data that may not leave) fails with its code; what could not be decided is tried again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import orjson
import structlog

from evidence_api.domain.action_request import REQUEST_PACK, Asked, Recorded
from evidence_api.domain.errors import EvidenceError, Undecided
from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.domain.statement import Subject
from evidence_api.engines.clock import Clock
from evidence_api.store import pack_requests, releases, tenants
from evidence_api.store.action_requests import ActionRequest
from evidence_api.store.pack_requests import LEASE, ClaimedPack, PackRequest
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.action_requests import ActionRequests
from evidence_api.use_cases.release_packs import Packs
from evidence_api.use_cases.rounds import Rounds

logger = structlog.get_logger(__name__)

_TRIES = 5
_FIRST = timedelta(seconds=2)
_MOST_REASON = 1_000  # characters
_MOST_SUBJECTS = 100
_IDLE = 4  # intervals of the front between two looks


class PackRequests:
    """Takes orders for packs, and fills them."""

    def __init__(self, database: Database, requests: ActionRequests, packs: Packs, clock: Clock) -> None:
        self._database = database
        self._requests = requests
        self._packs = packs
        self._clock = clock
        self._rounds = Rounds(self.sweep, "packs_postponed")
        requests.with_each(REQUEST_PACK, _order)

    async def ask(  # noqa: PLR0913  one argument for each thing that is said
        self, principal: Principal, reference: str, *, justification: str, redact: bool, key: str, request_id: str
    ) -> Recorded:
        """Order a pack of a release (name, name@version or evidence id). Raises NotFound (no such release), Conflict
        `key_reused`, Refused, Undecided."""
        async with self._database.reading(principal.tenant) as connection:
            release = await releases.find(connection, principal.tenant, reference)
        named = f"{release.name}@{release.version}"
        subjects = tuple(
            Subject(named, {digest.partition(":")[0]: digest.partition(":")[2]})
            for digest in sorted(release.digests)[:_MOST_SUBJECTS]
        )
        asked = Asked(
            action=REQUEST_PACK,
            target=named,
            justification=justification,
            key=key,
            request_id=request_id,
            about=release.id,
            subjects=subjects,
            parameters={"redact": redact},
        )
        recorded = await self._requests.ask(principal, asked)
        self._rounds.wake()
        return recorded

    async def run(self, interval: float) -> None:
        """Render for ever, when woken and every few intervals."""
        await self._rounds.run(interval * _IDLE)

    async def sweep(self) -> int:
        """Render everything that waits, tenants taking turns; how many packs were finished or failed for good."""
        done = 0
        waiting = list(await tenants.every(self._database))
        while waiting:
            rest = []
            for scope in waiting:
                async with self._database.tenant(scope) as connection:
                    claimed = await pack_requests.claim(connection, scope, self._clock.now())
                if claimed is not None:
                    done += await self._fill(scope, claimed)
                    rest.append(scope)
            waiting = rest
        return done

    async def _fill(self, scope: TenantScope, claimed: ClaimedPack) -> bool:
        """Steps 2 and 3; whether that is the end of the order."""
        try:
            async with self._held(scope, claimed):
                built = await self._packs.build(scope, claimed.release, redact=claimed.redact, order=claimed.id)
        except Undecided as fault:
            return await self._again(scope, claimed, fault.code, fault.message)
        except EvidenceError as fault:
            await self._fail(scope, claimed, fault.code, fault.message)
            return True
        except Exception:  # a fault of ours: tried again, then told by its code alone
            logger.exception("pack_postponed", tenant=scope.name, pack=str(claimed.id), code="internal_fault")
            return await self._again(scope, claimed, "internal_fault", "the server failed to render it")
        logger.info("pack_ready", tenant=scope.name, pack=str(claimed.id), release=built.release, status=built.status)
        return True

    async def _again(self, scope: TenantScope, claimed: ClaimedPack, code: str, reason: str) -> bool:
        if claimed.attempts >= _TRIES:
            await self._fail(scope, claimed, code, reason)
            return True
        async with self._database.tenant(scope) as connection:
            again = self._clock.now() + _FIRST * 2 ** (claimed.attempts - 1)
            await pack_requests.postpone(connection, scope, claimed.id, again)
        return False

    async def _fail(self, scope: TenantScope, claimed: ClaimedPack, code: str, reason: str) -> None:
        logger.warning("pack_failed", tenant=scope.name, pack=str(claimed.id), code=code, detail=reason)
        async with self._database.tenant(scope) as connection:
            now, told = self._clock.now(), reason[:_MOST_REASON]
            await pack_requests.fail(connection, scope, claimed.id, now, code=code, reason=told)

    @asynccontextmanager
    async def _held(self, scope: TenantScope, claimed: ClaimedPack) -> AsyncIterator[None]:
        """Renew the lease until this is left; it runs out by itself if the process ends."""
        renewing = asyncio.create_task(self._renew(scope, claimed))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _renew(self, scope: TenantScope, claimed: ClaimedPack) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)  # two of them may fail
            try:
                async with self._database.tenant(scope) as connection:
                    await pack_requests.hold(connection, scope, claimed.id, self._clock.now())
            except EvidenceError as fault:
                logger.warning("lease_not_renewed", tenant=scope.name, code=fault.code, detail=fault.message)


async def _order(connection: Connection, scope: TenantScope, kept: ActionRequest) -> None:
    """The order of a request that is in the log, under the same id."""
    predicate = orjson.loads(kept.statement)["predicate"]
    await pack_requests.put(
        connection,
        scope,
        PackRequest(
            id=kept.id,
            release=predicate["about"],
            redact=predicate["parameters"]["redact"],
            by=kept.principal,
            justification=predicate["justification"],
            requested=kept.requested,
        ),
    )
