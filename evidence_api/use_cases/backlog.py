"""Re-assessment of everything: what nobody waits for is assessed in batches, and how far it is can be seen.

At the start of a server every release assessed under another catalog or policy bundle becomes due here
(store/reassessments.py says which), and whenever the moment has come at which time alone can change a verdict
(store/timers.py). One batch is read while others are assessed and another is written, so that neither the workers nor
PostgreSQL wait; tenants take turns, batch by batch.
"""

import asyncio
import time
from collections.abc import Sequence

import structlog

from evidence_api.domain.control import Catalog
from evidence_api.domain.errors import EvidenceError, Refused
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.clock import Clock
from evidence_api.store import due, grounds, read_log, reassessments, releases, tenants, timers
from evidence_api.store.due import Owed
from evidence_api.store.reassessments import Progress
from evidence_api.store.session import Database
from evidence_api.use_cases.assessing import Assessing, Made
from evidence_api.use_cases.assessment_record import AssessmentRecord
from evidence_api.use_cases.derive import Deriver, concerns, settled_by
from evidence_api.use_cases.lease import held

logger = structlog.get_logger(__name__)

BATCH = 16  # releases
_IN_FLIGHT = 3  # batches
_IDLE = 4  # intervals of the front between two looks
_LOOK_SECONDS = 2.0  # at most between two looks at all tenants
_TELL_SECONDS = 10.0


class Backlog:
    """Assesses what is due in the background, of every tenant."""

    def __init__(
        self, database: Database, catalog: Catalog, clock: Clock, deriver: Deriver, assessing: Assessing
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._clock = clock
        self._deriver = deriver
        self._assessing = assessing
        self._record = AssessmentRecord(database, catalog, assessing.bundle, clock.now())
        self._told = 0.0

    async def run(self, interval: float) -> None:
        """For ever: first what was assessed by other rules becomes due, then whatever is due is assessed."""
        begun = False
        while True:
            try:
                if not begun:
                    await self.begin()
                    begun = True
            except EvidenceError as fault:  # it is tried again; what is due already, and time, do not wait for it
                logger.warning("reassessment_not_begun", code=fault.code, detail=fault.message)
            try:
                await self.sweep()
            except EvidenceError as fault:
                logger.warning("backlog_postponed", code=fault.code, detail=fault.message)
            await asyncio.sleep(interval * _IDLE)

    async def begin(self) -> int:
        """Make due whatever was assessed under another catalog or policy bundle; the number of releases."""
        owed = 0
        for scope in await tenants.every(self._database):
            digests = (self._catalog.digest, self._assessing.bundle.digest)
            async with self._database.tenant(scope) as connection:
                new = await reassessments.begin(
                    connection, scope, *digests, len(self._catalog.controls), self._clock.now()
                )
            if new:
                logger.info("reassessment_begun", tenant=scope.name, releases=new, catalog=self._catalog.digest)
            owed += new
        return owed

    async def sweep(self) -> int:
        """Assess everything due in the background now; the number of assessments made."""
        made, waiting, looked = 0, await self._look(), time.monotonic()
        running: set[asyncio.Task[int]] = set()
        try:
            while waiting or running:
                if time.monotonic() - looked > _LOOK_SECONDS:  # others may have come to have something to do
                    waiting, looked = await self._look(), time.monotonic()
                while waiting and len(running) < _IN_FLIGHT:
                    scope = waiting.pop(0)
                    if owed := await self._claim(scope):
                        waiting.append(scope)
                        running.add(asyncio.create_task(self._settle(scope, owed)))
                if running:
                    done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    made += sum(task.result() for task in done)
                    await self._tell(waiting)
        finally:
            for task in running:
                task.cancel()
        for scope in await tenants.every(self._database):
            await self._finish(scope)
        return made

    async def _look(self) -> list[TenantScope]:
        """All tenants, whose timers have rung."""
        scopes = list(await tenants.every(self._database))
        for scope in scopes:
            await self._ring(scope)
        return scopes

    async def progress(self, scope: TenantScope) -> tuple[Progress, ...]:
        """How far a tenant's releases are, newest change first."""
        async with self._database.reading(scope) as connection:
            return await reassessments.progress(connection, scope)

    async def _ring(self, scope: TenantScope) -> None:
        """Make those releases due whose verdicts time alone can have changed by now."""
        while True:
            async with self._database.tenant(scope) as connection:
                rung = await timers.ring(connection, scope, self._clock.now())
            if not rung:
                return

    async def _claim(self, scope: TenantScope) -> tuple[Owed, ...]:
        async with self._database.tenant(scope) as connection:
            rules = reassessments.cause_of(self._assessing.bundle.digest)
            return await due.claim_some(connection, scope, self._clock.now(), limit=BATCH, background=True, rules=rules)

    async def _settle(self, scope: TenantScope, owed: Sequence[Owed]) -> int:
        """Assess and record one batch, however long that takes."""
        async with held(self._database, self._clock, scope, owed):
            return await self._settle_or_split(scope, owed)

    async def _settle_or_split(self, scope: TenantScope, owed: Sequence[Owed]) -> int:
        """The batch; if that cannot be, each of it alone, so that one cannot hold up the others."""
        try:
            return await self._settle_together(scope, owed)
        except EvidenceError as fault:
            logger.warning("batch_split", tenant=scope.name, size=len(owed), code=fault.code, detail=fault.message)
        except Exception:  # the same, each alone
            logger.exception("batch_split", tenant=scope.name, size=len(owed), code="internal")
        made = 0
        for one in owed:
            try:
                made += await self._settle_together(scope, [one])
            except EvidenceError as fault:
                logger.warning("backlog_postponed", tenant=scope.name, release=one.release, code=fault.code)
            except Exception:  # one release must not end the assessment of all others, nor the server
                logger.exception("backlog_postponed", tenant=scope.name, release=one.release, code="internal")
        return made

    async def _settle_together(self, scope: TenantScope, owed: Sequence[Owed]) -> int:
        for one in owed:
            await self._derive(scope, one)
        async with self._database.reading(scope) as connection:
            tree_size = (await read_log.head(connection, scope)).tree_size
            found = await grounds.of_releases(connection, scope, [one.release for one in owed], tree_size)
        made = await asyncio.gather(*(self._make(one) for one in found.values()))
        assessed = [one for one in made if one is not None]
        sizes = {one.row.release: one.row.tree_size for one in assessed}
        settled = [
            part for one in owed if one.release in sizes for part in settled_by(one, one.tree_size, sizes[one.release])
        ]
        await self._record.save(scope, assessed, settled, background=True)
        return len(assessed)

    async def _derive(self, scope: TenantScope, owed: Owed) -> None:
        """Derive what follows, where it may differ now."""
        if not concerns(owed.kinds):
            return
        async with self._database.reading(scope) as connection:
            release = await releases.get(connection, scope, owed.release)
        await self._deriver.derive(scope, release)
        # A crash after this leaves what was derived in the log, and the rows due: deriving again adds nothing.

    async def _make(self, one: grounds.Grounds) -> Made | None:
        """None where it cannot be assessed: that is said, and tried again when the lease has run out."""
        try:
            return await self._assessing.make(one, self._clock.now(), background=True)
        except Refused as refusal:
            logger.warning("not_assessed", release=one.release.id, code=refusal.code, detail=refusal.message)
            return None

    async def _finish(self, scope: TenantScope) -> None:
        """Note and tell what has come to its end."""
        async with self._database.tenant(scope) as connection:
            ended = await reassessments.finish(connection, scope, self._clock.now())
        for one in await self.progress(scope) if ended else ():
            if one.cause in ended:
                self._say("reassessment_finished", scope, one)

    async def _tell(self, scopes: Sequence[TenantScope]) -> None:
        """Say every few seconds how far it is."""
        if time.monotonic() - self._told < _TELL_SECONDS:
            return
        self._told = time.monotonic()
        for scope in scopes:
            for one in await self.progress(scope):
                if one.finished_at is None:
                    self._say("reassessing", scope, one)

    def _say(self, event: str, scope: TenantScope, one: Progress) -> None:
        rate = round(one.rate(self._clock.now()))
        logger.info(event, tenant=scope.name, done=one.done, total=one.releases, verdicts_per_second=rate)
