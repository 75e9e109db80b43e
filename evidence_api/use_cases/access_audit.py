"""The audit of access, first part: a row for each authenticated read and each refusal, durable before the answer goes.

Per tenant there is one writer at most: while its statement is on the way, the rows of other requests gather, so that
what waits together costs one round trip and one commit. While other requests are under way it waits a moment for
theirs: a server that has much to do writes few statements. Nothing is answered whose row could not be written.

Refusals by the thousand (over a rate, a lane full, peers nobody knows) must cost less than what they refuse: of those
alike the first gets its row at once, and the others of each minute one row with their count. What a crash loses is at
most that count of the last minute, never that there were any.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

import structlog

from evidence_api.domain.access_entry import AccessEntry
from evidence_api.domain.errors import EvidenceError, Overloaded, Refused, Undecided
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.clock import Clock
from evidence_api.store import access_audit
from evidence_api.store.session import Database

logger = structlog.get_logger(__name__)

MAX_ROWS = 1_000  # of one statement
MAX_WAITING = 10_000  # rows of one tenant
MAX_ALIKE = 10_000  # sorts of refusals that are counted; others get a row each
UNAVAILABLE = "audit_unavailable"
ENOUGH = 16  # rows not to wait for more
_LINGER = 0.004  # seconds a statement waits at most for the rows of requests that are under way
_MINUTE = timedelta(minutes=1)

_Row: TypeAlias = "tuple[AccessEntry, asyncio.Future[None]]"
_Alike: TypeAlias = tuple[UUID, str, str, str]


@dataclass(slots=True)
class _Lane:
    """One tenant's rows, and their writer while there is one."""

    rows: list[_Row] = field(default_factory=list)
    writer: "asyncio.Task[None] | None" = None
    gathering: "asyncio.Future[None] | None" = None  # the writer waits for more rows


@dataclass(slots=True)
class _Denied:
    """Refusals alike since the last row of theirs."""

    scope: TenantScope
    entry: AccessEntry  # the newest
    due: datetime  # when the minute of the first of them is over
    count: int = 0


class AccessAudit:
    """Keeps who read what. `now` is the clock its entries are stamped with."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._lanes: dict[UUID, _Lane] = {}
        self._denied: dict[_Alike, _Denied] = {}
        self._coming = 0
        self._clock = clock
        self.now = clock.now

    def announce(self) -> None:
        """A request is under way, and may have a row soon; `retract` follows for certain."""
        self._coming += 1

    def retract(self) -> None:
        """It has one next, or never will."""
        self._coming -= 1
        if not self._coming:
            for lane in self._lanes.values():
                _enough(lane.gathering)

    async def record(self, scope: TenantScope, entry: AccessEntry) -> None:
        """Durable when this returns. Raises Undecided `audit_unavailable`: then nothing may be answered.

        Commit point: the statement's end. A crash before it leaves no row, and nobody was answered; a crash after it
        leaves the row of an answer that was not given.
        """
        lane = self._lanes.get(scope.id)
        if lane is None:
            lane = self._lanes[scope.id] = _Lane()
        if len(lane.rows) >= MAX_WAITING:
            raise Overloaded("too many reads wait to be put on record", code=UNAVAILABLE, limit=MAX_WAITING)
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        lane.rows.append((entry, written))
        if self._is_enough(lane):
            _enough(lane.gathering)
        if lane.writer is None:
            lane.writer = loop.create_task(self._write(scope, lane))
        await written

    async def record_denial(self, scope: TenantScope, entry: AccessEntry) -> None:
        """The same of a refusal there may be many of: those alike (who, and the code) share one row a minute, after
        the first. What comes before that one is durable has a row of its own. Raises Undecided `audit_unavailable`."""
        alike = (scope.id, entry.principal_kind, entry.principal_id, entry.notes.code)
        denied = self._denied.get(alike)
        if denied is not None:
            if not denied.count:
                denied.due = entry.at + _MINUTE
            denied.count += 1
            denied.entry = entry
            return
        await self.record(scope, entry)
        if alike not in self._denied and len(self._denied) < MAX_ALIKE:
            self._denied[alike] = _Denied(scope, entry, entry.at + _MINUTE)

    async def tell_denials(self, *, now: datetime | None = None) -> int:
        """Write the counts whose minute is over, all of them without `now`; how many rows that were. What cannot be
        written is counted still."""
        told = 0
        for alike, denied in list(self._denied.items()):
            if now is not None and now < denied.due:
                continue
            if not denied.count:
                self._denied.pop(alike, None)
                continue
            count, denied.count = denied.count, 0
            try:
                await self.record(denied.scope, replace(denied.entry, count=count))
            except EvidenceError as fault:
                denied.count += count
                logger.warning("denials_not_recorded", tenant=denied.scope.name, code=fault.code, count=denied.count)
            else:
                told += 1
        return told

    async def close(self) -> None:
        """Write everything that waits."""
        await self.tell_denials()
        writers = [lane.writer for lane in self._lanes.values() if lane.writer]
        await asyncio.gather(*writers, return_exceptions=True)

    async def _write(self, scope: TenantScope, lane: _Lane) -> None:
        """The tenant's writer: statement after statement until no row waits."""
        try:
            await asyncio.sleep(0)  # whoever is ready now joins the first statement
            while lane.rows:
                await self._gather(lane)
                rows, lane.rows = lane.rows[:MAX_ROWS], lane.rows[MAX_ROWS:]
                try:
                    await self._write_rows(scope, rows)
                except BaseException as fault:
                    _fail(rows, fault)
                    raise
        finally:
            lane.writer = None
            if lane.rows:  # only a cancelled writer leaves anybody waiting
                _fail(lane.rows, InterruptedError())
                lane.rows = []
            self._lanes.pop(scope.id, None)

    def _is_enough(self, lane: _Lane) -> bool:
        return not self._coming or len(lane.rows) >= ENOUGH

    async def _gather(self, lane: _Lane) -> None:
        """Wait a moment for the rows of requests that are under way."""
        if self._is_enough(lane):
            return
        loop = asyncio.get_running_loop()
        lane.gathering = gathering = loop.create_future()
        timer = loop.call_later(_LINGER, _enough, gathering)
        try:
            await gathering
        finally:
            timer.cancel()
            lane.gathering = None

    async def _write_rows(self, scope: TenantScope, rows: list[_Row]) -> None:
        """All at once; if one of them is at fault, in halves, so that it does not hold up the others."""
        try:
            async with self._database.statement() as connection:
                await access_audit.add(connection, scope, [entry for entry, _ in rows])
        except Refused as fault:
            if len(rows) == 1:
                _fail(rows, fault)
                return
            middle = len(rows) // 2
            await self._write_rows(scope, rows[:middle])
            await self._write_rows(scope, rows[middle:])
        except EvidenceError as fault:
            _fail(rows, fault)
        else:
            for _, written in rows:
                if not written.done():
                    written.set_result(None)


def _enough(gathering: "asyncio.Future[None] | None") -> None:
    if gathering is not None and not gathering.done():
        gathering.set_result(None)


def _fail(rows: list[_Row], fault: BaseException) -> None:
    code = fault.code if isinstance(fault, EvidenceError) else type(fault).__name__
    logger.error("access_not_recorded", rows=len(rows), code=code, detail=str(fault))
    for _, written in rows:
        if not written.done():
            told = Undecided("the access could not be put on record, so it is not answered", code=UNAVAILABLE)
            told.__cause__ = fault
            written.set_exception(told)
