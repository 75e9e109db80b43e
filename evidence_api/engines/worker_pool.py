"""Worker processes, near end: questions go to whoever is free, and every question is answered or refused.

For pure functions that cost more than sending their arguments, on input that may do anything to the process that reads
it. What may happen, and what follows:
  a worker ends        whom it had not begun with goes to another; whom it was busy with is tried again, alone
  it ends again        on the very same question, alone: that question is refused as `unreadable`
  a worker hangs       past its lane's limit it is killed, which is the case above
  nobody is free       questions wait in order, at most MAX_WAITING of them and MAX_SECONDS each: then `overloaded`
Large questions have a lane of their own with one worker, so that small ones never wait behind them.
"""

import asyncio
import os
from typing import Self

from evidence_api.domain.errors import EngineCrashed, Overloaded
from evidence_api.engines.worker_lane import Job, Lane, Shared
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.engines.worker_wire import Plain

MAX_WAITING = 8192  # questions of one lane
LARGE = 2**20  # bytes; what is larger takes the lane for large ones
_SMALL_SECONDS = 20.0
_LARGE_SECONDS = 120.0
_WATCH_SECONDS = 1.0


def usable_cores() -> int:
    """How many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerPool:
    """`processes` workers for small questions and one for large ones. `async with WorkerPool(nursery) as workers`."""

    def __init__(self, nursery: Nursery, processes: int | None = None) -> None:
        self.small = Lane("small", nursery, usable_cores() if processes is None else processes, _SMALL_SECONDS)
        self.large = Lane("large", nursery, 1, _LARGE_SECONDS)
        self._watching: asyncio.TimerHandle | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def ask(self, question: Plain, shared: Shared, size: int) -> "asyncio.Future[Plain]":
        """Have a question of about `size` bytes answered. The answer raises Refused `unreadable`, Overloaded,
        EngineCrashed (the server is stopping). Raises Overloaded at once when too many wait."""
        lane = self.large if size > LARGE else self.small
        if self._closed:
            raise EngineCrashed("the server is stopping")
        if len(lane.waiting) >= MAX_WAITING:
            raise Overloaded("too many uploads wait to be read", limit=MAX_WAITING, value=len(lane.waiting) + 1)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Plain] = loop.create_future()
        lane.add(Job(question, shared, answer, loop.time()))
        if self._watching is None:
            self._watching = loop.call_later(_WATCH_SECONDS, self._watch)
        return answer

    def warm_up(self) -> None:
        """Start a worker now, so that the first question need not wait until one has loaded its code."""
        self.small.warm_up()

    async def close(self) -> None:
        """End the workers; whoever still waits is told EngineCrashed."""
        self._closed = True
        if self._watching is not None:
            self._watching.cancel()
        for lane in (self.small, self.large):
            await lane.close(EngineCrashed("the server is stopping"))

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        for lane in (self.small, self.large):
            lane.watch(loop.time())
        idle = self._closed or (self.small.is_idle and self.large.is_idle)
        self._watching = None if idle else loop.call_later(_WATCH_SECONDS, self._watch)
