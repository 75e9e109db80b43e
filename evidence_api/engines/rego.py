"""Rego: evaluates policy bundles in a pool of killable processes, each within a wall-clock and a memory limit.

The way of a question: `evaluate` → (first time: `check`) → a lane (engines/rego_lanes.py) → an idle worker
(engines/rego_process.py) → the engine (engines/rego_worker.py) → the value's JSON bytes. Nothing a policy
does reaches another one: a worker that is slow is stopped, one that dies is replaced, and there is always
a spare. Everything runs on one event loop, without threads.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import TracebackType
from typing import Self

import orjson

from evidence_api.domain.errors import (
    EngineCrashed,
    EvidenceError,
    InvalidSource,
    Malformed,
    Overloaded,
    PolicyFailed,
    SourceFault,
    Undecided,
)
from evidence_api.engines.rego_lanes import MAX_WAITING, SLOW, Lanes, Ticket
from evidence_api.engines.rego_process import WorkerProcess, out_of_memory
from evidence_api.engines.rego_wire import Kind, Reply, Request, Status
from evidence_api.formats.policy_bundle import PolicyBundle, policy_bundle
from evidence_api.formats.rego_source import is_data_reference, without_backtrace

__all__ = ["PolicyBundle", "RegoPool", "policy_bundle"]

MAX_WAIT = 10.0
LOAD_TIMEOUT = 10.0
CHECK_MEMORY = 2 * 2**30  # syntax trees are a hundred times their source
_OVERTIME = 2
_GRACE = 0.25  # the worker's own alarm is the limit; the pool kills only if that failed
_CHECKED = 1024
_START_PAUSES = (0.0, 0.1, 0.5, 1.0, 5.0)


@dataclass(eq=False, slots=True)
class _Job(Ticket):
    """One question on its way. `worker` once it runs; `timer` is the next thing to happen if nothing else does."""

    kind: Kind
    bundle: PolicyBundle
    query: str
    input: bytes
    timeout: float
    answer: asyncio.Future[Reply] = field(repr=False)
    worker: WorkerProcess | None = None
    timer: asyncio.TimerHandle | None = None


class RegoPool:
    """`workers` evaluations at once, each at most `timeout` seconds and `memory` bytes. Belongs to one event loop."""

    def __init__(self, *, workers: int = 2, timeout: float = 1.0, memory: int = 512 * 2**20) -> None:
        self._timeout = timeout
        self._memory = memory
        self._lanes: Lanes[_Job] = Lanes(workers, _OVERTIME)
        self._processes: set[WorkerProcess] = set()
        self._idle: list[WorkerProcess] = []
        self._jobs: dict[WorkerProcess, _Job] = {}
        self._checked: OrderedDict[tuple[bytes, str], Mapping[str, str]] = OrderedDict()
        self._checking: dict[tuple[bytes, str], asyncio.Task[Mapping[str, str]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._first_ready = asyncio.Event()
        self._failed_starts = 0
        self._last_failure: Undecided | None = None
        self._closed = True

    async def __aenter__(self) -> Self:
        """Start the pool."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        await self.close()

    async def start(self) -> None:
        """Start the workers and a spare; returns when the first is ready. Raises EngineCrashed if none will start."""
        self._closed = False
        self._lanes = Lanes(self._lanes.workers, self._lanes.overtime)
        self._first_ready.clear()
        self._fill()
        await self._first_ready.wait()
        if self._last_failure is not None and not self._idle:
            fault = self._last_failure
            await self.close()
            raise EngineCrashed(f"no policy worker can be started: {fault.message}") from fault

    async def close(self) -> None:
        """End every worker; who still waits gets EngineCrashed."""
        self._closed = True
        for job in [*self._lanes.waiting(), *self._jobs.values()]:
            self._settle(job, EngineCrashed("the policy engine was closed"))
        await asyncio.gather(*self._tasks)
        processes = list(self._processes)
        for process in processes:
            process.kill()
        await asyncio.gather(*(process.closed() for process in processes))
        self._idle.clear()
        self._jobs.clear()

    async def evaluate(
        self,
        bundle: PolicyBundle,
        query: str,
        input: bytes,  # noqa: A002  Rego's own word
        *,
        timeout: float | None = None,  # noqa: ASYNC109  kept by the worker's alarm, not by the loop
    ) -> bytes | None:
        """The value of `query` (JSON bytes) for an input (JSON bytes; empty: there is none), or None: undefined.

        `query` is one Rego expression, usually a rule's path (data.evidence.policy.admission.decision).
        Raises InvalidSource (the bundle or query does not load), Malformed (the input is no JSON),
        PolicyFailed, EngineTimeout, EngineMemory, EngineCrashed, Overloaded.
        """
        return await self._ask(Kind.EVALUATE, bundle, query, input, timeout)

    async def cover(self, bundle: PolicyBundle, query: str, *, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  as above
        """What a query without an input reaches: JSON {"value" (null: undefined), "files": {file: {"covered": [line],
        "not_covered": [line]}}}. Raises as `evaluate` does."""
        return await self._ask(Kind.COVER, bundle, query, b"", timeout) or b"{}"

    async def _ask(
        self,
        kind: Kind,
        bundle: PolicyBundle,
        query: str,
        input_: bytes,
        timeout: float | None,  # noqa: ASYNC109  as above
    ) -> bytes | None:
        views = await self._checked_once(bundle, query)
        read = replace(bundle, modules={**bundle.modules, **views}) if views else bundle
        reply = await self._run(kind, read, query, input_, self._timeout if timeout is None else timeout)
        match reply.status:
            case Status.VALUE:
                return reply.body
            case Status.UNDEFINED:
                return None
            case Status.INVALID:
                raise InvalidSource(SourceFault(*fault) for fault in orjson.loads(reply.body))
            case Status.FAILED | Status.BAD_INPUT | Status.MEMORY | Status.PANICKED:
                raise self._fault(reply)

    async def check(self, bundle: PolicyBundle) -> None:
        """Load a bundle without evaluating it. Raises InvalidSource with every fault (file, line, column)."""
        await self._check(bundle, "")

    async def _checked_once(self, bundle: PolicyBundle, query: str) -> Mapping[str, str]:
        """Nothing is evaluated that was not checked; plain paths call nothing, so their bundle's check will do.
        Returns the modules that the engine shall read otherwise than they are written."""
        key = (_engine_key(bundle), "" if is_data_reference(query) else query)
        if key in self._checked:
            self._checked.move_to_end(key)
            return self._checked[key]
        task = self._checking.get(key)
        if task is None:
            task = self._checking[key] = asyncio.get_running_loop().create_task(self._check(bundle, key[1]))
            task.add_done_callback(lambda _: self._checking.pop(key))
        return await asyncio.shield(task)  # many may wait for one check, and one of them may leave

    async def _check(self, bundle: PolicyBundle, query: str) -> Mapping[str, str]:
        reply = await self._run(Kind.CHECK, bundle, query, b"", LOAD_TIMEOUT)
        if reply.status is Status.INVALID:
            raise InvalidSource(SourceFault(*fault) for fault in orjson.loads(reply.body))
        if reply.status is not Status.VALUE:
            raise self._fault(reply)
        views: dict[str, str] = orjson.loads(reply.body)
        self._checked[_engine_key(bundle), query] = views
        if len(self._checked) > _CHECKED:
            self._checked.popitem(last=False)
        return views

    def _fault(self, reply: Reply) -> EvidenceError:
        """The error a worker's answer stands for."""
        text = reply.body.decode(errors="replace")
        if reply.status is Status.MEMORY:
            return out_of_memory(self._memory)
        if reply.status is Status.BAD_INPUT:
            return Malformed(f"the policy input is no JSON: {text}", path="input")
        if reply.status is Status.PANICKED:
            return EngineCrashed(f"the policy engine panicked: {text}")
        return PolicyFailed(without_backtrace(text))

    async def _run(self, kind: Kind, bundle: PolicyBundle, query: str, input_: bytes, timeout: float) -> Reply:  # noqa: ASYNC109  the worker's alarm, not the loop's
        """Wait for a place and for the answer. A caller that goes away leaves its evaluation to end by itself."""
        if self._closed:
            raise EngineCrashed("the policy engine is not running")
        loop = asyncio.get_running_loop()
        digest = _engine_key(bundle)
        if not self._lanes.room(digest, loop.time()):
            raise Overloaded("too many policy evaluations wait", limit=MAX_WAITING, value=len(self._lanes))
        job = _Job(digest, loop.time(), kind, bundle, query, input_, timeout, loop.create_future())
        self._lanes.add(job)
        self._dispatch()
        if job.worker is None:
            job.timer = loop.call_later(
                MAX_WAIT, self._settle, job, Overloaded("no policy worker was free", limit=MAX_WAIT)
            )
        try:
            return await job.answer
        finally:
            self._lanes.discard(job)
            if job.worker is None and job.timer is not None:
                job.timer.cancel()

    def _give_up(self, job: _Job) -> None:
        self._settle(job, Overloaded("no policy worker was free in time", limit=MAX_WAIT))

    def _dispatch(self) -> None:
        """Start whoever may start."""
        now = asyncio.get_running_loop().time()
        while (job := self._lanes.start_next(len(self._idle), now)) is not None:
            if job.answer.done():  # its caller left while it waited
                self._lanes.running.discard(job)
                continue
            holders = [worker for worker in self._idle if worker.holds(job.digest)]
            worker = holders[0] if holders else self._idle[-1]
            self._idle.remove(worker)
            self._hand_over(job, worker)

    def _hand_over(self, job: _Job, worker: WorkerProcess) -> None:
        loop = asyncio.get_running_loop()
        load = job.kind is Kind.CHECK or not worker.holds(job.digest)
        contents = _contents(job.bundle) if load else None
        request = Request(
            kind=job.kind,
            digest=job.digest,
            forget=bytes(32) if job.kind is Kind.CHECK else worker.keep(job.digest),
            load_timeout=LOAD_TIMEOUT,
            timeout=job.timeout,
            memory=CHECK_MEMORY if job.kind is Kind.CHECK else self._memory,
            bundle=orjson.dumps(contents) if load else b"",
            query=job.query.encode(),
            input=job.input,
        )
        if job.timer is not None:
            job.timer.cancel()
        job.worker = worker
        job.timer = loop.call_later(SLOW, self._overran, job, job.timeout + (LOAD_TIMEOUT if load else 0.0))
        self._jobs[worker] = job
        worker.ask(request)

    def _overran(self, job: _Job, limit: float) -> None:
        """It is slow: it gives up its place and its priority, and a spare takes over."""
        job.overran = True
        if job.worker is not None:
            job.worker.lower_priority()
            job.timer = asyncio.get_running_loop().call_later(limit - SLOW + _GRACE, self._overdue, job)
        self._fill()
        self._dispatch()

    def _overdue(self, job: _Job) -> None:
        if job.worker is not None:
            job.worker.kill(timed_out=True)

    def _on_reply(self, worker: WorkerProcess, reply: Reply) -> None:
        """An answer, or the first word of a worker that is ready."""
        job = self._jobs.pop(worker, None)
        usable = not reply.retire
        if job is None:
            self._failed_starts, self._last_failure = 0, None
            self._first_ready.set()
        else:
            self._finish(job, cpu=None if job.kind is Kind.CHECK else reply.cpu, broken=False)
            if reply.status is Status.INVALID and job.kind is not Kind.CHECK:
                worker.lose(job.digest)
            usable = usable and not (job.overran and not worker.restore_priority())
            self._settle(job, reply)
        if usable:
            self._idle.append(worker)
        else:
            worker.kill()
        self._dispatch()

    def _on_end(self, worker: WorkerProcess, fault: Undecided) -> None:
        """A worker is gone: its evaluation failed of it, and another takes its place."""
        self._processes.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
        job = self._jobs.pop(worker, None)
        if job is not None:
            self._finish(job, cpu=None, broken=True)
            self._settle(job, fault)
        elif not worker.ready:
            self._failed_starts += 1
            self._last_failure = fault
            if self._failed_starts > self._lanes.workers:
                self._first_ready.set()
        if not self._closed:
            self._fill()
            self._dispatch()

    def _finish(self, job: _Job, *, cpu: float | None, broken: bool) -> None:
        if job.timer is not None:
            job.timer.cancel()
        job.worker = None
        self._lanes.finish(job, cpu=cpu, broken=broken, now=asyncio.get_running_loop().time())

    def _settle(self, job: _Job, outcome: Reply | EvidenceError) -> None:
        """Give the caller, if it is still there, its answer."""
        if job.timer is not None:
            job.timer.cancel()
        if job.answer.done():
            return
        if isinstance(outcome, Reply):
            job.answer.set_result(outcome)
        else:
            job.answer.set_exception(outcome)

    def _fill(self) -> None:
        """Keep one worker more than are needed now, up to all places."""
        wanted = self._lanes.workers + min(self._lanes.overtime, self._lanes.late + 1)
        for _ in range(wanted - len(self._processes)):
            process = WorkerProcess(self._on_reply, self._on_end)
            self._processes.add(process)
            pause = _START_PAUSES[min(self._failed_starts, len(_START_PAUSES) - 1)]
            asyncio.get_running_loop().call_later(pause, self._launch, process)

    def _launch(self, process: WorkerProcess) -> None:
        if self._closed:
            return
        task = asyncio.get_running_loop().create_task(self._start(process))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start(self, process: WorkerProcess) -> None:
        try:
            await process.start()
        except OSError as fault:
            self._on_end(process, EngineCrashed(f"no process for a policy worker: {fault.strerror}"))


def _contents(bundle: PolicyBundle) -> dict[str, object]:
    return {"modules": dict(bundle.modules), "data": bundle.data.decode(), "as_written": bundle.as_written}


def _engine_key(bundle: PolicyBundle) -> bytes:
    """What an engine is kept by: the same bundle read in two ways is two."""
    digest = bytes.fromhex(bundle.digest.removeprefix("sha256:"))
    return sha256(digest + b"as written").digest() if bundle.as_written else digest
