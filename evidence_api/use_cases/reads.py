"""Reading: what an edge may ask of a tenant's log, releases and verdicts; sessions do the work."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from evidence_api.domain.control import Catalog
from evidence_api.domain.errors import NotFound
from evidence_api.domain.page_shape import PageAsked, PageText
from evidence_api.domain.principal import Principal
from evidence_api.engines.rego import RegoPool
from evidence_api.store import page_json
from evidence_api.store.session import Database
from evidence_api.use_cases.access import Access
from evidence_api.use_cases.catalog_versions import CatalogVersions
from evidence_api.use_cases.decision_readings import DecisionReadings
from evidence_api.use_cases.guest_session import GuestSession
from evidence_api.use_cases.policy_in_force import PolicyInForce
from evidence_api.use_cases.read_session import ReadSession
from evidence_api.use_cases.recorded_rules import RecordedRules


class Reads:
    """What may be read, always of one tenant. `catalog` is the one in force."""

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        rego: RegoPool | None = None,
        access: Access | None = None,
        policy: PolicyInForce | None = None,
    ) -> None:
        """`rego` assesses again where a reader asks why a verdict changed; `access` is asked about what not every
        reader may read."""
        self._access = access
        self._policy = policy
        self._database = database
        self._rules = None if rego is None else RecordedRules(rego)
        self._catalogs = CatalogVersions(catalog)
        self._readings = DecisionReadings()

    @asynccontextmanager
    async def session(self, principal: Principal) -> AsyncIterator[ReadSession]:
        """A reading session of the caller: of their tenant, and within their grant if they have one.

        Its connection is taken at the first read and given back at the end. Whether a grant still lasts is asked each
        time: a stream reads in one session after another. Raises Forbidden.
        """
        if principal.grant is not None and self._access is not None:
            await self._access.authorise(principal, "evidence:read")
        async with AsyncExitStack() as stack:
            shared = (self._database, principal, self._catalogs, self._readings, stack, self._rules, self._access)
            grant = principal.grant
            session = ReadSession(*shared) if grant is None else GuestSession(*shared, grant)
            session.policy = self._policy
            try:
                yield session
            finally:
                await session.stop()

    async def page_text(self, principal: Principal, asked: PageAsked) -> PageText | None:
        """One page of the log as JSON, in one statement, of what a session of the caller would see; None where only a
        session can say what is wrong with what was asked."""
        async with self._database.bound(principal.tenant) as connection:
            return await page_json.evidence_page_text(connection, principal.tenant, asked)

    async def body(self, principal: Principal, digest: str) -> bytes:
        """The bytes received, by their SHA-256. Raises NotFound: absent, erased, another tenant's and those outside the
        caller's grant look alike."""
        async with self.session(principal) as session:
            found = await session.bodies([digest])
        if digest not in found:
            raise NotFound(f"no body {digest}")
        return found[digest]
