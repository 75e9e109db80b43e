"""One reading for all who ask at once: when what is kept in memory runs out, a hundred requests do not all fetch it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Once(Generic[Key, Value]):
    """Calls `read(key)` for the first who asks; who asks before it answers gets the same answer, or the same fault."""

    def __init__(self, read: Callable[[Key], Awaitable[Value]]) -> None:
        self._read = read
        self._reading: dict[Key, asyncio.Task[Value]] = {}

    async def __call__(self, key: Key) -> Value:
        """The answer of a reading that had not ended, nor been forgotten, when this was called."""
        task = self._reading.get(key)
        if task is None:
            task = self._reading[key] = asyncio.get_running_loop().create_task(self._go(key))
            task.add_done_callback(lambda ended: self._end(key, ended))
        return await asyncio.shield(task)  # who leaves does not end it for the others

    def forget(self, key: Key) -> None:
        """Who asks from now on gets a reading that begins after this."""
        self._reading.pop(key, None)

    def _end(self, key: Key, ended: "asyncio.Task[Value]") -> None:
        if self._reading.get(key) is ended:
            del self._reading[key]

    async def _go(self, key: Key) -> Value:
        return await self._read(key)
