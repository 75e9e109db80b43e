"""Re-assessment in the background: what is due is derived, assessed, recorded, and struck off.

Due rows are written by the append itself, so nothing owed is forgotten: a crash before the assessment is saved leaves
them claimed, and they are free again when the lease has run out. More things make releases due: an import of
advisories (their current releases are matched again), an assessment that makes a release a baseline, or no longer one,
of those after it, a changed catalog or policy (all releases), and time that was to come (store/timers.py).

Two loops share the work, and any number of server processes:
  front   what an append made due, at once when it was appended here, otherwise at the next look; a few at a time
  back    all the rest, in batches, in processes that yield to everybody else; tenants take turns (use_cases/backlog.py)

Deriving appends evidence, which makes its own kinds due: they are settled with what they were derived for, and nothing
is derived from them, so it ends.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog

from evidence_api.domain.assessment import Assessment
from evidence_api.domain.control import Catalog
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.facts import rows_of
from evidence_api.domain.kinds import kinds_touched_by
from evidence_api.domain.moving import moves_at
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.clock import Clock
from evidence_api.engines.rego import PolicyBundle, RegoPool
from evidence_api.store import (
    advisories,
    assessments,
    baselines,
    due,
    evidence,
    grounds,
    read_log,
    reassessments,
    releases,
    tenants,
)
from evidence_api.store.advisories import FeedImport
from evidence_api.store.due import Owed
from evidence_api.store.session import Connection, Database
from evidence_api.store.timers import Timer
from evidence_api.use_cases.assessing import Assessing, Made
from evidence_api.use_cases.assessment_record import AssessmentRecord
from evidence_api.use_cases.derivation_grounds import DERIVED_KINDS
from evidence_api.use_cases.derive import ADVISORIES, Deriver, concerns, settled_by
from evidence_api.use_cases.evaluate import assess_release
from evidence_api.use_cases.lease import held

logger = structlog.get_logger(__name__)

_AT_ONCE = 4  # releases of the front: one whose documents take minutes to derive from must not hold up the others


class Reassessor:
    """Assesses what is due, of every tenant: what was appended first, and the background when nobody waits."""

    def __init__(  # noqa: PLR0913, PLR0917  one argument for each thing an assessment needs
        self,
        database: Database,
        rego: RegoPool,
        catalog: Catalog,
        policy: PolicyBundle,
        clock: Clock,
        deriver: Deriver,
        assessing: Assessing,
    ) -> None:
        self._database = database
        self._rego = rego
        self._catalog = catalog
        self._policy = policy
        self._clock = clock
        self._deriver = deriver
        self._assessing = assessing
        self._record = AssessmentRecord(database, catalog, assessing.bundle, clock.now())
        self._woken = asyncio.Event()
        self._fresh: dict[TenantScope, None] = {}
        self._appends: dict[TenantScope, int] = {}
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._running: set[asyncio.Task[None]] = set()

    def wake(self, scope: TenantScope) -> None:
        """Evidence of this tenant was appended: look now instead of at the end of the interval."""
        self._fresh[scope] = None
        self._appends[scope] = self._appends.get(scope, 0) + 1
        self._woken.set()

    async def run(self, interval: float) -> None:
        """The front, for ever: when woken, and every `interval` seconds over all tenants, since other processes append
        too. What could not be decided now stays due and is said."""
        try:
            await self._assessing.warm_up()
        except EvidenceError as fault:  # the first release to be assessed will find a worker, or say the same
            logger.warning("not_warmed_up", code=fault.code, detail=fault.message)
        loop = asyncio.get_running_loop()
        look = loop.time()
        try:
            while True:
                self._woken.clear()
                if loop.time() >= look:
                    await self._look_everywhere()
                    look = loop.time() + interval
                else:
                    fresh, self._fresh = self._fresh, {}
                    await self._start(tuple(fresh))
                try:
                    async with asyncio.timeout_at(look):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            for task in self._running:
                task.cancel()

    async def sweep(self) -> int:
        """Assess everything due now, one release after the other; the number of assessments made."""
        made = 0
        last = await self._last_import()
        for scope in await tenants.every(self._database):
            if last is not None:
                await self._match_again(scope, last)
            while (owed := await self._claim(scope)) is not None:
                async with held(self._database, self._clock, scope, [owed]):
                    await self._settle(scope, owed)
                made += 1
        return made

    async def assess_now(self, scope: TenantScope, reference: str) -> Assessment:
        """Assess a release on every control at the newest tree, and record it. Raises NotFound, Undecided."""
        async with self._database.reading(scope) as connection:
            release = await releases.find(connection, scope, reference)
        await self._deriver.derive(scope, release)
        async with self._database.reading(scope) as connection:
            tree_size = (await read_log.head(connection, scope)).tree_size
            owned = await evidence.owned(connection, scope, release.id, tree_size)
        rows, at = rows_of(release, owned), self._clock.now()
        assessment = await assess_release(
            self._rego, self._catalog, self._policy, release, rows, tree_size=tree_size, at=at
        )
        timer = Timer(release.id, tree_size, moves_at(self._catalog, release, rows, at))
        await self._record.save(scope, [Made(assessments.stored(assessment), timer)], settled=())
        return assessment

    async def _look_everywhere(self) -> None:
        """Start what is due of every tenant, whoever appended it."""
        self._fresh.clear()
        try:
            last = await self._last_import()
            scopes = await tenants.every(self._database)
            for scope in scopes if last is not None else ():
                await self._match_again(scope, last)
        except EvidenceError as fault:
            logger.warning("sweep_postponed", code=fault.code, detail=fault.message)
            return
        await self._start(scopes)

    async def _start(self, scopes: Sequence[TenantScope]) -> None:
        """Claim what is due of these tenants, and settle it in tasks, some at once. Tenants take turns."""
        waiting = list(scopes)
        while waiting:
            scope = waiting.pop(0)
            await self._free.acquire()
            seen = self._appends.get(scope, 0)
            try:
                owed = await self._claim(scope)
            except EvidenceError as fault:
                logger.warning("sweep_postponed", tenant=scope.name, code=fault.code, detail=fault.message)
                owed = None
            if owed is None:
                self._free.release()
                continue
            waiting.append(scope)
            task = asyncio.create_task(self._settle_or_postpone(scope, owed, seen))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _settle_or_postpone(self, scope: TenantScope, owed: Owed, seen: int) -> None:
        """Settle it; of what was appended since `seen` appends, something may have been for the same release, and was
        not free to be taken meanwhile."""
        try:
            async with held(self._database, self._clock, scope, [owed]):
                await self._settle(scope, owed, at_once=True)
        except EvidenceError as fault:
            logger.warning(
                "sweep_postponed", tenant=scope.name, release=owed.release, code=fault.code, detail=fault.message
            )
        except Exception:  # one release must not end the assessment of all others
            logger.exception("sweep_postponed", tenant=scope.name, release=owed.release, code="internal")
        else:
            if self._appends.get(scope, 0) != seen:
                self.wake(scope)
        finally:
            self._free.release()

    async def _claim(self, scope: TenantScope) -> Owed | None:
        async with self._database.tenant(scope) as connection:
            rules = reassessments.cause_of(self._assessing.bundle.digest)
            return await due.claim(connection, scope, self._clock.now(), rules=rules)

    async def _last_import(self) -> FeedImport | None:
        async with self._database.anonymous() as connection:
            return await advisories.last_import(connection)

    async def _match_again(self, scope: TenantScope, last: FeedImport | None) -> None:
        """Make the current releases due in the background after an import of advisories, once for each and tenant."""
        if last is None:
            return
        async with self._database.reading(scope) as connection:
            matched = await advisories.matched_with(connection, scope)
        if matched < last.id:
            async with self._database.tenant(scope) as connection:
                if await advisories.keep_match(connection, scope, last.id):
                    newest = await baselines.current(connection, scope)
                    await baselines.owe(connection, scope, newest, f"{ADVISORIES}@{last.id}", background=True)
                # Commit point: both or neither; a crash before it makes them due the next time.

    async def _settle(self, scope: TenantScope, owed: Owed, *, at_once: bool = False) -> None:
        """Derive, assess, record, strike off. With `at_once` the verdicts are recorded before anything is derived, and
        again if that was new: nobody waits for the comparison of two SBOMs to see that a scan failed."""
        derives = concerns(owed.kinds)
        before, kinds = owed.tree_size, owed.kinds
        if derives and at_once:
            before = await self._assess(scope, owed)
            # A crash after this leaves these verdicts, and the rows due.
        if derives:
            async with self._database.reading(scope) as connection:
                release = await releases.get(connection, scope, owed.release)
            new = await self._deriver.derive(scope, release)
            # A crash after this leaves what was derived in the log, and the rows due: deriving again adds nothing.
            if at_once and not new:
                await self._record.save(scope, [], settled=[(owed, before)])
                return
            kinds = DERIVED_KINDS if at_once else (*owed.kinds, *DERIVED_KINDS)
        # Who appended has seen verdicts by now: those after this one need not wait for what follows from it.
        await self._assess(scope, replace(owed, kinds=kinds), settles=(owed, before), background=derives and at_once)

    async def _assess(
        self, scope: TenantScope, owed: Owed, *, settles: tuple[Owed, int] | None = None, background: bool = False
    ) -> int:
        """Assess a release for what is owed, and record it; the tree size of it. With `settles`, strike that off, of
        which what arrived in a tree of so many leaves was derived from."""
        async with self._database.reading(scope) as connection:
            found, previous, kinds = await self._grounds(connection, scope, owed)
        made = await self._assessing.make(
            found,
            self._clock.now(),
            only=None if previous is None else self._controls_reading(kinds),
            previous=previous,
            background=background,
        )
        size = made.row.tree_size
        await self._record.save(scope, [made], settled=settled_by(*settles, size) if settles else ())
        return size

    async def _grounds(
        self, connection: Connection, scope: TenantScope, owed: Owed
    ) -> tuple[grounds.Grounds, assessments.StoredAssessment | None, Sequence[str]]:
        """What a release owns now, what was found of it before where that can be built upon, and the kinds that may
        differ since: also those that will be settled later, for an assessment is of all evidence in its tree."""
        tree_size = (await read_log.head(connection, scope)).tree_size
        found = await grounds.of_releases(connection, scope, [owed.release], tree_size)
        previous = await assessments.latest_stored(connection, scope, owed.release)
        if previous is not None:
            since = await due.kinds_since(connection, scope, owed.release, previous.tree_size)
            owed = replace(owed, kinds=tuple({*owed.kinds, *since}))
        return found[owed.release], None if owed.whole else previous, owed.kinds

    def _controls_reading(self, kinds: Sequence[str]) -> list[str]:
        """The controls whose outcome the arrival of these kinds can change."""
        touched = frozenset().union(*(kinds_touched_by(kind) for kind in kinds))
        return [control.id for control in self._catalog.controls if control.policy or control.kinds() & touched]
