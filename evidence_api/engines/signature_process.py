"""Verifying beside the event loop: signatures go to a process of their own in batches, and come back good or bad.

Checking a signature costs more than all else an upload needs, and needs nothing of the server's. In a thread it would
fight over the interpreter's lock; in a process it takes the other core. It only ever saves time: no answer (the
process died, or is not there at all) means that the caller checks here, by the same code.
"""

import asyncio
import marshal
import os
import socket
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import Self, TypeAlias, cast

import structlog

from evidence_api.engines.keys import PublicKey
from evidence_api.engines.signature_worker import GOOD, LENGTH, Item, frame

logger = structlog.get_logger(__name__)

Answer: TypeAlias = asyncio.Future[bool | None]  # good, bad, or not known

MAX_BATCH = 8  # signatures that go out together, so that the first answers come early
MAX_WAITING = 1024  # signatures under way; beyond that nobody is helped by waiting
_RESTART_SECONDS = 1.0
_STOP_SECONDS = 5.0
_ROOT = str(Path(__file__).resolve().parents[2])
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")


def usable_cores() -> int:
    """How many processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class SignatureProcess(asyncio.Protocol):
    """One worker process and its channel. `async with SignatureProcess() as signatures`.

    `enabled=False` is a process that never answers: right on a machine with one core.
    """

    def __init__(self, *, enabled: bool = True) -> None:
        self._enabled = enabled
        self._outgoing: list[Item] = []
        self._waiting: deque[Answer] = deque()  # oldest first, those of `_outgoing` last
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._restart: asyncio.TimerHandle | None = None
        self._starting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._enabled:
            await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def pid(self) -> int:
        """The worker's process id, 0 when there is none."""
        return self._process.pid if self._process else 0

    def ask(self, key: PublicKey, signature: bytes, signed: bytes) -> Answer | None:
        """Have one signature checked; None when nobody can right now. The answer comes for certain: at the latest
        when the process ends, as None."""
        if self._transport is None or len(self._waiting) >= MAX_WAITING:
            return None
        loop = asyncio.get_running_loop()
        if not self._outgoing:
            loop.call_soon(self._send)
        answer: Answer = loop.create_future()
        self._waiting.append(answer)
        self._outgoing.append((key.pem, signature, signed))
        if len(self._outgoing) >= MAX_BATCH:
            self._send()
        return answer

    async def close(self) -> None:
        """End the process; whoever still waits is told None."""
        self._enabled = False
        if self._restart is not None:
            self._restart.cancel()
        if self._starting is not None:
            await self._starting
        if self._transport is not None:
            self._transport.abort()
        if self._process is not None:
            await asyncio.to_thread(_end, self._process)
        self._nobody_knows()

    async def _start(self) -> None:
        """Start the process. A crash of the server closes the channel, which ends it."""
        ours, theirs = socket.socketpair()
        with theirs:
            environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
            # Popen returns within milliseconds (vfork), and its process must outlive this coroutine.
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603  Popen returns at once; our own program
                [sys.executable, "-P", "-m", "evidence_api.engines.signature_worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=environment | {"PYTHONPATH": _ROOT, "PYTHONUTF8": "1"},
            )
        ours.setblocking(False)  # noqa: FBT003  the socket's own signature
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=ours)

    def _send(self) -> None:
        """Everything that has gathered, as one batch."""
        if self._outgoing and self._transport is not None:
            self._transport.write(frame(marshal.dumps(self._outgoing)))
            self._outgoing = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's do not derive from asyncio's classes

    def data_received(self, data: bytes) -> None:
        """Pass on whole answers; they come in the order of the questions."""
        self._buffer = self._buffer + data if self._buffer else data
        while len(self._buffer) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(self._buffer)[0]
            if len(self._buffer) < end:
                return
            for one in self._buffer[LENGTH.size : end]:
                answer = self._waiting.popleft()
                if not answer.done():
                    answer.set_result(one == GOOD)
            self._buffer = self._buffer[end:]

    def connection_lost(self, _: Exception | None) -> None:
        """The process has ended: nobody waits for it any longer, and soon there is another."""
        self._transport = None
        self._nobody_knows()
        if self._enabled:
            logger.warning("signature_process_ended", pid=self.pid)
            self._restart = asyncio.get_running_loop().call_later(_RESTART_SECONDS, self._start_again)

    def _start_again(self) -> None:
        self._starting = asyncio.get_running_loop().create_task(self._replace())

    async def _replace(self) -> None:
        if self._process is not None:
            await asyncio.to_thread(_end, self._process)
        try:
            await self._start()
        except OSError as fault:
            logger.warning("signature_process_not_started", fault=str(fault))

    def _nobody_knows(self) -> None:
        self._outgoing, self._buffer = [], b""
        while self._waiting:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_result(None)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Make sure it is gone."""
    process.kill()
    process.wait(_STOP_SECONDS)
