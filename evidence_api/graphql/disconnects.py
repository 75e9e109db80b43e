"""GraphQL, running: an operation whose client has gone is stopped, and its statements with it.

Most operations are over long before it would pay to look, so the connection is watched only once one has run for a
while: what a short one costs is a timer.
"""

import asyncio
from contextlib import suppress
from types import TracebackType

from starlette.requests import Request

from evidence_api.domain.errors import Malformed

PATIENCE = 0.1  # seconds before the connection is watched


class WhileConnected:
    """A block that is cancelled when the client leaves. Leaving it then raises Malformed `client_disconnected`."""

    def __init__(self, request: Request, patience: float = PATIENCE) -> None:
        self._request = request
        self._patience = patience
        self._watch: asyncio.Task[None] | None = None
        self._gone = False

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        if task is None:  # coroutines run in tasks
            raise RuntimeError
        self._task = task
        self._timer = asyncio.get_running_loop().call_later(self._patience, self._begin)

    async def __aexit__(
        self, _kind: type[BaseException] | None, fault: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._watch is None:
            return
        if self._gone:
            self._task.uncancel()
            raise Malformed("the client left before there was an answer", code="client_disconnected") from fault
        self._watch.cancel()
        with suppress(asyncio.CancelledError):
            await self._watch

    def _begin(self) -> None:
        self._watch = asyncio.ensure_future(self._wait())

    async def _wait(self) -> None:
        """The body has been read, so the next thing to be received is that the client has gone."""
        while (await self._request.receive())["type"] != "http.disconnect":
            continue
        self._gone = True
        self._task.cancel()
