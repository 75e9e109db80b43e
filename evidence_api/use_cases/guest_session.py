"""Reading, a guest's session: an auditor or a peer, who was let see a part of what the tenant has.

Rows are held by the database (its role `evidence_auditor`, store/session.py); here is what rows cannot tell apart:
  1. the catalog has the frameworks granted, their criteria, and the controls mapped to these, and no others
  2. verdicts are narrowed to these controls (framework_reads.py); a read that is not known to hold none is refused
  3. what is derived again from all evidence of a release is refused where not all of it may be seen
  4. a table that is not granted at all says so as a refusal, not as a fault
"""

from contextlib import AsyncExitStack
from typing import Any, ParamSpec, TypeVar, cast

from evidence_api.domain.errors import Forbidden
from evidence_api.domain.principal import Principal, ReadGrant
from evidence_api.store import read_overrides, read_recorded, read_releases
from evidence_api.store.session import Database, out_of_reach
from evidence_api.use_cases.access import Access
from evidence_api.use_cases.catalog_versions import CatalogIndex, CatalogVersions
from evidence_api.use_cases.decision_readings import DecisionReadings
from evidence_api.use_cases.framework_reads import FrameworkReads
from evidence_api.use_cases.read_session import ReadSession, StoreRead
from evidence_api.use_cases.recorded_rules import RecordedRules

P = ParamSpec("P")
T = TypeVar("T")

# Modules whose reads hold rows of evidence, of the log, of what the tenant has as a whole, or of the catalog.
_WITHOUT_VERDICTS = frozenset(
    f"evidence_api.store.{name}"
    for name in (
        *("reads", "rechecks", "evidence", "read_log", "read_leaves", "read_components", "read_sboms", "read_products"),
        "read_history",
        *("read_standing", "vulnerabilities", "counts", "read_decisions", "reading_progress", "trust_ledger"),
        *("budgets", "model_buckets"),
    )
) | {ReadSession.__module__}
_RELEASES_ALONE = frozenset(
    {read_releases.release_page, read_releases.release_named, read_releases.releases_by_ids}
    | {read_recorded.rules, read_overrides.moment_of}
)


class GuestSession(ReadSession):
    """One snapshot of one tenant, within a grant."""

    def __init__(  # noqa: PLR0913, PLR0917  what all its reads share, and the grant
        self,
        database: Database,
        principal: Principal,
        versions: CatalogVersions,
        readings: DecisionReadings,
        stack: AsyncExitStack,
        rules: RecordedRules | None,
        access: Access | None,
        grant: ReadGrant,
    ) -> None:
        super().__init__(database, principal, versions, readings, stack, rules, access)
        self._grant = grant
        controls = versions.in_force.within(grant.frameworks).controls
        self._frameworks = FrameworkReads(grant.frameworks, controls) if grant.frameworks else None

    def catalog_in_force(self) -> CatalogIndex:
        """The catalog the server assesses with now, as far as it is granted."""
        return self._within(super().catalog_in_force())

    async def catalog(self, digest: str) -> CatalogIndex | None:
        """The catalog of that digest, as far as it is granted."""
        found = await super().catalog(digest)
        return None if found is None else self._within(found)

    def _within(self, index: CatalogIndex) -> CatalogIndex:
        return index.within(self._grant.frameworks) if self._grant.frameworks else index

    async def _read(self, read: StoreRead[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Run one of the store's reads, or what stands in for it. Raises Forbidden."""
        narrowed = self._narrowed(read)
        try:
            return await super()._read(narrowed, *arguments, **options)
        except Exception as fault:
            if out_of_reach(fault):
                raise _not_granted() from fault
            raise

    def _narrowed(self, read: StoreRead[P, T]) -> StoreRead[P, T]:
        asked: Any = read
        if asked is read_recorded.assessments and (self._frameworks is not None or self._grant.since is not None):
            raise _not_granted()
        if self._frameworks is None:
            return read
        instead = self._frameworks.instead_of.get(asked)
        if instead is not None:
            return cast("StoreRead[P, T]", instead)
        if asked in _RELEASES_ALONE or asked.__module__ in _WITHOUT_VERDICTS:
            return read
        raise _not_granted()


def _not_granted() -> Forbidden:
    return Forbidden("this is not part of what you were let see", code="outside_grant")
