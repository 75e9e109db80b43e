"""Worker processes, their start: one process that has loaded the code forks a worker in a few milliseconds.

Loading takes a third of a second, and a worker may be lost at any time (engines/worker_pool.py says why). The nursery
is a process of its own, `python -m MODULE FD`: it runs no thread and opens nothing, so forking it is safe, and it gets
a few harmless variables of the environment, so that no worker holds a secret. When the server is gone, the channels
are closed, and the nursery and its workers end.
"""

import contextlib
import gc
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from evidence_api.engines.worker_wire import Frames, Plain, frame

Answerer: TypeAlias = Callable[[Iterable[tuple[str, Plain]], Iterable[Plain]], list[Plain]]

MAX_MEMORY = 3 * 2**30  # bytes a worker may address; what needs more ends it, which refuses the document
_PID = struct.Struct("!I")
_PIECE = 256 * 1024  # bytes read at once
_YOUNG_OBJECTS = 50_000
_STOP_SECONDS = 5.0
_ROOT = str(Path(__file__).resolve().parents[2])
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")


class Nursery:
    """Starts workers of one module. Starts itself when first needed, and again when it was lost."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def spawn(self) -> tuple[socket.socket, int]:
        """A new worker: the channel to it and its process id. Waits for it; raises OSError."""
        ours, theirs = socket.socketpair()
        with self._lock, theirs:
            try:
                return ours, self._fork(theirs)
            except (OSError, EOFError):
                self._stop()
            try:
                return ours, self._fork(theirs)
            except EOFError as fault:
                ours.close()
                raise ChildProcessError(f"{self._module} does not start") from fault
            except OSError:
                ours.close()
                raise

    def close(self) -> None:
        """End it; workers end when their channels are closed."""
        with self._lock:
            self._stop()

    def _fork(self, channel: socket.socket) -> int:
        control = self._control or self._start()
        socket.send_fds(control, [b"w"], [channel.fileno()])
        answer = control.recv(_PID.size)
        if len(answer) < _PID.size:
            raise EOFError
        pid: int = _PID.unpack(answer)[0]
        return pid

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own program
                [sys.executable, "-P", "-m", self._module, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=environment | {"PYTHONPATH": _ROOT, "PYTHONUTF8": "1"},
            )
        self._control = ours
        return ours

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait(_STOP_SECONDS)
        self._control = self._process = None


def run(control: socket.socket, make: Callable[[], Answerer]) -> None:
    """The nursery's own life: a worker for each channel that comes over `control`, until that is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal's whole group; the server tells us when to end
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for workers
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)  # an answer leaves nothing behind that reference counts do not free
    while True:
        asked, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not asked:
            return
        worker = os.fork()
        if not worker:
            control.close()
            _work(descriptors[0], make)
        os.close(descriptors[0])
        control.sendall(_PID.pack(worker))


def _work(descriptor: int, make: Callable[[], Answerer]) -> None:
    """A worker's life: answer until the channel is closed. Ends the process, whatever happens."""
    status = 1
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        with socket.socket(fileno=descriptor) as channel, contextlib.suppress(ConnectionError):
            serve(channel, make())
        status = 0
    except MemoryError:
        os.write(2, b"a worker ran out of memory\n")
    finally:
        os._exit(status)


def serve(channel: socket.socket, answer: Answerer) -> None:
    """Answer frames one after the other until the channel is closed."""
    frames = Frames()
    piece = memoryview(bytearray(_PIECE))  # made each time, memory of this size would cost as much as a signature
    while size := channel.recv_into(piece):
        for told, questions in frames.feed(piece[:size]):
            channel.sendall(frame(answer(told, questions)))
