"""Reperforming what needs an artifact, beside everything else: one decision at a time, however long it takes.

The plan for one decision whose artifact is here:
  1. take it for a while, for as long as this goes on                          store/reperformances.py
  2. read the artifact (in a process of its own, with progress), and reperform
  3. sign and append what was found, in the place of what stood
  4. strike it off. A crash anywhere before leaves it free again when the lease has run out, and doing it again finds
     what it found: the same statement, and no second leaf.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import structlog

from evidence_api.domain.decisions.reperforming import Reperformance
from evidence_api.domain.errors import EvidenceError, Refused, StoreUnavailable, Undecided
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.clock import Clock
from evidence_api.formats.stored import stored_statement
from evidence_api.store import evidence, reperformances, tenants
from evidence_api.store.reperformances import WaitingDecision
from evidence_api.store.session import Database
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.reperform import Reperforming
from evidence_api.use_cases.reperform_deferred import FOLLOWER
from evidence_api.use_cases.reperformance_record import ReperformanceRecord, not_decided, not_readable

logger = structlog.get_logger(__name__)

HeldArtifacts: TypeAlias = Callable[[TenantScope, str], Awaitable[Any | None]]  # what it holds, None: it is not here

_IDLE = 4  # intervals of the front between two looks
_RENEW_SECONDS = reperformances.LEASE.total_seconds() / 3  # two of them may fail
_TRIES = 5  # of an artifact whose reader does not answer


class WaitingDecisions:
    """Reperforms decisions once the artifact they need was uploaded."""

    def __init__(
        self, database: Database, clock: Clock, gate: Gate, record: ReperformanceRecord, artifacts: HeldArtifacts
    ) -> None:
        self._database = database
        self._clock = clock
        self._gate = gate
        self._record = record
        self._artifacts = artifacts
        self._tried: Counter[str] = Counter()

    async def run(self, interval: float) -> None:
        """For ever. What could not be done now is done later, and said."""
        while True:
            try:
                await self.sweep()
            except EvidenceError as fault:
                logger.warning("reperformance_postponed", code=fault.code, detail=fault.message)
            await asyncio.sleep(interval * _IDLE)

    async def sweep(self) -> int:
        """Reperform every decision whose artifact is here, tenants taking turns; how many were."""
        done = 0
        waiting = list(await tenants.every(self._database))
        while waiting:
            scope = waiting.pop(0)
            async with self._database.tenant(scope) as connection:
                taken = await reperformances.claim(connection, scope, self._clock.now(), follower=FOLLOWER)
            if taken is not None:
                waiting.append(scope)
                done += await self._settle(scope, taken)
        return done

    async def _settle(self, scope: TenantScope, taken: WaitingDecision) -> bool:
        """One decision, however long that takes. One that cannot be settled now is taken again after its lease."""
        try:
            async with self._held(scope, taken):
                await self._reperform(scope, taken)
        except EvidenceError as fault:
            told = {"code": fault.code, "detail": fault.message}
            logger.warning("reperformance_postponed", tenant=scope.name, of=taken.evidence.id, **told)
            return False
        except Exception:  # one decision must not keep all others waiting, nor end the server
            logger.exception("reperformance_postponed", tenant=scope.name, of=taken.evidence.id, code="internal")
            return False
        return True

    async def _reperform(self, scope: TenantScope, taken: WaitingDecision) -> None:
        """Steps 2 to 4. Raises Undecided."""
        about = taken.evidence
        async with self._database.reading(scope) as connection:
            body = (await evidence.bodies(connection, scope, [about.body_digest])).get(about.body_digest)
        if body is not None:  # otherwise it was erased meanwhile
            result = await self._result(scope, taken, body)
            await self._record.append(scope, about, result, {"artifact": taken.artifact})
        async with self._database.tenant(scope) as connection:
            await reperformances.strike(connection, scope, about.leaf_index)
        self._tried.pop(about.id, None)

    async def _result(self, scope: TenantScope, taken: WaitingDecision, body: bytes) -> Reperformance:
        """Raises Undecided, while there is hope of an answer."""

        async def gate() -> Gate:
            return self._gate

        async def held(digest: str) -> Any | None:  # noqa: ANN401  of the kind's own type
            return await self._artifacts(scope, digest)

        try:
            predicate = stored_statement(body).predicate
            return await Reperforming(gate, held).of(taken.evidence.predicate_type, predicate)
        except Refused as refusal:  # of an artifact that holds something else, too
            return not_readable(refusal)
        except StoreUnavailable:
            raise
        except Undecided as fault:
            self._tried[taken.evidence.id] += 1
            if self._tried[taken.evidence.id] < _TRIES:
                raise
            logger.warning("artifact_not_read", tenant=scope.name, artifact=taken.artifact, code=fault.code)
            return not_decided(f"the reader of artifact {taken.artifact}")

    @asynccontextmanager
    async def _held(self, scope: TenantScope, taken: WaitingDecision) -> AsyncIterator[None]:
        """Nobody else takes it meanwhile; it is free by itself if this process ends."""
        renewing = asyncio.create_task(self._renew(scope, taken))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _renew(self, scope: TenantScope, taken: WaitingDecision) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                async with self._database.tenant(scope) as connection:
                    await reperformances.renew(connection, scope, taken.evidence.leaf_index, self._clock.now())
            except EvidenceError as fault:
                logger.warning("lease_not_renewed", tenant=scope.name, code=fault.code, detail=fault.message)
