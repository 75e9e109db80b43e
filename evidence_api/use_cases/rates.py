"""Rates: takes the cost of an operation from the buckets of its tenant and client before it runs; gives back after.

Requests that arrive together are one call of the database: while one is under way the next ones gather, in the order
they came, and what is to be given back goes along with them. The connection is the buckets' own, so no query keeps a
request waiting for it.

Where the database does not answer within 50 ms, this process decides by itself, going on from what the database said
last, until it answers again; then it is told what was let in meanwhile. What a call that failed was to give back is not
given back a second time: nobody gets over a quota by that. An order to stop gives back all there is.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import NoReturn
from uuid import UUID

import structlog
from prometheus_client import Counter

from evidence_api.domain.errors import EvidenceError, RateLimited
from evidence_api.domain.principal import Principal
from evidence_api.domain.rates import USUAL, Charge, LocalBuckets, Moved, RateLimit, refund
from evidence_api.store import rates, tenants
from evidence_api.store.rates import Movement
from evidence_api.store.session import Database

logger = structlog.get_logger(__name__)

FALLBACKS = Counter("evidence_rate_fallbacks_total", "Charges decided without the database")
REFUSED = Counter("evidence_rate_limited_total", "Requests over a rate", ["mode"])

PATIENCE = 0.05  # seconds
_LATE = 0.01  # seconds after it was due that a timer says more of this process than of the database
_MOST_AT_ONCE = 256  # movements in one call
_OWED_WAIT = 0.1  # seconds, for a request to go along with
_MOST_OWED = 10_000  # movements nobody waits for; those beyond are not made
_AFTER_A_FAULT = 0.5  # seconds in which the database is not asked again
_STOPPING = 5.0  # seconds for what is left to be given back
_LIMITS_KEPT = 10.0  # seconds that a tenant is known to have no limit of its own
_MOST_LIMITS = 4096
_FORGET_SECONDS = 600.0
_FREE = Charge(0)


@dataclass(slots=True, eq=False)
class _Waiting:
    """One request that waits to be told."""

    movement: Movement
    told: "asyncio.Future[Moved]"


@dataclass(frozen=True, slots=True)
class _Known:
    """How a tenant is limited, as the database said last; looked up again after `until` where that matters."""

    limit: RateLimit
    own: bool
    until: float


class Rates:
    """The buckets of tenants and clients. Without a database nothing is limited."""

    def __init__(
        self, database: Database | None = None, usual: RateLimit = USUAL, *, patience: float = PATIENCE
    ) -> None:
        self._database = database
        self._usual = usual
        self._wait = patience
        self._waiting: list[_Waiting] = []
        self._owed: list[Movement] = []  # nobody waits for them
        self._mover: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._overdue = False
        self._stopping = False
        self._resume_at = 0.0
        self._local = LocalBuckets()
        self._limits: OrderedDict[UUID, _Known] = OrderedDict()

    async def take(self, principal: Principal, cost: int) -> Charge:
        """Take `cost` units; 0 only looks. Raises RateLimited."""
        if self._database is None:
            return Charge(cost)
        moved = await self._moved(self._database, principal, cost)
        if moved.refusable:
            REFUSED.labels(moved.limit.mode).inc()
            if not moved.granted:
                _refuse(principal, moved)
        return Charge(cost, moved.standing)

    async def take_if_limited(self, principal: Principal, cost: int) -> Charge:
        """The same, of tenants that have a limit of their own; others are not charged. Raises RateLimited."""
        if self._database is None:
            return _FREE
        known = self._limits.get(principal.tenant.id)
        if known is None or known.until <= monotonic():
            own = (await self._moved(self._database, principal, 0)).own
        else:
            own = known.own
        return await self.take(principal, cost) if own else _FREE

    def give_back(self, principal: Principal, charge: Charge, actual: int) -> None:
        """Give back what the operation did not cost after all; returns at once."""
        units = refund(charge.requested, actual)
        if charge.standing is not None and units:
            self._owe(Movement(principal.tenant.id, client_of(principal), -units))

    async def run(self) -> None:
        """For ever: now and then forget buckets that are full, or names of clients would add up."""
        while self._database is not None:
            await asyncio.sleep(_FORGET_SECONDS)
            try:
                for scope in await tenants.every(self._database):
                    async with self._database.tenant(scope) as connection:
                        await rates.forget_full(connection, scope, datetime.now(UTC))
            except EvidenceError as fault:
                logger.warning("rate_buckets_not_forgotten", code=fault.code, detail=fault.message)

    async def close(self) -> None:
        """Give back what waits."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._resume_at = 0.0
        if self._mover is None and self._owed and self._database is not None:
            self._mover = asyncio.create_task(self._move(self._database))
        if self._mover is not None:
            done, _ = await asyncio.wait((self._mover,), timeout=_STOPPING)
            if not done:
                logger.warning("rates_not_given_back", movements=len(self._owed))
                self._mover.cancel()

    def _owe(self, movement: Movement) -> None:
        """Have it moved along with the next request, or soon."""
        if self._database is None or len(self._owed) >= _MOST_OWED:
            return
        self._owed.append(movement)
        if self._mover is None and self._timer is None and not self._stopping:
            self._timer = asyncio.get_running_loop().call_later(_OWED_WAIT, self._start)

    async def _moved(self, database: Database, principal: Principal, cost: int) -> Moved:
        movement = Movement(principal.tenant.id, client_of(principal), cost)
        loop = asyncio.get_running_loop()
        if self._overdue or loop.time() < self._resume_at:
            moved = self._decided_here(movement)
            self._settle_later(movement, moved)
            return moved
        waiting = _Waiting(movement, loop.create_future())
        self._waiting.append(waiting)
        if self._mover is None:
            self._mover = asyncio.create_task(self._move(database))
        return await waiting.told

    def _start(self) -> None:
        self._timer = None
        if self._mover is None and self._database is not None:
            self._mover = asyncio.get_running_loop().create_task(self._move(self._database))

    async def _move(self, database: Database) -> None:
        """Call after call, until nothing waits."""
        try:
            while self._waiting or self._owed:
                takes = self._waiting[:_MOST_AT_ONCE]
                del self._waiting[: len(takes)]
                owed = self._owed[: _MOST_AT_ONCE - len(takes)]
                del self._owed[: len(owed)]
                if not await self._call(database, takes, owed):
                    break
        finally:
            self._mover = None
            if self._owed and self._timer is None and not self._stopping:
                self._timer = asyncio.get_running_loop().call_later(_AFTER_A_FAULT, self._start)

    async def _call(self, database: Database, takes: list[_Waiting], owed: list[Movement]) -> bool:
        """One call, and whether it was answered; whoever waits in it is told by then or by this process.

        Commit point: in the call. What is owed counts before what is taken.
        """
        movements = [*owed, *(one.movement for one in takes)]
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(self._wait, self._lose_patience, takes, loop.time() + self._wait)
        try:
            moved = await rates.move(database, movements, self._usual)
        except Exception as fault:  # noqa: BLE001  whatever it is, those who wait are told, and the next call comes
            logger.warning("rates_not_moved", detail=str(fault), owed=len(owed))
            self._resume_at = loop.time() + _AFTER_A_FAULT
            self._owed[:0] = [one for one in owed if one.cost > 0]
            self._take_later(takes)
            self._do_without(takes)
            return False
        else:
            now = monotonic()
            for movement, what in zip(movements, moved, strict=True):
                self._remember(movement, what, now)
            for one, what in zip(takes, moved[len(owed) :], strict=True):
                if not one.told.done():
                    one.told.set_result(what)
                elif not one.told.cancelled():
                    self._reconcile(one.movement, told=one.told.result(), found=what)
            for movement in self._owed:  # not in what the database just said
                self._local.spend(movement.tenant, movement.client, movement.cost)
            return True
        finally:
            if self._patience is not None:
                self._patience.cancel()
            self._overdue = False
            self._tell_here(takes)  # a call that was cancelled told nobody

    def _lose_patience(self, takes: list[_Waiting], due: float) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() > due + _LATE:  # it is this loop that was late: the answer may be there
            self._patience = loop.call_later(_LATE, self._lose_patience, takes, loop.time() + _LATE)
            return
        self._overdue = True
        self._tell_here(takes)  # they are in the call, and taken when it is made
        self._do_without([])

    def _do_without(self, takes: list[_Waiting]) -> None:
        """Tell them and all others who wait, by this process alone; the database hears of it later."""
        waiting, self._waiting = [*takes, *self._waiting], []
        for one, moved in self._tell_here(waiting):
            self._settle_later(one.movement, moved)

    def _take_later(self, takes: list[_Waiting]) -> None:
        """Of those who were told while a call was under way that failed in the end: it took nothing of them."""
        for one in takes:
            if one.told.done() and not one.told.cancelled():
                self._settle_later(one.movement, one.told.result())

    def _tell_here(self, waiting: list[_Waiting]) -> list[tuple[_Waiting, Moved]]:
        told = [(one, self._decided_here(one.movement)) for one in waiting if not one.told.done()]
        for one, moved in told:
            one.told.set_result(moved)
        return told

    def _settle_later(self, movement: Movement, moved: Moved) -> None:
        """What was let in without the database is taken from its buckets when it answers again."""
        if not moved.refusable and movement.cost > 0:
            self._owe(replace(movement, asked=False))

    def _reconcile(self, movement: Movement, told: Moved, found: Moved) -> None:
        """The database said something else, too late: its buckets are made to agree with what was done."""
        if told.refusable == found.refusable:
            return
        self._owe(replace(movement, cost=movement.cost if found.refusable else -movement.cost, asked=False))

    def _decided_here(self, movement: Movement) -> Moved:
        FALLBACKS.inc()
        known = self._limits.get(movement.tenant)
        limit, own = (self._usual, False) if known is None else (known.limit, known.own)
        moved = self._local.move(movement.tenant, movement.client, movement.cost, limit, monotonic())
        return replace(moved, own=own)

    def _remember(self, movement: Movement, moved: Moved, now: float) -> None:
        self._local.learn(movement.tenant, movement.client, moved, now)
        self._limits[movement.tenant] = _Known(moved.limit, moved.own, now + _LIMITS_KEPT)
        if len(self._limits) > _MOST_LIMITS:
            self._limits.popitem(last=False)


def client_of(principal: Principal) -> str:
    """The name of the caller's own bucket."""
    return f"{principal.kind}:{principal.id}"


def resets_at(charge: Charge) -> datetime:
    """When the caller's narrower bucket is full again, to the second."""
    wait = 0.0 if charge.standing is None else charge.standing.reset
    return (datetime.now(UTC) + timedelta(seconds=wait)).replace(microsecond=0)


def _refuse(principal: Principal, moved: Moved) -> NoReturn:
    standing = moved.standing
    raise RateLimited(
        f"{principal.tenant.name} or this client is over its rate of {standing.restore_rate:g} cost units a second",
        retry_after=max(0.001, round(moved.retry_after, 3)),
        limit=standing.limit,
        value=standing.remaining,
        reset=round(standing.reset, 3),
        restore_rate=standing.restore_rate,
    )
