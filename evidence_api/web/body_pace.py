"""What every request passes on its way in: its body has to arrive at a pace, on every route.

A body may take `grace` seconds, and one second more for each `rate` bytes of it that have come. A sender that trickles
bytes, or stops in the middle, is refused with 408 `body_too_slow` instead of holding a connection for as long as it
likes. Headers have the server's own limit. What is awaited after the body (that the client leaves) has none.

Source: RFC 9110 section 15.5.9.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evidence_api.domain.errors import TooSlow

GRACE = 10.0  # seconds
RATE = 4096  # bytes a second after that


class BodyPace:
    """A layer that limits how slowly a body may come."""

    def __init__(self, app: ASGIApp, *, grace: float = GRACE, rate: int = RATE) -> None:
        self.app = app
        self._grace = grace
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with a `receive` that raises TooSlow."""
        if scope["type"] == "http":
            receive = _Paced(receive, self._grace, self._rate).receive
        await self.app(scope, receive, send)


class _Paced:
    """One body on its way in. Time is counted from the first time anybody asked for it."""

    def __init__(self, receive: Receive, grace: float, rate: int) -> None:
        self._receive = receive
        self._grace = grace
        self._rate = rate
        self._began: float | None = None
        self._received = 0
        self._complete = False

    async def receive(self) -> Message:
        """The next message. Raises TooSlow."""
        if self._complete:
            return await self._receive()
        now = asyncio.get_running_loop().time()
        if self._began is None:
            self._began = now
        allowed = self._grace + self._received / self._rate
        try:
            async with asyncio.timeout_at(self._began + allowed):
                message = await self._receive()
        except TimeoutError as fault:
            raise TooSlow(
                f"{self._received} bytes of the body came in {allowed:.0f} s: a body may take {self._grace:g} s, and "
                f"one second more for each {self._rate} bytes",
                path="body",
                limit=allowed,
                value=self._received,
            ) from fault
        self._received += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        return message
