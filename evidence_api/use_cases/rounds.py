"""Rounds: work beside the server's answers, looked for when somebody says there is some, and now and then.

Another process may have left the work, or an earlier round not done it: so nothing depends on being woken.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from evidence_api.domain.errors import EvidenceError

logger = structlog.get_logger(__name__)


class Rounds:
    """Calls `sweep` for ever. What it raises is said as the event `postponed`, and tried again in the next round."""

    def __init__(self, sweep: Callable[[], Awaitable[int]], postponed: str) -> None:
        self._sweep = sweep
        self._postponed = postponed
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is something to do: look now instead of at the end of the interval."""
        self._woken.set()

    async def run(self, seconds: float) -> None:
        """When woken, and every so many seconds."""
        while True:
            self._woken.clear()
            try:
                await self._sweep()
            except EvidenceError as fault:
                logger.warning(self._postponed, code=fault.code, detail=fault.message)
            try:
                await asyncio.wait_for(self._woken.wait(), seconds)
            except TimeoutError:
                continue
