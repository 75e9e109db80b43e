"""A small HTTP/1.1 load generator: keep-alive connections that send prepared requests as fast as they are answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import httpx


@dataclass(frozen=True)
class Load:
    """What a run saw: answers per status, seconds it took, each answer's seconds."""

    statuses: Counter[int]
    seconds: float
    latencies: tuple[float, ...]

    @property
    def rate(self) -> float:
        return sum(self.statuses.values()) / self.seconds

    def percentile(self, share: float) -> float:
        return sorted(self.latencies)[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def request(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """One request, ready to be written to a socket."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of one answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head[9:12]), await reader.readexactly(_length(head))


def _length(head: bytes) -> int:
    at = head.lower().index(b"\r\ncontent-length:") + 17
    return int(head[at : head.index(b"\r\n", at)])


class _Connection(asyncio.Protocol):
    """Sends the next request when the last is answered; light, so that the server is what is measured."""

    def __init__(self, waiting: Iterator[bytes], statuses: Counter[int], latencies: list[float]) -> None:
        self._waiting, self._statuses, self._latencies = waiting, statuses, latencies
        self._buffer = b""
        self._begun = 0.0
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's do not derive from asyncio's classes
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or len(self._buffer) < end + 4 + _length(self._buffer[: end + 2]):
            return
        self._latencies.append(time.perf_counter() - self._begun)
        self._statuses[int(self._buffer[9:12])] += 1
        self._buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionResetError("the server hung up"))

    def _next(self) -> None:
        assert self._transport is not None
        prepared = next(self._waiting, None)
        if prepared is None:
            self._done.set_result(None)
            self._transport.close()
            return
        self._begun = time.perf_counter()
        self._transport.write(prepared)

    async def finished(self) -> None:
        await self._done


async def run(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Send every request once, shared out over the connections."""
    waiting, statuses, latencies = iter(requests), Counter[int](), list[float]()
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    opened = [
        await loop.create_connection(lambda: _Connection(waiting, statuses, latencies), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.finished() for _, connection in opened))
    return Load(statuses, time.perf_counter() - begun, tuple(latencies))


async def run_httpx(port: int, path: str, bodies: Sequence[bytes], headers: dict[str, str], connections: int) -> Load:
    """The same with httpx, what `evidence-api submit` and most Python callers send with: one client a connection."""
    waiting, statuses, latencies = iter(bodies), Counter[int](), list[float]()
    begun = time.perf_counter()

    async def client() -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as opened:
            for body in waiting:
                sent = time.perf_counter()
                answer = await opened.post(path, content=body)
                latencies.append(time.perf_counter() - sent)
                statuses[answer.status_code] += 1

    await asyncio.gather(*(client() for _ in range(connections)))
    return Load(statuses, time.perf_counter() - begun, tuple(latencies))
