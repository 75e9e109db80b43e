"""Batches the loads of one list level: what siblings ask for at about the same time is one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# Siblings do not all ask in the same turn of the loop: the executor awaits a lone field directly and several through
# tasks, a turn or two later. So a batch leaves when nobody has joined it for this many turns.
_QUIET_TURNS = 4


class Batch(Generic[K, V]):
    """Collects keys until no more come, then loads them together; a key without an answer gets `absent`."""

    def __init__(self, load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], absent: V) -> None:
        self._load = load
        self._absent = absent
        self._waiting: dict[K, asyncio.Future[V]] = {}
        self.running: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V:
        """The value of one key."""
        future = self._waiting.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            if not self._waiting:
                loop.call_soon(self._turn, 0, _QUIET_TURNS)
            future = self._waiting[key] = loop.create_future()
        return await asyncio.shield(future)  # several may wait for one key; none may cancel it for the others

    def _turn(self, joined: int, quiet: int) -> None:
        """One turn of the loop: go on waiting if anybody joined since the last, else leave when it has been quiet."""
        now = len(self._waiting)
        if now != joined or quiet:
            left = _QUIET_TURNS if now != joined else quiet - 1
            asyncio.get_running_loop().call_soon(self._turn, now, left)
            return
        batch, self._waiting = self._waiting, {}
        task = asyncio.ensure_future(self._run(batch))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    async def _run(self, batch: Mapping[K, "asyncio.Future[V]"]) -> None:
        try:
            found = await self._load(tuple(batch))
        except Exception as fault:  # noqa: BLE001  whatever it is, it belongs to those who wait
            for future in batch.values():
                future.set_exception(fault)
                future.exception()  # seen, even if everybody who waited has left
        else:
            for key, future in batch.items():
                future.set_result(found.get(key, self._absent))


class Batches:
    """The batches of one operation, by relation and arguments."""

    def __init__(self) -> None:
        self._batches: dict[Hashable, Batch[Any, Any]] = {}

    def of(self, name: Hashable, load: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]], absent: V) -> Batch[K, V]:
        """The batch of that name, made with `load` when it is asked for the first time."""
        batch = self._batches.get(name)
        if batch is None:
            batch = self._batches[name] = Batch(load, absent)
        return batch

    async def close(self) -> None:
        """Stop what is still loading, so that the operation's connection can be given back."""
        running = [task for batch in self._batches.values() for task in batch.running]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
