"""Re-assessment in the background: what an append made due is derived, evaluated, recorded, and struck off.

Due rows are written by the append itself, so nothing owed is forgotten: a crash before the assessment is
saved leaves them claimed, and they are free again when the lease has run out. Two more things make releases due: an
import of advisories (their current releases are matched again), and an assessment that makes a release a baseline, or
no longer one, of those after it.

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
from evidence_api.domain.evidence import Evidence, Release
from evidence_api.domain.facts import rows_of
from evidence_api.domain.kinds import kinds_touched_by
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.clock import Clock
from evidence_api.engines.rego import PolicyBundle, RegoPool
from evidence_api.store import advisories, assessments, baselines, catalogs, evidence, read_log, releases, tenants
from evidence_api.store.advisories import FeedImport
from evidence_api.store.assessments import Owed
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.derivation_grounds import DERIVED_KINDS
from evidence_api.use_cases.derive import ADVISORIES, BASELINE, Deriver, concerns
from evidence_api.use_cases.evaluate import CATALOG_MODULE, assess_release, catalog_bundle

logger = structlog.get_logger(__name__)


class Reassessor:
    """Evaluates what is due, of every tenant, one release at a time."""

    def __init__(  # noqa: PLR0913, PLR0917  one argument for each thing an assessment needs
        self,
        database: Database,
        rego: RegoPool,
        catalog: Catalog,
        policy: PolicyBundle,
        clock: Clock,
        deriver: Deriver,
    ) -> None:
        self._database = database
        self._deriver = deriver
        self._rego = rego
        self._catalog = catalog
        self._policy = policy
        self._clock = clock

    async def run(self, interval: float) -> None:
        """Sweep for ever, every `interval` seconds. What could not be decided now stays due and is said."""
        while True:
            try:
                await self.sweep()
            except EvidenceError as fault:
                logger.warning("sweep_postponed", code=fault.code, detail=fault.message)
            await asyncio.sleep(interval)

    async def sweep(self) -> int:
        """Assess everything due now; the number of assessments made."""
        made = 0
        last = await self._last_import()
        for scope in await tenants.every(self._database):
            if last is not None:
                await self._match_again(scope, last)
            while (owed := await self._claim(scope)) is not None:
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
        assessment = await self._assess(release, owned, tree_size)
        async with self._database.tenant(scope) as connection:
            await self._save(connection, scope, assessment)
        return assessment

    async def _claim(self, scope: TenantScope) -> Owed | None:
        async with self._database.tenant(scope) as connection:
            return await assessments.claim(connection, scope, self._clock.now())

    async def _last_import(self) -> FeedImport | None:
        async with self._database.anonymous() as connection:
            return await advisories.last_import(connection)

    async def _match_again(self, scope: TenantScope, last: FeedImport) -> None:
        """Make the current releases due after an import of advisories, once for each import and tenant."""
        async with self._database.reading(scope) as connection:
            matched = await advisories.matched_with(connection, scope)
        if matched < last.id:
            async with self._database.tenant(scope) as connection:
                if await advisories.keep_match(connection, scope, last.id):
                    newest = await baselines.current(connection, scope)
                    await baselines.owe(connection, scope, newest, f"{ADVISORIES}@{last.id}")
                # Commit point: both or neither; a crash before it makes them due the next time.

    async def _settle(self, scope: TenantScope, owed: Owed) -> None:
        async with self._database.reading(scope) as connection:
            release = await releases.get(connection, scope, owed.release)
        if concerns(owed.kinds):
            await self._deriver.derive(scope, release)
            # A crash after this leaves what was derived in the log, and the rows due: deriving again adds nothing.
            owed = replace(owed, kinds=tuple(sorted({*owed.kinds, *DERIVED_KINDS})))
        async with self._database.reading(scope) as connection:
            tree_size = (await read_log.head(connection, scope)).tree_size
            owned = await evidence.owned(connection, scope, release.id, tree_size)
            latest = await assessments.latest(connection, scope, release.id)
        assessment = await self._assess(
            release, owned, tree_size, kinds=owed.kinds, previous=latest[1] if latest else None
        )
        async with self._database.tenant(scope) as connection:
            await self._save(connection, scope, assessment)
            await assessments.settle(connection, scope, owed, tree_size)
            # Commit point: on leaving this block. A crash before it leaves the rows due, and the assessment is
            # made again; one after it leaves it recorded and struck off, together.

    async def _assess(
        self,
        release: Release,
        owned: Sequence[Evidence],
        tree_size: int,
        kinds: Sequence[str] = (assessments.EVERY_KIND,),
        previous: Assessment | None = None,
    ) -> Assessment:
        whole = assessments.EVERY_KIND in kinds or previous is None
        return await assess_release(
            self._rego,
            self._catalog,
            self._policy,
            release,
            rows_of(release, owned),
            tree_size=tree_size,
            at=self._clock.now(),
            only=None if whole else self._controls_reading(kinds),
            previous=None if whole else previous,
        )

    def _controls_reading(self, kinds: Sequence[str]) -> list[str]:
        """The controls whose outcome the arrival of these kinds can change."""
        touched = frozenset().union(*(kinds_touched_by(kind) for kind in kinds))
        return [control.id for control in self._catalog.controls if control.policy or control.kinds() & touched]

    async def _save(self, connection: Connection, scope: TenantScope, assessment: Assessment) -> None:
        """The assessment with the catalog and policy it names, so that it can be had again from its digests."""
        now = assessment.evaluated_at
        bundle = catalog_bundle(self._catalog, self._policy)
        rego = bundle.modules[CATALOG_MODULE]
        await catalogs.keep_catalog(connection, self._catalog.digest, self._catalog.sources, rego, now)
        await catalogs.keep_policy(connection, bundle.digest, bundle.modules, bundle.data, now)
        before = await assessments.latest_counts(connection, scope, assessment.release)
        await assessments.save(connection, scope, assessment)
        if baselines.is_green(before) != baselines.is_green(assessment.counts):
            release = await releases.get(connection, scope, assessment.release)
            later = await baselines.compared_with(connection, scope, release)
            await baselines.owe(connection, scope, later, f"{BASELINE}@{assessments.identity(assessment)}")
