"""Server-sent events on their way out: one answer that goes on until somebody ends it.

What ends it                                       and what is noted of it
the client leaves                                  client_disconnected
the credentials are no longer good                 the code of the refusal; the last event says it
the reader does not take what is sent in time      slow_reader; the connection is closed, for nothing more can be said
the server stops, or there is nothing more         server_stopping
a fault                                            its code, or internal_fault; the last event says it
Whoever comes back with the last id they have seen goes on there: nothing is kept for them here.
Source: WHATWG HTML, section 9.2 Server-sent events (an `id` without data moves the last id, and is no event).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import structlog
from prometheus_client import Counter, Gauge
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from evidence_api.domain.errors import EvidenceError

log = structlog.get_logger(__name__)

EVENT_STREAM = "text/event-stream"
OPEN = Gauge("evidence_streams_open", "Event streams that are open")
ENDED = Counter("evidence_streams_ended_total", "Event streams that ended, by what ended them", ["code"])

STILL = "still_allowed"  # in the state of a connection: asks again whether the caller may (web/requests.py)
ENDED_BY = "stream_ended_by"  # in the state of a connection: what ended the stream, for the audit of access
_STOPPING = "server_stopping"
_GONE = "client_disconnected"
_SLOW = "slow_reader"


@dataclass(frozen=True, slots=True)
class Sent:
    """One event, or (data None) only the position come to. `data` is one line."""

    position: int | None = None
    data: bytes | None = None
    event: str = ""

    def encode(self) -> bytes:
        """As it is sent."""
        lines = b"" if self.position is None else b"id: %d\n" % self.position
        if self.data is None:
            return lines + b":\n\n"
        named = f"event: {self.event}\n".encode() if self.event else b""
        return b"%b%bdata: %b\n\n" % (lines, named, self.data)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: of silence before a sign of life, for the reader to take what is sent, between two looks at the
    caller's credentials."""

    heartbeat: float = 15.0
    patience: float = 20.0
    recheck: float = 10.0


# The events said at the end: of an error, or (None) of an end without one.
Farewell: TypeAlias = Callable[[EvidenceError | Exception | None], tuple[Sent, ...]]
Still: TypeAlias = Callable[[], Awaitable[object]]


class EventStream(Response):
    """Sends `events`; `position` says how far everything was taken that was to be, also where nothing was sent."""

    def __init__(
        self,
        events: AsyncIterator[Sent],
        position: Callable[[], int | None],
        farewell: Farewell,
        pace: Pace | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(None, 200, {"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})})
        del self.headers["content-length"]
        self.headers["content-type"] = f"{EVENT_STREAM}; charset=utf-8"
        self._events = events
        self._position = position
        self._farewell = farewell
        self._pace = pace or Pace()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until something ends it."""
        state = scope.setdefault("state", {})
        state[ENDED_BY] = "internal_fault"
        OPEN.inc()
        gone = asyncio.ensure_future(_left(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            state[ENDED_BY] = await self._run(send, gone, state.get(STILL))
        except asyncio.CancelledError:
            state[ENDED_BY] = _STOPPING
            raise
        finally:
            OPEN.dec()
            ENDED.labels(state[ENDED_BY]).inc()
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)

    async def _run(self, send: Send, gone: asyncio.Future[None], still: Still | None) -> str:
        """The code of what ended it."""
        try:
            await self._pump(send, gone, still)
        except _Left:
            return _GONE
        except TimeoutError:
            log.warning("slow_reader", patience=self._pace.patience, position=self._position())
            return _SLOW
        except EvidenceError as fault:
            return await self._end(send, fault, fault.code)
        except Exception as fault:  # masked: the farewell tells no more than the code
            log.exception("stream_fault")
            return await self._end(send, fault, "internal_fault")
        return await self._end(send, None, _STOPPING)

    async def _pump(self, send: Send, gone: asyncio.Future[None], still: Still | None) -> None:
        """Events, and signs of life between them. Raises _Left, TimeoutError (a slow reader), and what ends it else."""
        loop = asyncio.get_running_loop()
        look = loop.time() + self._pace.recheck
        coming: asyncio.Future[Sent] | None = None
        try:
            while True:
                coming = coming or asyncio.ensure_future(anext(self._events))
                pause = min(self._pace.heartbeat, self._pace.recheck)
                either: set[asyncio.Future[Any]] = {coming, gone}
                await asyncio.wait(either, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    raise _Left
                if still is not None and loop.time() >= look:
                    await still()
                    look = loop.time() + self._pace.recheck
                if coming.done():
                    sent, coming = coming, None
                    await self._write(send, sent.result())
                else:
                    await self._write(send, Sent(self._position()))
        except StopAsyncIteration:
            return
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)
            await _close(self._events)

    async def _write(self, send: Send, sent: Sent) -> None:
        async with asyncio.timeout(self._pace.patience):
            await send({"type": "http.response.body", "body": sent.encode(), "more_body": True})

    async def _end(self, send: Send, fault: EvidenceError | Exception | None, code: str) -> str:
        content = b"".join(one.encode() for one in self._farewell(fault))
        try:
            async with asyncio.timeout(self._pace.patience):
                await send({"type": "http.response.body", "body": content, "more_body": False})
        except TimeoutError:
            return _SLOW
        return code


class _Left(Exception):
    """The client has closed the connection."""


async def _left(receive: Receive) -> None:
    """Wait until the client has gone; the body of the request has been read."""
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return


async def _close(events: AsyncIterator[Sent]) -> None:
    close = getattr(events, "aclose", None)
    if close is not None:
        await close()
