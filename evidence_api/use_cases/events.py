"""Events: what is added to a tenant's log, and which assessments are made, in the order of their commits.

Nothing is handed from writer to reader but a wake-up: every reader reads the log itself from the position it has come
to, so nothing is lost, nothing comes twice, and a slow reader costs no memory. A position counts what was seen: after
position n come the events from the n+1st on. Other processes write too, so one task here looks at the heads of those
tenants somebody listens to.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import structlog

from evidence_api.domain.errors import EvidenceError, Malformed, Overloaded, Refused
from evidence_api.domain.page import Window
from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.domain.reading import EvidenceFilter, EvidenceView, Listing
from evidence_api.store import assessment_events, read_log
from evidence_api.store.assessment_events import NumberedAssessment
from evidence_api.store.session import Database
from evidence_api.use_cases.reads import Reads

logger = structlog.get_logger(__name__)

T = TypeVar("T")

MAX_EVENTS = 100  # of one batch
_POLL = 0.2  # seconds between two looks at the heads


@dataclass(frozen=True, slots=True)
class Numbered(Generic[T]):
    """One event and its position."""

    position: int
    item: T


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """The next events, and the position up to which everything is seen with them; `more` wait."""

    events: tuple[Numbered[T], ...]
    position: int
    more: bool


class Source(Protocol[T]):
    """Where events are read. Every read is of a snapshot of its own, within the caller's grant."""

    async def head(self) -> int:
        """The newest position."""
        ...

    async def after(self, position: int, limit: int = MAX_EVENTS) -> Batch[T]:
        """The next events."""
        ...


@dataclass(frozen=True, slots=True)
class EvidenceSource:
    """What is added to the log, as `chosen`. The position of a leaf is the size of the tree that ends with it."""

    reads: Reads
    principal: Principal
    chosen: EvidenceFilter

    async def head(self) -> int:
        """The tree's size."""
        async with self.reads.session(self.principal) as session:
            return await session.tree_size(None)

    async def after(self, position: int, limit: int = MAX_EVENTS) -> Batch[EvidenceView]:
        """The next leaves."""
        async with self.reads.session(self.principal) as session:
            size = await session.tree_size(None)
            if position >= size:
                return Batch((), position, more=False)
            window = Window(limit, after=str(position - 1) if position else None)
            page = await session.evidence_page(self.chosen, Listing(window, size, frozenset()))
        found = tuple(Numbered(row.leaf_index + 1, row) for row in page.items)
        return Batch(found, found[-1].position if page.more else size, page.more)


@dataclass(frozen=True, slots=True)
class AssessmentSource:
    """Which assessments are made, of one release (evidence id of its statement) or of all."""

    reads: Reads
    principal: Principal
    release: str | None = None

    async def head(self) -> int:
        """The newest assessment's number."""
        async with self.reads.session(self.principal) as session:
            return await session.run(assessment_events.head)

    async def after(self, position: int, limit: int = MAX_EVENTS) -> Batch[NumberedAssessment]:
        """The next assessments."""
        async with self.reads.session(self.principal) as session:
            head = await session.run(assessment_events.head)
            rows = await session.run(assessment_events.following, position, self.release, limit + 1)
        more = len(rows) > limit
        found = tuple(Numbered(row.position, row) for row in rows[:limit])
        return Batch(found, found[-1].position if more else max(head, position), more)


class Events:
    """Who listens, and how they are woken. Bounded: so many streams in all, and of each caller."""

    def __init__(self, database: Database, *, most: int = 512, most_of_one: int = 16, poll: float = _POLL) -> None:
        self._database = database
        self._most = most
        self._most_of_one = most_of_one
        self._poll = poll
        self._listening: dict[UUID, tuple[TenantScope, set[asyncio.Event]]] = {}
        self._seats: Counter[tuple[UUID, str, str]] = Counter()
        self._heads: dict[UUID, tuple[int, int]] = {}
        self.stopped = False

    def wake(self, scope: TenantScope) -> None:
        """Something was added: look now. Returns at once."""
        for one in self._listening.get(scope.id, (scope, ()))[1]:
            one.set()

    def stop(self) -> None:
        """No more events: every stream ends, and none begins."""
        self.stopped = True
        for _, listeners in self._listening.values():
            for one in listeners:
                one.set()

    async def run(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Look at the heads of tenants somebody listens to, until `stopping` says that the server is about to end."""
        try:
            while not stopping():
                await self._look()
                await asyncio.sleep(self._poll)
        finally:
            self.stop()
        await asyncio.Event().wait()  # whoever started this ends it

    @contextmanager
    def seat(self, principal: Principal) -> Iterator[None]:
        """A place for one stream. Raises Overloaded `too_many_streams`, `server_stopping`."""
        who = (principal.tenant.id, principal.kind, principal.id)
        held, limit = self._seats.total(), self._most
        if held < limit:
            held, limit = self._seats[who], self._most_of_one
        if self.stopped:
            raise Overloaded("the server is stopping", code="server_stopping")
        if held >= limit:
            raise Overloaded(f"{held} streams are open", code="too_many_streams", limit=limit, value=held + 1)
        self._seats[who] += 1
        try:
            yield
        finally:
            self._seats[who] -= 1
            if not self._seats[who]:
                del self._seats[who]

    async def follow(
        self, scope: TenantScope, source: Source[T], after: int | None, seen: Callable[[int], None]
    ) -> AsyncIterator[Numbered[T]]:
        """Events for ever, from the one after `after`, or from now on; `seen` is told the position up to which they
        were all taken. Ends when the server stops. Raises Malformed `bad_position`, Refused `position_beyond_head`."""
        position = checked_position(after, await source.head())
        seen(position)
        with self._listener(scope) as woken:
            while not self.stopped:
                woken.clear()
                batch = await source.after(position)
                for event in batch.events:
                    yield event
                position = batch.position
                seen(position)
                if not batch.more and not self.stopped:
                    await woken.wait()

    @contextmanager
    def _listener(self, scope: TenantScope) -> Iterator[asyncio.Event]:
        woken = asyncio.Event()
        listeners = self._listening.setdefault(scope.id, (scope.whole, set()))[1]
        listeners.add(woken)
        try:
            yield woken
        finally:
            listeners.discard(woken)
            if not listeners:
                self._listening.pop(scope.id, None)
                self._heads.pop(scope.id, None)

    async def _look(self) -> None:
        for scope, _ in list(self._listening.values()):
            try:
                async with self._database.reading(scope) as connection:
                    size = (await read_log.head(connection, scope)).tree_size
                    heads = size, await assessment_events.head(connection, scope)
            except EvidenceError as fault:
                logger.warning("heads_not_read", tenant=scope.name, code=fault.code, detail=fault.message)
                continue
            if self._heads.get(scope.id) != heads:
                self._heads[scope.id] = heads
                self.wake(scope)


def checked_position(after: int | None, head: int) -> int:
    """Where to begin. Raises Malformed `bad_position`, Refused `position_beyond_head`."""
    if after is None:
        return head
    if after < 0:
        raise Malformed("a position is not negative", code="bad_position", path="after", value=after)
    if after > head:
        raise Refused(
            f"nothing has come to position {after} yet, only to {head}",
            code="position_beyond_head",
            path="after",
            limit=head,
            value=after,
        )
    return after
