"""One Rego worker seen from the server: started, asked, killed, and its death explained.

The channel is a socket pair; the worker's standard streams go to nothing and to an unnamed file that is
read only after its death. The environment is made new, so a policy's process holds none of our secrets.
"""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from evidence_api.domain.errors import EngineCrashed, EngineMemory, EngineTimeout, Undecided
from evidence_api.engines.rego_wire import NO_DIGEST, Reply, Request, Status

# The standard library's: the offline verifier evaluates policies too, and its install has no structlog.
logger = logging.getLogger(__name__)

_KEPT_BUNDLES = 16
_ROOT = str(Path(__file__).resolve().parents[2])
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")
_COURTESY = 10  # nice value of an evaluation in overtime
_LAST_WORDS = 2000

OnReply = Callable[["WorkerProcess", Reply], None]
OnEnd = Callable[["WorkerProcess", Undecided], None]


class WorkerProcess(asyncio.Protocol):
    """A process and its channel. `on_reply` is called for each answer and once, with an empty one, when it is ready;
    `on_end` exactly once, with what its death means for whoever was waiting."""

    def __init__(self, on_reply: OnReply, on_end: OnEnd) -> None:
        self._on_reply = on_reply
        self._on_end = on_end
        self._buffer = bytearray()
        self._transport: asyncio.WriteTransport | None = None
        self._timed_out = False
        self._dismissed = False
        self._memory = 0
        self._timeout = 0.0
        self._held: OrderedDict[bytes, None] = OrderedDict()
        self._errors: IO[bytes] | None = None
        self.ready = False
        self._process: subprocess.Popen[bytes] | None = None
        self._reaping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the process; it says itself when it is ready."""
        ours, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed when the process has ended
        with theirs:
            environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
            # No arena reserved ahead: the memory limit counts address space. No backtraces: they leak paths.
            environment |= {"PYTHONPATH": _ROOT, "PYTHONUTF8": "1", "MIMALLOC_ARENA_RESERVE": "0"}
            # Popen returns within milliseconds (vfork), and its process must outlive this coroutine.
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603  as said above; our own program
                [sys.executable, "-P", "-m", "evidence_api.engines.rego_worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                pass_fds=(theirs.fileno(),),
                env=environment,
            )
        ours.setblocking(False)  # noqa: FBT003  the socket's own signature
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=ours)

    @property
    def pid(self) -> int:
        """The process id, 0 before the start."""
        return self._process.pid if self._process else 0

    def holds(self, digest: bytes) -> bool:
        """True when the worker has this bundle loaded."""
        return digest in self._held

    def ask(self, request: Request) -> None:
        """Send one request. The worker must be idle; `Request.bundle` is needed unless it `holds` the digest."""
        self._timeout, self._memory = request.timeout, request.memory
        if self._transport is not None:
            self._transport.write(request.frame())

    def keep(self, digest: bytes) -> bytes:
        """Note that the worker will hold this bundle; gives the digest it must forget for it (or NO_DIGEST)."""
        self._held[digest] = None
        self._held.move_to_end(digest)
        return self._held.popitem(last=False)[0] if len(self._held) > _KEPT_BUNDLES else NO_DIGEST

    def lose(self, digest: bytes) -> None:
        """Note that loading this bundle failed."""
        self._held.pop(digest, None)

    def kill(self, *, timed_out: bool = False) -> None:
        """End the process now, whatever it is doing: it is not needed any more, or overdue."""
        self._timed_out |= timed_out
        self._dismissed = not timed_out
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        if self._transport is not None:
            self._transport.abort()

    def lower_priority(self) -> None:
        """Let the other workers have the processor first."""
        self._renice(_COURTESY)

    def restore_priority(self) -> bool:
        """Undo `lower_priority`; False where the system does not let us, so that the process should be replaced."""
        return self._renice(0)

    def _renice(self, value: int) -> bool:
        try:
            os.setpriority(os.PRIO_PROCESS, self.pid, value)
        except (PermissionError, ProcessLookupError):
            return False
        return True

    async def closed(self) -> None:
        """Wait until the process is gone and its death has been told."""
        if self._reaping is not None:
            await self._reaping

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's do not derive from asyncio's classes

    def data_received(self, data: bytes) -> None:
        """Pass on the reply once it is whole; there is never more than one."""
        self._buffer += data
        head = Reply.HEAD
        if len(self._buffer) < head.size:
            return
        status, retire, cpu, size = head.unpack_from(self._buffer)
        if len(self._buffer) >= head.size + size:
            body = bytes(self._buffer[head.size : head.size + size])
            self._buffer.clear()
            self.ready = True
            self._on_reply(self, Reply(Status(status), retire, cpu, body))

    def connection_lost(self, _: Exception | None) -> None:
        """The process is dying: find out of what, without holding up the loop."""
        self._transport = None
        self._reaping = asyncio.get_running_loop().create_task(self._reap())

    async def _reap(self) -> None:
        process = self._process
        pause = 0.001
        while process is not None and process.poll() is None:
            if pause > 1:
                process.kill()  # it closed its channel and lives on
            await asyncio.sleep(pause)
            pause *= 2
        code = process.returncode if process is not None else 0
        words = self._last_words()
        fault = self._explain(code, words)
        if not self._dismissed:
            logger.warning("rego worker %d ended: %s, return code %d %s", self.pid, fault.code, code, words[-200:])
        self._on_end(self, fault)

    def _last_words(self) -> str:
        if self._errors is None:
            return ""
        with self._errors as errors:
            errors.seek(0)
            return errors.read(_LAST_WORDS).decode(errors="replace").strip()

    def _explain(self, code: int, words: str) -> Undecided:
        """One error for each way to die."""
        if self._timed_out or code == -signal.SIGALRM:
            limit = self._timeout
            return EngineTimeout(f"the policy ran over its limit of {limit:g} s and was stopped", limit=limit)
        if code == -signal.SIGABRT and "memory allocation" in words:
            return out_of_memory(self._memory)
        name = signal.Signals(-code).name if code < 0 else f"exit {code}"
        return EngineCrashed(f"the policy ended its process ({name})", value=name)


def out_of_memory(limit: int) -> EngineMemory:
    """The refusal for an evaluation that wanted more than `limit` bytes."""
    return EngineMemory(f"the policy needed more than its limit of {limit} bytes of memory", limit=limit)
