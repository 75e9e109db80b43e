"""Database, bound connections: each stays bound to one reader between uses, so that a read is one round trip.

A connection here only ever reads (`default_transaction_read_only`), one statement at a time, each a transaction and a
snapshot of its own. It is bound by session settings, where all other transactions bind themselves by SET LOCAL on
connections of another pool: what is bound here is seen by nobody else. Taking a connection names the reader; one that
is bound to somebody else is bound anew first, in one round trip that holds or fails as a whole, and whatever goes wrong
while it is out closes it. So a connection that is in use is bound to the reader who asked for it, or not at all.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import TypeAlias

import asyncpg

from evidence_api.domain.errors import StoreUnavailable

RawConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_CONNECT_SECONDS = 10.0
_STATEMENT_SECONDS = 30.0
_SETTINGS = {
    "application_name": "evidence-api pages",
    "timezone": "UTC",
    "default_transaction_read_only": "on",
    "jit": "off",
    "statement_timeout": str(int(_STATEMENT_SECONDS * 1000)),
}


class _Bound:
    """One connection, and the statements it was last bound with."""

    __slots__ = ("binding", "connection")

    def __init__(self, connection: RawConnection) -> None:
        self.connection = connection
        self.binding = ""


class BoundConnections:
    """At most `size` connections, opened when they are needed; given first to the reader they are bound to."""

    def __init__(self, dsn: str, size: int) -> None:
        self._dsn = dsn
        self._size = size
        self._open = 0
        self._idle: list[_Bound] = []  # the one used last is last
        self._waiting: deque[asyncio.Future[_Bound | None]] = deque()
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    def bound(self, binding: str) -> "Held":
        """A connection (`async with`) after the statements `binding`, for one statement at a time outside any
        transaction."""
        return Held(self, binding)

    async def take(self, binding: str) -> "_Bound":
        """A connection bound so."""
        one = await self._take(binding)
        if one.binding != binding:
            one.binding = ""
            try:
                await one.connection.execute(binding)
            except BaseException:
                self.drop(one)
                raise
            one.binding = binding
        return one

    async def close(self) -> None:
        """Close what is idle now and what is in use when it comes back."""
        self._closed = True
        for one in self._idle:
            self.drop(one)
        self._idle.clear()
        while self._wake(None):  # whoever waits is told
            pass
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _take(self, binding: str) -> _Bound:
        """One bound to this reader; else a new one, the one idle longest, or the next that comes back."""
        while True:
            if self._closed:
                raise StoreUnavailable("the database is closed")
            one = self._idle_one(binding)
            if one is None and self._open < self._size:
                return await self._connect()
            one = one or self._idle_one(None)
            if one is None:
                waiting: asyncio.Future[_Bound | None] = asyncio.get_running_loop().create_future()
                self._waiting.append(waiting)
                one = await self._handed(waiting)
            if one is not None:
                return one

    def _idle_one(self, binding: str | None) -> _Bound | None:
        """The first idle one that is bound so, or of all; those that were cut are forgotten."""
        for one in tuple(self._idle):
            if binding is None or one.binding == binding:
                self._idle.remove(one)
                if not one.connection.is_closed():
                    return one
                self._open -= 1
        return None

    async def _handed(self, waiting: "asyncio.Future[_Bound | None]") -> _Bound | None:
        """What comes back; None means there is room for a new one. Leaving does not lose what was handed over."""
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled():
                one = waiting.result()
                if one is not None:
                    self.give(one)
                else:
                    self._wake(None)
            raise

    async def _connect(self) -> _Bound:
        self._open += 1
        try:
            return _Bound(
                await asyncpg.connect(
                    self._dsn,
                    timeout=_CONNECT_SECONDS,
                    command_timeout=_STATEMENT_SECONDS,
                    statement_cache_size=256,
                    max_cached_statement_lifetime=0,
                    server_settings=_SETTINGS,
                )
            )
        except BaseException:
            self._open -= 1
            self._wake(None)
            raise

    def give(self, one: _Bound) -> None:
        """Back for others."""
        if self._closed or one.connection.is_closed():
            self.drop(one)
        elif not self._wake(one):
            self._idle.append(one)

    def _wake(self, one: _Bound | None) -> bool:
        """Hand it to whoever has waited longest; False if nobody waits."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(one)
                return True
        return False

    def drop(self, one: _Bound) -> None:
        """Close it, after what it was doing has been cancelled; whoever waits may open another."""
        self._open -= 1
        task = asyncio.get_running_loop().create_task(_end(one.connection))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        self._wake(None)


class Held:
    """One connection, taken on entering; given back on leaving, or closed if anything went wrong."""

    __slots__ = ("_binding", "_one", "_pool")

    def __init__(self, pool: BoundConnections, binding: str) -> None:
        self._pool = pool
        self._binding = binding
        self._one: _Bound | None = None

    async def __aenter__(self) -> RawConnection:
        """Take it."""
        self._one = await self._pool.take(self._binding)
        return self._one.connection

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Part with it."""
        one, self._one = self._one, None
        if one is not None:
            (self._pool.give if kind is None else self._pool.drop)(one)


async def _end(connection: RawConnection) -> None:
    try:
        await connection.close(timeout=_CONNECT_SECONDS)
    except Exception:  # noqa: BLE001  in whatever state it was left
        connection.terminate()
