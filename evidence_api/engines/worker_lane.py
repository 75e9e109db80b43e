"""Worker processes, one lane of them: a queue, the workers that take from it, and what follows when one is lost.

A worker is given up to two frames of questions, so that it never waits for the next; the answers to a frame come
together. Workers are started when there is work and nobody free, and replaced in the same way.
"""

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import structlog

from evidence_api.domain.errors import EvidenceError, Overloaded, Refused
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.engines.worker_wire import Frames, Plain, frame

logger = structlog.get_logger(__name__)

MAX_FRAME = 16  # questions that go out together: waking a worker costs a fifth of what an envelope does
FRAME_SECONDS = 0.004  # of work in a frame, so that the first answers come early
MAX_CRASHES = 2  # of workers on one and the same question
MAX_SECONDS = 30.0  # a question waits for a worker
MAX_TOLD = 512  # shared things a worker is expected to remember; it keeps more (KEPT of the far end)
_DEPTH = 2  # frames a worker has at once
_START_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Shared:
    """What many questions have in common; a worker is told once. Equal names mean equal contents."""

    name: str
    content: Plain = field(repr=False, compare=False)


@dataclass(slots=True, eq=False)
class Job:
    """One question and who waits for its answer."""

    question: Plain = field(repr=False)
    shared: Shared
    answer: "asyncio.Future[Plain]"
    since: float
    crashes: int = 0

    def settle(self, answer: Plain | EvidenceError) -> None:
        """Give the answer, unless the caller has left."""
        if self.answer.done():
            return
        if isinstance(answer, EvidenceError):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class _Worker(asyncio.Protocol):
    """One worker process, seen through its channel."""

    def __init__(self, lane: "Lane", pid: int) -> None:
        self.pid = pid
        self.sent: deque[list[Job]] = deque()  # the first is the one it works on
        self.begun = 0.0  # when it began with that
        self._lane = lane
        self._received = Frames()
        self._told: set[str] = set()
        self.transport: asyncio.WriteTransport | None = None

    @property
    def is_free(self) -> bool:
        """It can be given a frame. One that was given a suspect is given nothing else."""
        return len(self.sent) < _DEPTH and not (self.sent and self.sent[0][0].crashes)

    def send(self, jobs: list[Job], now: float) -> None:
        """Hand over one frame."""
        assert self.transport is not None  # noqa: S101  only a connected worker is in the lane's list
        if not self.sent:
            self.begun = now
        self.sent.append(jobs)
        told = {}
        for job in jobs:
            if job.shared.name not in self._told:
                if len(self._told) >= MAX_TOLD:
                    self._told.clear()
                self._told.add(job.shared.name)
                told[job.shared.name] = job.shared.content
        self.transport.write(frame((list(told.items()), [job.question for job in jobs])))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write."""
        self.transport = cast("asyncio.WriteTransport", transport)  # uvloop's do not derive from asyncio's classes

    def data_received(self, data: bytes) -> None:
        """Pass on whole answers; they come in the order of the questions."""
        for answers in self._received.feed(data):
            jobs, now = self.sent.popleft(), asyncio.get_running_loop().time()
            for job, answer in zip(jobs, answers, strict=True):
                job.settle(answer)
            self._lane.learn((now - self.begun) / len(jobs))
            self.begun = now
        self._lane.soon()

    def connection_lost(self, _: Exception | None) -> None:
        """The process has ended."""
        self._lane.lost(self)

    def kill(self) -> None:
        """End it now; `connection_lost` follows."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class Lane:
    """`size` workers at most, and those who wait for them. A frame is given at most `seconds`."""

    def __init__(self, name: str, nursery: Nursery, size: int, seconds: float) -> None:
        self.name = name
        self.waiting: deque[Job] = deque()
        self._suspects: deque[Job] = deque()  # a worker ended with them: each is tried alone
        self._nursery = nursery
        self._size = size
        self._seconds = seconds
        self._workers: list[_Worker] = []
        self._starting: set[asyncio.Task[None]] = set()
        self._scheduled = False
        self._closed = False
        self._pace = FRAME_SECONDS / MAX_FRAME  # seconds a question takes, lately

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the workers there are."""
        return tuple(worker.pid for worker in self._workers)

    @property
    def is_idle(self) -> bool:
        """Nobody waits for an answer."""
        return not (self.waiting or self._suspects or any(worker.sent for worker in self._workers))

    def add(self, job: Job) -> None:
        """Queue a question."""
        self.waiting.append(job)
        self.soon()

    def learn(self, seconds: float) -> None:
        """A question took so long."""
        self._pace += (seconds - self._pace) / 8

    def warm_up(self) -> None:
        """Start a worker, if there is none."""
        if not self._closed and not self._workers and not self._starting:
            self._add_worker()

    def soon(self) -> None:
        """Hand out what waits, once everybody who is about to ask has asked."""
        if not self._scheduled and (self.waiting or self._suspects):
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._hand_out)

    def watch(self, now: float) -> None:
        """End what hangs, and refuse what has waited too long. To be called about every second."""
        for worker in self._workers:
            if worker.sent and now - worker.begun > self._seconds:
                logger.warning("worker_hangs", lane=self.name, pid=worker.pid, limit=self._seconds)
                worker.kill()
        for queue in (self.waiting, self._suspects):
            while queue and now - queue[0].since > MAX_SECONDS + self._seconds * queue[0].crashes:
                late = queue.popleft()
                waited = round(now - late.since)
                late.settle(Overloaded("no process was free to read it", limit=round(MAX_SECONDS), value=waited))

    def lost(self, worker: _Worker) -> None:
        """Share out again what it had."""
        if worker in self._workers:
            self._workers.remove(worker)
        if self._closed:
            return
        logger.warning("worker_ended", lane=self.name, pid=worker.pid, questions=sum(map(len, worker.sent)))
        if worker.sent:
            self._suspect(worker.sent.popleft())
        self.waiting.extendleft(job for jobs in reversed(worker.sent) for job in reversed(jobs))
        self.soon()

    async def close(self, fault: EvidenceError) -> None:
        """End the workers; whoever still waits is told `fault`."""
        self._closed = True
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        for worker in self._workers:
            worker.kill()
            if worker.transport is not None:
                worker.transport.abort()
        busy = [job for worker in self._workers for jobs in worker.sent for job in jobs]
        for job in (*busy, *self.waiting, *self._suspects):
            job.settle(fault)
        self.waiting.clear()
        self._suspects.clear()
        self._workers.clear()

    def _suspect(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            job.crashes += 1
            if len(jobs) == 1 and job.crashes >= MAX_CRASHES:
                logger.error("worker_killer_refused", lane=self.name, crashes=job.crashes)
                job.settle(
                    Refused(
                        "the process that reads it ended each time",
                        code="unreadable",
                        limit=MAX_CRASHES - 1,
                        value=job.crashes,
                    )
                )
            else:
                self._suspects.append(job)

    def _hand_out(self) -> None:
        self._scheduled = False
        if self._closed:
            return
        now = asyncio.get_running_loop().time()
        while self._suspects and (idle := next((one for one in self._workers if not one.sent), None)):
            idle.send([self._suspects.popleft()], now)
        # With suspects left, one worker is given nothing more, so that it is soon there for them.
        helping = self._workers[1:] if self._suspects else self._workers
        while self.waiting and (free := min(filter(_is_free, helping), key=_load, default=None)):
            count = max(1, min(MAX_FRAME, len(self.waiting), int(FRAME_SECONDS / max(self._pace, 1e-6))))
            free.send([self.waiting.popleft() for _ in range(count)], now)
        if (self.waiting or self._suspects) and len(self._workers) + len(self._starting) < self._size:
            self._add_worker()

    def _add_worker(self) -> None:
        task = asyncio.get_running_loop().create_task(self._start())
        self._starting.add(task)
        task.add_done_callback(self._started)

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        spawned = loop.run_in_executor(None, self._nursery.spawn)
        try:
            channel, pid = await asyncio.shield(spawned)
        except asyncio.CancelledError:
            channel, _ = await spawned
            channel.close()
            raise
        except OSError as fault:
            logger.warning("worker_not_started", lane=self.name, fault=str(fault))
            await asyncio.sleep(_START_AGAIN_SECONDS)
            return
        channel.setblocking(False)  # noqa: FBT003  the socket's own signature
        worker = _Worker(self, pid)
        await loop.create_unix_connection(lambda: worker, sock=channel)
        self._workers.append(worker)

    def _started(self, task: "asyncio.Task[None]") -> None:
        self._starting.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            logger.error("worker_not_started", lane=self.name, exc_info=fault)
        self.soon()


def _is_free(worker: _Worker) -> bool:
    return worker.is_free


def _load(worker: _Worker) -> int:
    return len(worker.sent)
