"""Re-assessment, last step: assessments recorded, their timers set, what they settle struck off, in one transaction.

An assessment that makes a release a baseline of later ones, or no longer one, makes these due in the same transaction.
"""

from collections.abc import Sequence
from datetime import datetime

from evidence_api.domain.control import Catalog
from evidence_api.domain.errors import Conflict
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.rego import PolicyBundle
from evidence_api.store import assessment_events, assessments, baselines, catalogs, due, reassessments, releases, timers
from evidence_api.store.due import Owed
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.assessing import Made
from evidence_api.use_cases.derive import BASELINE
from evidence_api.use_cases.evaluate import CATALOG_MODULE


class AssessmentRecord:
    """Records assessments made under one catalog and policy bundle, by a server that began at `since`."""

    def __init__(self, database: Database, catalog: Catalog, bundle: PolicyBundle, since: datetime) -> None:
        self._database = database
        self._catalog = catalog
        self._bundle = bundle
        self._since = since
        self._kept = False

    async def save(
        self, scope: TenantScope, made: Sequence[Made], settled: Sequence[tuple[Owed, int]], *, background: bool = False
    ) -> None:
        """Record these of one tenant, and strike off what they settle: owed rows with the tree size assessed at.

        Raises Conflict where the catalog is on record no longer; the next call puts it there again.
        """
        if made and not self._kept:
            await self._keep_rules(made[0])
        try:
            async with self._database.tenant(scope) as connection:
                await self._write(connection, scope, made, background=background)
                await due.settle_all(connection, scope, settled)
                await assessment_events.number(connection, scope, [(one.row.id, one.row.release) for one in made])
                # Commit point: on leaving this block. A crash before it leaves the rows due, and the assessments are
                # made again; one after it leaves them recorded and struck off, together.
        except Conflict:
            self._kept = False
            raise

    async def _write(
        self, connection: Connection, scope: TenantScope, made: Sequence[Made], *, background: bool
    ) -> None:
        rows = [one.row for one in made]
        before = await assessments.latest_counts(connection, scope, [row.release for row in rows])
        await assessments.save_all(connection, scope, rows)
        await timers.keep(connection, scope, [one.timer for one in made])
        sizes = {row.release: row.tree_size for row in rows}
        await reassessments.overtaken(connection, scope, sizes, self._bundle.digest, self._since)
        for row in rows:
            if baselines.is_green(before.get(row.release, {})) != baselines.is_green(row.outcomes):
                release = await releases.get(connection, scope, row.release)
                later = await baselines.compared_with(connection, scope, release)
                await baselines.owe(connection, scope, later, f"{BASELINE}@{row.id}", background=background)

    async def _keep_rules(self, first: Made) -> None:
        """The catalog and policy that assessments name, so that they can be had again from their digests."""
        bundle, now = self._bundle, first.row.evaluated_at
        rego = bundle.modules[CATALOG_MODULE]
        async with self._database.anonymous() as connection:
            await catalogs.keep_catalog(connection, self._catalog.digest, self._catalog.sources, rego, now)
            await catalogs.keep_policy(connection, bundle.digest, bundle.modules, bundle.data, now)
        self._kept = True
