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
        self._open: set[asyncio.Future[V]] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    async def get(self, key: K) -> V:
        """The value of one key."""
        if self._closed:
            raise asyncio.CancelledError
        future = self._waiting.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            if not self._waiting:
                loop.call_soon(self._turn, 0, _QUIET_TURNS)
            future = self._waiting[key] = loop.create_future()
            self._open.add(future)
            future.add_done_callback(self._open.discard)
        return await asyncio.shield(future)  # several may wait for one key; none may cancel it for the others

    def _turn(self, joined: int, quiet: int) -> None:
        """One turn of the loop: go on waiting if anybody joined since the last, else leave when it has been quiet."""
        now = len(self._waiting)
        if now != joined or quiet:
            left = _QUIET_TURNS if now != joined else quiet - 1
            asyncio.get_running_loop().call_soon(self._turn, now, left)
            return
        batch, self._waiting = self._waiting, {}
        if batch:
            task = asyncio.ensure_future(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Stop what is loading; everybody who waits is cancelled, and so is everybody who comes later."""
        self._closed = True
        self._waiting = {}
        for task in self._running:
            task.cancel()
        for future in tuple(self._open):
            future.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

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
        for batch in self._batches.values():
            await batch.close()
