"""A small HTTP/1.1 load generator: keep-alive connections that send prepared requests as fast as answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


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
    status = int(head[9:12])
    lowered = head.lower()
    at = lowered.index(b"content-length:") + 15
    length = int(lowered[at : lowered.index(b"\r\n", at)])
    return status, await reader.readexactly(length)


async def run(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Send every request once, shared out over the connections."""
    waiting = iter(requests)
    statuses: Counter[int] = Counter()
    latencies: list[float] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for prepared in waiting:
            begun = time.perf_counter()
            writer.write(prepared)
            status, _ = await read_answer(reader)
            latencies.append(time.perf_counter() - begun)
            statuses[status] += 1
        writer.close()
        await writer.wait_closed()

    begun = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(connections)))
    return Load(statuses, time.perf_counter() - begun, tuple(latencies))
