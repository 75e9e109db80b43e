"""Reading, one session: one snapshot of one tenant's rows, at a tree size the reader may pin.

The transaction opens at the first read, and one statement runs at a time. Without `as_of` a session reads the newest
tree of its snapshot, so that all parts of one answer agree with each other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar
from uuid import UUID

from evidence_api.domain.budget import BudgetState
from evidence_api.domain.component import IndexedComponent
from evidence_api.domain.decisions.reading import DecisionReading, Standing, standing_of
from evidence_api.domain.errors import Forbidden, Malformed, NotFound, Refused
from evidence_api.domain.model_quota import BucketState
from evidence_api.domain.page import Page, Window
from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.domain.reading import (
    AssessmentView,
    ComponentFilter,
    EvidenceFilter,
    EvidenceView,
    FindingView,
    Inclusion,
    Listing,
    LogHead,
    ReadingProgress,
    ReleaseView,
)
from evidence_api.domain.recheck import Recheck
from evidence_api.domain.trust_state import TrustState
from evidence_api.formats.stored import stored_statement
from evidence_api.store import (
    budgets,
    catalogs,
    evidence,
    model_buckets,
    read_components,
    read_decisions,
    read_log,
    read_releases,
    read_subjects,
    reads,
    rechecks,
    trust_ledger,
)
from evidence_api.store.reading_progress import reading_progress
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.access import Access
from evidence_api.use_cases.catalog_versions import CatalogIndex, CatalogVersions
from evidence_api.use_cases.decision_readings import DecisionKey, DecisionReadings
from evidence_api.use_cases.policy_in_force import PolicyInForce
from evidence_api.use_cases.recorded_rules import RecordedRules

P = ParamSpec("P")
T = TypeVar("T")
StoreRead: TypeAlias = Callable[Concatenate[Connection, TenantScope, P], Awaitable[T]]


class ReadSession:
    """One snapshot of one tenant, as far as the caller may see it. Every read passes `_run`."""

    def __init__(  # noqa: PLR0913, PLR0917  what all its reads share
        self,
        database: Database,
        principal: Principal,
        versions: CatalogVersions,
        readings: DecisionReadings,
        stack: AsyncExitStack,
        rules: RecordedRules | None = None,
        access: Access | None = None,
    ) -> None:
        self.rules = rules
        self._access = access
        self._principal = principal
        self._database = database
        self._scope = principal.tenant
        self._versions = versions
        self._readings = readings
        self._stack = stack
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None
        self._head: asyncio.Future[LogHead] | None = None
        self._running: set[asyncio.Future[Any]] = set()
        self._stopped = False
        self.policy: PolicyInForce | None = None  # whoever opens the session tells which is loaded

    async def allow(self, action: str) -> None:
        """Ask policy whether the caller may do this besides reading. Raises Forbidden."""
        if self._access is None:
            raise Forbidden(f"not allowed to {action}: nobody can be asked")
        await self._access.authorise(self._principal, action)

    async def head(self) -> LogHead:
        """The newest tree of this snapshot, read once; everybody who waits for it goes on in the same turn."""
        if self._head is None:
            self._head = self._start(read_log.head)
        return await asyncio.shield(self._head)

    @property
    def tree_read(self) -> int | None:
        """The size of the newest tree of this snapshot; None if nobody asked for it."""
        head = self._head
        return head.result().tree_size if head is not None and head.done() and not head.cancelled() else None

    async def stop(self) -> None:
        """Stop what is still being read, so that the connection can be given back; nothing can be read any more."""
        self._stopped = True
        while self._running:
            for one in self._running:
                one.cancel()
            await asyncio.wait(self._running)

    async def tree_size(self, as_of: int | None) -> int:
        """The size to read at. Raises Malformed (negative) and Refused `as_of_beyond_head`."""
        head = await self.head()
        if as_of is None:
            return head.tree_size
        if as_of < 0:
            raise Malformed("a tree size is not negative", code="as_of_negative", path="asOf", value=as_of)
        if as_of > head.tree_size:
            raise Refused(
                f"the log has {head.tree_size} leaves, not {as_of}",
                code="as_of_beyond_head",
                path="asOf",
                limit=head.tree_size,
                value=as_of,
            )
        return as_of

    async def evidence_page(self, chosen: EvidenceFilter, listing: Listing) -> Page[EvidenceView]:
        """One page of the log, in log order."""
        return await self._run(reads.evidence_page, chosen, listing)

    async def evidence_of_releases(
        self, releases: Sequence[str], chosen: EvidenceFilter, listing: Listing
    ) -> dict[str, Page[EvidenceView]]:
        """One page per release of the evidence it owns."""
        return await self._run(reads.evidence_of_releases, releases, chosen, listing)

    async def evidence_among(self, sets: Sequence[Sequence[str]], listing: Listing) -> list[Page[EvidenceView]]:
        """One page per set of evidence ids, each in log order."""
        return await self._run(reads.evidence_among, sets, listing)

    async def evidence_by_ids(self, ids: Sequence[str], size: int, wants: frozenset[str]) -> dict[str, EvidenceView]:
        """Records by evidence id, of every status."""
        return await self._run(reads.evidence_by_ids, ids, size, wants)

    async def evidence_about(self, digests: Sequence[str], limit: int, size: int) -> dict[str, list[str]]:
        """The ids of the newest evidence about each of these subjects, newest first."""
        return await self._run(read_subjects.evidence_about, digests, limit, size)

    async def rechecks(self, leaves: Sequence[int], limit: int) -> dict[int, tuple[Recheck, ...]]:
        """The newest later checks of each of these leaves, newest first."""
        return await self._run(rechecks.of_leaves, leaves, limit)

    async def bodies(self, digests: Sequence[str]) -> dict[str, bytes]:
        """The bytes received, each checked against its digest; erased and unknown ones are left out."""
        known = [digest for digest in digests if reads.digest_bytes(digest)]
        return await self._run(evidence.bodies, known) if known else {}

    async def decisions(self, keys: Sequence[DecisionKey]) -> dict[str, DecisionReading]:
        """Decisions computed again, by evidence id; those whose bytes are erased are left out."""
        found = self._readings.known(keys)
        missing = [key for key in keys if key.evidence not in found]
        if missing:
            bodies = await self.bodies([key.body_digest for key in missing])
            found |= await self._readings.read(missing, bodies)
        return found

    async def predicates(self, digests: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """The predicates in these bodies; erased ones are left out. Raises Malformed, TooLarge."""
        bodies = await self.bodies(digests)
        return await asyncio.to_thread(
            lambda: {digest: stored_statement(one).predicate for digest, one in bodies.items()}
        )

    async def standing(self, decisions: Sequence[str], size: int) -> dict[str, Standing]:
        """What the server's own statements say of these decisions in the tree of `size` leaves; erased ones nothing."""
        told = await self._run(read_decisions.standing, decisions, size)
        predicates = await self.predicates([one.body_digest for one in told.values()])
        return {
            decision: standing_of(one.id, predicates[one.body_digest])
            for decision, one in told.items()
            if one.body_digest in predicates
        }

    async def reading_progress(self, leaves: Sequence[int]) -> dict[int, ReadingProgress]:
        """How far the artifacts are read that the decisions at these leaves wait for, as it is now."""
        return dict(await self._run(reading_progress, leaves))

    async def trust_ledgers(self, arm: str | None, after: str | None, limit: int) -> list[TrustState]:
        """Trust by arm and context, as it is now; `after` is the ledger_position of the last one seen. Raises Malformed
        `bad_cursor` where that is no ledger's, and `bad_text`."""
        arm = None if arm is None else reads.storable(arm)
        last = None if after is None else await self._run(read_decisions.ledger_at, after)
        if after is not None and last is None:
            raise Malformed("not a cursor this server gave out", code="bad_cursor", path="after")
        return await self._run(trust_ledger.ledgers, arm=arm, after=last, limit=limit)

    async def budgets(
        self, period: str | None, of: str | None, after: tuple[str, str] | None, limit: int
    ) -> list[BudgetState]:
        """Budgets by period and scope, as they are now. Raises Malformed `bad_text`."""
        for text in (period, of, *(after or ())):
            reads.storable(text)
        return await self._run(budgets.budgets, period=period, of=of, after=after, limit=limit)

    async def model_buckets(self, after: str, limit: int) -> list[BucketState]:
        """Token buckets by model, as they are now. Raises Malformed `bad_text`."""
        return await self._run(_buckets_now, reads.storable(after), limit)

    async def proofs(self, leaves: Sequence[int], tree_size: int) -> dict[int, Inclusion]:
        """Inclusion proofs of these leaves in the tree of `tree_size` leaves; those not in it are left out."""
        return await self._run(read_log.proofs, leaves, tree_size)

    async def release_page(self, name: str | None, window: Window, size: int) -> Page[ReleaseView]:
        """One page of releases, in log order."""
        return await self._run(read_releases.release_page, name, window, size)

    async def release_named(self, name: str, version: str | None, size: int) -> ReleaseView | None:
        """The newest release of that name (and version)."""
        return await self._run(read_releases.release_named, name, version, size)

    async def releases_by_ids(self, ids: Sequence[str], size: int) -> dict[str, ReleaseView]:
        """Releases by the evidence id of their statement."""
        return await self._run(read_releases.releases_by_ids, ids, size)

    async def component_page(self, chosen: ComponentFilter, window: Window, size: int) -> Page[IndexedComponent]:
        """One page of the index of components."""
        return await self._run(read_components.component_page, chosen, window, size)

    async def releases_of_components(
        self, components: Sequence[UUID], window: Window, size: int
    ) -> dict[UUID, Page[ReleaseView]]:
        """One page per component of the releases that hold it."""
        return await self._run(read_components.releases_of_components, components, window, size)

    async def assessments_in_force(
        self, releases: Sequence[str], size: int, *, pinned: bool
    ) -> dict[str, AssessmentView]:
        """Each release's assessment at the greatest tree size not over `size` (store/read_releases.py on `pinned`)."""
        return await self._run(read_releases.assessments_in_force, releases, size, pinned=pinned)

    async def assessment_pages(
        self, releases: Sequence[str], window: Window, size: int
    ) -> dict[str, Page[AssessmentView]]:
        """One page per release of its assessments, oldest first."""
        return await self._run(read_releases.assessment_pages, releases, window, size)

    async def assessments_by_ids(self, ids: Sequence[UUID], size: int) -> dict[UUID, AssessmentView]:
        """Assessments by id."""
        return await self._run(read_releases.assessments_by_ids, ids, size)

    async def criteria_of(self, assessments: Sequence[UUID]) -> dict[UUID, Sequence[Mapping[str, Any]]]:
        """The criteria of these assessments, as formats/records.py writes them."""
        return await self._run(read_releases.criteria_of, assessments)

    async def finding_pages(
        self, assessments: Sequence[UUID], outcomes: Sequence[str], window: Window
    ) -> dict[UUID, Page[FindingView]]:
        """One page per assessment of its findings, by control."""
        return await self._run(read_releases.finding_pages, assessments, outcomes, window)

    async def findings_of_controls(self, pairs: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], FindingView]:
        """Findings by (assessment, control)."""
        return await self._run(read_releases.findings_of_controls, pairs)

    def catalog_in_force(self) -> CatalogIndex:
        """The catalog the server assesses with now."""
        return self._versions.in_force

    async def catalog(self, digest: str) -> CatalogIndex | None:
        """The catalog of that digest, which any tenant may read (it is the operator's); None if not on record."""
        known = self._versions.known(digest)
        if known is not None:
            return known
        sources = await self._run(_catalog_sources, digest)
        return None if sources is None else self._versions.keep(digest, sources)

    async def run(self, read: StoreRead[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Any of the store's reads, in this session: what has no method of its own."""
        return await asyncio.shield(self._start(read, *arguments, **options))

    async def _run(self, read: StoreRead[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        return await asyncio.shield(self._start(read, *arguments, **options))

    def _start(self, read: StoreRead[P, T], *arguments: P.args, **options: P.kwargs) -> asyncio.Future[T]:
        """Begin a read in a task of its own: an error in one field cancels its siblings, and a statement cancelled
        in the middle would spoil the transaction for the fields that go on."""
        if self._stopped:
            raise asyncio.CancelledError
        task = asyncio.ensure_future(self._read(read, *arguments, **options))
        self._running.add(task)
        task.add_done_callback(self._finish)
        return task

    def _finish(self, task: asyncio.Future[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, even if everybody who waited has left

    async def _read(self, read: StoreRead[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Run one of the store's reads on the session's connection, after those already waiting."""
        async with self._turn:
            if self._connection is None:
                self._connection = await self._stack.enter_async_context(self._database.reading(self._scope))
            return await read(self._connection, self._scope, *arguments, **options)


async def _catalog_sources(connection: Connection, _scope: TenantScope, digest: str) -> dict[str, str] | None:
    try:
        sources, _ = await catalogs.catalog_sources(connection, reads.storable(digest))
    except NotFound:
        return None
    return sources


async def _buckets_now(connection: Connection, scope: TenantScope, after: str, limit: int) -> list[BucketState]:
    """By the database's clock, which all servers have in common."""
    return await model_buckets.buckets(
        connection, scope, await connection.fetchval("SELECT now()"), after=after, limit=limit
    )
