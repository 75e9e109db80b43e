"""Room for uploads: how many bytes of bodies the server holds at once. When it is full, uploads wait, then are refused.

First come, first served: a large body that waits is not overtaken by small ones for ever.
"""

import asyncio
from collections import deque

from evidence_api.domain.errors import Overloaded

MAX_BYTES = 256 * 2**20
WAIT_SECONDS = 10.0


class Room:
    """At most `limit` bytes; one body larger than that gets in alone."""

    def __init__(self, limit: int = MAX_BYTES, wait: float = WAIT_SECONDS) -> None:
        self._limit = limit
        self._wait = wait
        self._taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def taken(self) -> int:
        """Bytes held now."""
        return self._taken

    def take_now(self, size: int) -> bool:
        """Take the room if it is there and nobody waits."""
        if self._waiting or not self._fits(size):
            return False
        self._taken += size
        return True

    async def take(self, size: int) -> None:
        """Take the room, waiting a while for it; `give_back` follows. Raises Overloaded."""
        if self.take_now(size):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (size, turn)
        self._waiting.append(entry)
        try:
            await asyncio.wait_for(asyncio.shield(turn), self._wait)
        except BaseException as fault:
            if turn.done():  # its turn came just when it gave up
                self.give_back(size)
            else:
                self._waiting.remove(entry)
                self._admit()
            if isinstance(fault, TimeoutError):
                held = self._taken + size
                raise Overloaded("too much is being uploaded", limit=self._limit, value=held) from fault
            raise

    def give_back(self, size: int) -> None:
        """Somebody else may have it."""
        self._taken -= size
        if self._waiting:
            self._admit()

    def _fits(self, size: int) -> bool:
        return self._taken + size <= self._limit or not self._taken

    def _admit(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            size, turn = self._waiting.popleft()
            self._taken += size
            turn.set_result(None)
