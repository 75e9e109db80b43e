"""Who gets how much, and who waits how long: `python -m tests.bench.fairness [--seconds 600] [--json]`.

One server process, five tenants with the same limit, two clients each, for as long as is said:

    polite   wants 0.3 of what its tenant's bucket restores, at random moments, and comes again when it is told
    greedy   wants 1.2 of it, and knocks ten times as often as the bucket restores a request, whatever it is told

So together they want 1.5 times what the buckets allow. A wait is from the first try of a request until the answer to
the try that was let in, the time of that answer included. Nobody is over quota if over no stretch of the run what a
tenant spent (as the answers say: what they cost, or a tenth of what they could have) is more than a full bucket, what
is restored meanwhile and one request; a second of restoring is allowed for the way of an answer through the machine.
"""

import asyncio
import json
import math
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import uvloop

from evidence_api.domain.rates import FLOOR_PERCENT, SHARE
from tests.bench._figures import parser_of, show
from tests.support import cpu, http_load

TENANTS = 5
CAPACITY, RESTORE = 200, 100  # cost units, and those a second
POLITE, GREEDY, KNOCKS = 0.3, 1.2, 10.0  # of what a bucket restores
ITEMS = 20  # controls in a page, so a request may cost 20 units
WAY = 1.0  # seconds an answer may be under way
CONNECTIONS = 4  # of a greedy client
OK, LIMITED, BUSY = 200, 429, 503

_QUERY = "query ($n: Int!) { controls(first: $n) { edges { node { id title } } } }"


@dataclass
class Client:
    """One client: what it sends, and what came of it. Times are of the loop."""

    tenant: str
    kind: str
    request: bytes
    admitted: list[tuple[float, int]] = field(default_factory=list)  # when, and the units it spent
    waits: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wanted: int = 0

    def figures(self) -> dict[str, Any]:
        """For people."""
        return {
            "tenant": self.tenant,
            "client": self.kind,
            "wanted": self.wanted,
            "admitted": len(self.admitted),
            "refused": self.statuses[LIMITED] + self.statuses[BUSY],
            "spent": sum(units for _, units in self.admitted),
            "p50_wait_ms": _milliseconds(self.waits, 0.5),
            "p95_wait_ms": _milliseconds(self.waits, 0.95),
        }


class Connection:
    """One connection that is asked and answers in turn, and is made again when it is lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, float, bytes]:
        """Status, Retry-After in seconds, body. A connection that was idle for long has been hung up on: it is made
        again, once."""
        if self._streams is not None:
            try:
                return await self._asked(*self._streams, request)
            except (asyncio.IncompleteReadError, ConnectionError):
                self.close()
        self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return await self._asked(*self._streams, request)

    @staticmethod
    async def _asked(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> tuple[int, float, bytes]:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split()[1]), float(headers.get("retry-after", 1)), body

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


async def _try(connection: Connection, client: Client, begun: float) -> float | None:
    """Try once; None if it was let in, otherwise after how many seconds it may come again."""
    status, again, body = await connection.ask(client.request)
    client.statuses[status] += 1
    if status != OK:
        return again
    now = asyncio.get_running_loop().time()
    cost = json.loads(body)["extensions"]["cost"]
    client.admitted.append((now, max(cost["actual"], -(-cost["requested"] * FLOOR_PERCENT // 100))))
    client.waits.append(now - begun)
    return None


async def _polite(client: Client, port: int, until: float, seed: int) -> None:
    """Requests at random moments, each of which comes again when it is told."""
    loop, chance = asyncio.get_running_loop(), random.Random(seed)  # noqa: S311  the same moments in every run
    free: deque[Connection] = deque()

    async def one() -> None:
        connection = free.popleft() if free else Connection(port)
        begun = loop.time()
        again = await _try(connection, client, begun)
        while again is not None and loop.time() + again < until:
            await asyncio.sleep(again)
            again = await _try(connection, client, begun)
        free.append(connection)

    under_way: set[asyncio.Task[None]] = set()
    while loop.time() < until:
        client.wanted += 1
        task = asyncio.create_task(one())
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        await asyncio.sleep(chance.expovariate(POLITE * RESTORE / ITEMS))
    await asyncio.gather(*under_way)
    for connection in free:
        connection.close()


async def _greedy(client: Client, port: int, until: float) -> None:
    """More than there is, and knocks at a steady pace for the oldest of it, whatever it is told."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    waiting: deque[float] = deque()

    async def knock(turn: int) -> None:
        connection = Connection(port)
        pause = CONNECTIONS * ITEMS / (KNOCKS * RESTORE)
        due = begun + pause * turn / CONNECTIONS
        while due < until:
            await asyncio.sleep(max(0.0, due - loop.time()))
            due = max(due + pause, loop.time())
            while client.wanted < (loop.time() - begun) * GREEDY * RESTORE / ITEMS:
                waiting.append(begun + client.wanted * ITEMS / (GREEDY * RESTORE))
                client.wanted += 1
            if waiting:
                first = waiting.popleft()
                if await _try(connection, client, first) is not None:
                    waiting.appendleft(first)
        connection.close()

    await asyncio.gather(*(knock(turn) for turn in range(CONNECTIONS)))


async def _run(port: int, clients: Sequence[Client], seconds: float) -> None:
    until = asyncio.get_running_loop().time() + seconds
    tasks = [
        _polite(client, port, until, number) if client.kind == "polite" else _greedy(client, port, until)
        for number, client in enumerate(clients)
    ]
    await asyncio.wait_for(asyncio.gather(*tasks), seconds + 60)


def over_quota(admitted: Sequence[tuple[float, int]], share: float) -> float:
    """Units spent beyond a full bucket and what it restores, over the worst stretch; 0 or less is within."""
    worst = lowest = total = 0.0
    if not admitted:
        return -CAPACITY * share
    ordered = sorted(admitted)
    begun = ordered[0][0]
    for at, units in ordered:
        restored = (at - begun) * RESTORE * share
        lowest = min(lowest, total - restored)
        total += units
        worst = max(worst, total - restored - lowest)
    return worst - CAPACITY * share - ITEMS - RESTORE * share * WAY


def _decided_alone(port: int) -> int:
    """Charges the server decided because the database was late."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as metrics:
        lines: list[str] = metrics.read().decode().splitlines()
    return sum(int(float(line.split()[1])) for line in lines if line.startswith("evidence_rate_fallbacks_total "))


def _milliseconds(waits: Sequence[float], part: float) -> float:
    if not waits:
        return 0.0
    return round(sorted(waits)[min(len(waits) - 1, math.ceil(len(waits) * part) - 1)] * 1000, 1)


@contextmanager
def _server(home: Path) -> Iterator[tuple[int, int, list[dict[str, str]]]]:
    """Its process, its port, and its tenants with their tokens."""
    home.chmod(0o755)
    command = [sys.executable, "-m", "tests.bench._fairness_server", *map(str, (home, TENANTS, CAPACITY, RESTORE))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield process.pid, int(told["url"].rpartition(":")[2]), told["tenants"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _clients(tenants: Sequence[dict[str, str]]) -> list[Client]:
    body = json.dumps({"query": _QUERY, "variables": {"n": ITEMS}}).encode()
    made = []
    for tenant in tenants:
        for kind in ("polite", "greedy"):
            headers = {"Authorization": f"Bearer {tenant[kind]}", "Content-Type": "application/json"}
            made.append(Client(tenant["name"], kind, http_load.request("POST", "/graphql", body, headers)))
    return made


def measure(seconds: float) -> dict[str, object]:
    """Run them, and say what came of it."""
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder)) as (pid, port, tenants):
        clients = _clients(tenants)
        before = cpu.seconds_of(pid)
        uvloop.run(_run(port, clients, seconds))
        used = cpu.seconds_of(pid) - before
        alone = _decided_alone(port)
    polite = [client for client in clients if client.kind == "polite"]
    statuses = sum((client.statuses for client in clients), Counter[int]())
    tenants_over = [
        over_quota([*first.admitted, *second.admitted], 1.0) for first, second in list(pairwise(clients))[::2]
    ]
    greedy_over = [over_quota(client.admitted, SHARE) for client in clients if client.kind == "greedy"]
    p95 = [_milliseconds(client.waits, 0.95) for client in polite]
    errors = {str(status): count for status, count in statuses.items() if status not in {OK, LIMITED, BUSY}}
    return {
        "seconds": seconds,
        "requests": statuses.total(),
        "wanted_of_capacity": round(
            sum(client.wanted for client in clients) * ITEMS / (TENANTS * RESTORE * seconds), 2
        ),
        "over_quota": sum(units > 0 for units in [*tenants_over, *greedy_over]),
        "worst_margin_units": round(-max(*tenants_over, *greedy_over), 1),
        "polite_p95_wait_ms": max(p95),
        "polite_admitted": round(
            sum(len(one.admitted) for one in polite) / max(1, sum(one.wanted for one in polite)), 3
        ),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "errors": errors,
        "decided_without_database": alone,
        "server_cpu_us": round(used * 1e6 / max(1, statuses.total())),
        "holds": not errors and max(p95) < 1000 and max(*tenants_over, *greedy_over) <= 0,
        "clients": [client.figures() for client in clients],
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    arguments = parser.parse_args()
    figures = measure(arguments.seconds)
    clients: Any = figures["clients"]
    if arguments.json:
        show(figures, as_json=True)
        return
    show({name: value for name, value in figures.items() if name != "clients"}, as_json=False)
    for client in clients:
        sys.stdout.write("  ".join(f"{name}={value}" for name, value in client.items()) + "\n")


if __name__ == "__main__":
    main()
