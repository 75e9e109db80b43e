"""Lanes: kinds of work that do not get in each other's way, each with a bound on how much of it runs at once.

A lane that is full lets its tenants in by turns, one request each, in the order they came. A tenant has at most so many
places at once, so that one with slow requests leaves some to others; and at most so many that wait. Whoever would have
to wait behind more, or has waited too long, is sent away with a code and told to come again.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn
from uuid import UUID

from prometheus_client import Counter, Gauge

from evidence_api.domain.errors import Overloaded
from evidence_api.domain.principal import TenantScope

RUNNING = Gauge("evidence_lane_running", "Requests that have a place in a lane", ["lane"])
WAITING = Gauge("evidence_lane_waiting", "Requests that wait for a place in a lane", ["lane"])
TURNED_AWAY = Counter("evidence_lane_full_total", "Requests turned away because a lane was full", ["lane"])

UPLOADS, QUERIES, FEDERATION, EXPORTS = "uploads", "queries", "federation", "exports"
RETRY_AFTER = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class LaneSize:
    """How many run at once, of all tenants and of one; how many may wait, of all and of one; and how long."""

    places: int
    places_of_one: int
    queue: int = 1024
    queue_of_one: int = 256
    wait: float = 5.0  # seconds


def lane_sizes(pool_size: int) -> Mapping[str, LaneSize]:
    """The lanes beside a pool of that many connections: what reads never holds all of them, so an append finds one."""
    federation = max(1, pool_size // 5)
    queries = max(1, pool_size - federation - 2)
    return {
        UPLOADS: LaneSize(512, 384, queue=2048, queue_of_one=1024, wait=10.0),
        QUERIES: LaneSize(queries, max(1, queries - 1)),
        FEDERATION: LaneSize(federation, federation, queue=128, queue_of_one=32),
        EXPORTS: LaneSize(1, 1, queue=32, queue_of_one=8, wait=30.0),
    }


class Lanes:
    """One lane for each kind of work: uploads, queries, federation, exports. Tenants take turns in a full lane."""

    def __init__(self, sizes: Mapping[str, LaneSize] | None = None) -> None:
        self._lanes = {name: Lane(name, size) for name, size in (sizes or lane_sizes(10)).items()}

    def enter(self, lane: str, scope: TenantScope) -> "Place":
        """A place in the lane for as long as the block runs (`async with`). Raises Overloaded `lane_full`."""
        return Place(self._lanes[lane], scope.id)


class Lane:
    """One lane. `take` and `leave` are called in pairs."""

    def __init__(self, name: str, size: LaneSize) -> None:
        self.name = name
        self._size = size
        self._running = 0
        self._of: dict[UUID, int] = {}  # places each tenant has
        self._queues: OrderedDict[UUID, deque[asyncio.Future[None]]] = OrderedDict()  # the next turn's tenant first
        self._waiting = 0
        RUNNING.labels(name).set_function(lambda: self._running)
        WAITING.labels(name).set_function(lambda: self._waiting)

    @property
    def running(self) -> int:
        """How many have a place."""
        return self._running

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return self._waiting

    def take_now(self, tenant: UUID) -> bool:
        """Take a place if there is one and nobody of the tenant waits."""
        held = self._of.get(tenant, 0)
        if self._running >= self._size.places or held >= self._size.places_of_one or tenant in self._queues:
            return False
        self._running += 1
        self._of[tenant] = held + 1
        return True

    async def take(self, tenant: UUID) -> None:
        """Take a place, waiting for a turn. Raises Overloaded `lane_full`."""
        if self.take_now(tenant):
            return
        queue = self._queues.get(tenant)
        if self._waiting >= self._size.queue:
            self._turn_away("requests wait", self._size.queue)
        if queue is not None and len(queue) >= self._size.queue_of_one:
            self._turn_away("requests of the tenant wait", self._size.queue_of_one)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(tenant, deque()).append(turn)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._size.wait):
                await turn
        except BaseException as fault:
            if turn.done() and not turn.cancelled():  # its turn came just when it gave up
                self.leave(tenant)
            else:
                self._forget(tenant, turn)
            if isinstance(fault, TimeoutError):
                self._turn_away("seconds were waited", self._size.wait, fault)
            raise

    def leave(self, tenant: UUID) -> None:
        """Give the place to whose turn it is."""
        self._running -= 1
        held = self._of[tenant] - 1
        if held:
            self._of[tenant] = held
        else:
            del self._of[tenant]
        if self._queues:
            self._admit()

    def _admit(self) -> None:
        """Let in who may be, each tenant once and then again from the first."""
        passed = 0
        while self._running < self._size.places and passed < len(self._queues):
            tenant = next(iter(self._queues))
            self._queues.move_to_end(tenant)
            held = self._of.get(tenant, 0)
            if held >= self._size.places_of_one:
                passed += 1
                continue
            queue = self._queues[tenant]
            turn = queue.popleft()
            if not queue:
                del self._queues[tenant]
            self._waiting -= 1
            passed = 0
            if not turn.done():
                self._running += 1
                self._of[tenant] = held + 1
                turn.set_result(None)

    def _forget(self, tenant: UUID, turn: "asyncio.Future[None]") -> None:
        queue = self._queues.get(tenant)
        if queue is not None and turn in queue:
            queue.remove(turn)
            self._waiting -= 1
            if not queue:
                del self._queues[tenant]

    def _turn_away(self, what: str, limit: float, fault: BaseException | None = None) -> NoReturn:
        TURNED_AWAY.labels(self.name).inc()
        raise Overloaded(
            f"the lane of {self.name} is full: {limit:g} {what} already",
            code="lane_full",
            path=self.name,
            limit=limit,
            value=self._waiting,
            retry_after=RETRY_AFTER,
        ) from fault


class Place:
    """One place in a lane, taken on entering and given back on leaving."""

    __slots__ = ("_lane", "_tenant")

    def __init__(self, lane: Lane, tenant: UUID) -> None:
        self._lane = lane
        self._tenant = tenant

    async def __aenter__(self) -> None:
        """Wait for it. Raises Overloaded `lane_full`."""
        if not self._lane.take_now(self._tenant):
            await self._lane.take(self._tenant)

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        self._lane.leave(self._tenant)
