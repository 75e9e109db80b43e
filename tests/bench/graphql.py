"""Speed of GraphQL reads, against PostGraphile 5 bare on the same table and a raw JSON endpoint of the same server.

A page of 50 pieces of evidence with eight fields and page info, over 100,000 rows of a tenant, eight places of the log
in turn; and the same with four subjects each. Our server authenticates, is bound by row-level security, charges the
cost and writes the audit of access; so does the raw endpoint, with the same SQL; PostGraphile does none of it and reads
as the superuser. One server process each, on a processor of its own; PostgreSQL and the client are on the other one.

Sides take turns, round by round, and what counts is the ratio at 16 connections: `flat_ratio`, `nested_ratio` (to
PostGraphile, which needs Node 22 or later: without it the run says so), `flat_of_raw`. Figures at 1 and 64 connections
are shown beside. `--rows` fills a second tenant that far and compares its first and middle pages with those of the
first: `first_page_slowdown`, `middle_page_slowdown`. CPU is in microseconds a request, of the side and of PostgreSQL.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import uvloop

from evidence_api.store.embedded import EmbeddedPostgres
from tests.bench import _log_rows, _queries
from tests.bench._figures import parser_of, show
from tests.bench._load import Load, load
from tests.bench._postgraphile import Absent, postgraphile
from tests.support import cpu, http_load

COUNTED = 16  # connections
_PLACES = 8


@dataclass
class Side:
    """One way of reading one page: what is sent where, which process answers, and what every round showed."""

    name: str
    pid: int
    port: int
    path: str
    headers: Mapping[str, str]
    bodies: Sequence[bytes]
    loads: dict[int, list[Load]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def run(self, postmaster: int, connections: int, seconds: float, *, counts: bool = True) -> None:
        """One round."""
        before = cpu.seconds_of(self.pid), cpu.tree_seconds(postmaster)
        seen = load(self.port, self.path, self.headers, self.bodies, connections, seconds)
        after = cpu.seconds_of(self.pid), cpu.tree_seconds(postmaster)
        if seen.failed:
            raise SystemExit(f"{self.name}: {seen.failed} answers were no pages")
        if not counts:
            return
        self.loads.setdefault(connections, []).append(seen)
        if connections == COUNTED:
            for process, spent in zip(("side", "postgresql"), zip(before, after, strict=True), strict=True):
                self.cpu.setdefault(process, []).append((spent[1] - spent[0]) * 1e6 / max(1, seen.answers))

    def rate(self, connections: int = COUNTED) -> float:
        """Answers a second, the median of the rounds."""
        return statistics.median(one.rate for one in self.loads[connections])

    def shown(self) -> dict[str, object]:
        """Rates, latencies in milliseconds and CPU, by what was measured."""
        shown: dict[str, object] = {f"c{many}_per_second": round(self.rate(many)) for many in sorted(self.loads)}
        for name in ("p50", "p99"):
            shown[f"{name}_ms"] = round(statistics.median(getattr(one, name) for one in self.loads[COUNTED]) * 1000, 2)
        return shown | {f"{process}_cpu_us": round(min(spent)) for process, spent in self.cpu.items()}


def ratio(one: Side, other: Side) -> float:
    """Of the rates at the connections that count: the median of the rounds' own ratios, since sides take turns."""
    pairs = zip(one.loads[COUNTED], other.loads[COUNTED], strict=True)
    return round(statistics.median(a.rate / b.rate for a, b in pairs), 3)


@dataclass(frozen=True)
class Place:
    """A running server with its two tenants, and its PostgreSQL."""

    home: Path
    pid: int
    port: int
    postmaster: int
    tenants: Mapping[str, Mapping[str, str]]

    @property
    def dsn(self) -> str:
        return EmbeddedPostgres(self.home).dsn(database="evidence")

    def side(self, name: str, path: str, bodies: Sequence[bytes], tenant: str = "small") -> Side:
        headers = {"Authorization": f"Bearer {self.tenants[tenant]['token']}", "Content-Type": "application/json"}
        return Side(name, self.pid, self.port, path, headers, bodies)


@contextmanager
def running(home: Path) -> Iterator[Place]:
    """A server on the first processor, with its PostgreSQL and us on the second, if there are two."""
    home.chmod(0o755)
    log, told_in = home / "server.log", home / "told.json"
    with log.open("w") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench._graphql_server", str(home)], stdout=lines, stderr=subprocess.STDOUT
        )
    try:
        while not told_in.exists():
            if process.poll() is not None:
                raise SystemExit(f"the server ended: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        told = json.loads(told_in.read_text())
        postmaster = int((home / "postgresql-18" / "postmaster.pid").read_text().split()[0])
        for pid in (os.getpid(), *cpu.children_of(process.pid), *_tree(postmaster)):
            _pin(pid, 1)
        _pin(process.pid, 0)
        yield Place(home, process.pid, int(told["url"].rpartition(":")[2]), postmaster, told["tenants"])
    finally:
        process.terminate()
        process.wait(30)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for child in cpu.children_of(pid):
        yield from _tree(child)


def _pin(pid: int, processor: int) -> None:
    """Keep every thread of a process on one processor."""
    if len(os.sched_getaffinity(0)) < 2 and (os.cpu_count() or 1) < 2:
        return
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {processor})


def places(rows: int) -> list[int]:
    """Eight leaves, from early to late, each with a full page after it."""
    return [rows * number // (_PLACES + 1) for number in range(1, _PLACES + 1)]


def sides_of(place: Place, which: str, rows: int, peer: tuple[int, int] | None) -> list[Side]:
    """Ours, the raw endpoint, and the peer (its process and port) if there is one."""
    leaves = places(rows)
    sides = [
        place.side("graphql", "/graphql", [_queries.ours(which, leaf) for leaf in leaves]),
        place.side("raw", f"/bench/{which}", [_queries.raw(leaf) for leaf in leaves]),
    ]
    if peer is not None:
        tenant = place.tenants["small"]["id"]
        body = _queries.theirs(which, tenant, _first_cursor(peer[1], tenant))
        headers = {"Content-Type": "application/json"}
        sides.append(Side("postgraphile", *peer, "/graphql", headers, [body(leaf) for leaf in leaves]))
    return sides


def _first_cursor(port: int, tenant: str) -> str:
    answer = json.loads(_asked(port, "/graphql", {"Content-Type": "application/json"}, _queries.first_of(tenant)))
    return str(answer["data"]["allEvidences"]["edges"][0]["cursor"])


def _asked(port: int, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """One answer."""

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(http_load.request("POST", path, body, dict(headers)))
        _, answer = await http_load.read_answer(reader)
        writer.close()
        return answer

    return uvloop.run(ask())


def compare(place: Place, rows: int, asked: argparse.Namespace, peer: tuple[int, int] | None) -> dict[str, object]:
    """Flat and nested pages, every side in turn."""
    figures: dict[str, object] = {}
    for which in ("flat", "nested"):
        sides = sides_of(place, which, rows, peer)
        for number in range(asked.rounds + 1):  # the first round warms up and does not count
            for side in sides:
                side.run(place.postmaster, COUNTED, asked.seconds, counts=number > 0)
        for connections in (1, 64):
            for side in sides:
                side.run(place.postmaster, connections, asked.seconds)
        figures |= {f"{which}_{side.name}": side.shown() for side in sides}
        figures[f"{which}_of_raw"] = ratio(sides[0], sides[1])
        if peer is not None:
            figures[f"{which}_ratio"] = ratio(sides[0], sides[2])
    return figures


def long_log(place: Place, rows: int, asked: argparse.Namespace) -> dict[str, object]:
    """First and middle pages of the long log and of the short one, in turn; seconds of one request at a time."""
    seconds = uvloop.run(_log_rows.fill(place.dsn, UUID(place.tenants["large"]["id"]), asked.rows, 0))
    figures: dict[str, object] = {"long_rows": asked.rows, "long_load_seconds": round(seconds, 1)}
    for name, share in (("first", 0.0), ("middle", 0.5)):
        sides = [
            place.side(tenant, "/graphql", [_queries.ours("flat", max(0, int(size * share) - 1))], tenant)
            for tenant, size in (("small", rows), ("large", asked.rows))
        ]
        for number in range(asked.rounds + 1):
            for side in sides:
                side.run(place.postmaster, COUNTED, asked.seconds / 2, counts=number > 0)
        figures[f"{name}_page_slowdown"] = round(1 / ratio(sides[1], sides[0]), 3)
        figures |= {f"{name}_page_{side.name}": side.shown() for side in sides}
    return figures


def measure(asked: argparse.Namespace) -> dict[str, object]:
    """Everything, in one run."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as place, ExitStack() as stack:
        seconds = uvloop.run(_log_rows.fill(place.dsn, UUID(place.tenants["small"]["id"]), asked.short_rows, 4))
        figures: dict[str, object] = {
            "rows": asked.short_rows,
            "load_seconds": round(seconds, 1),
            "connections": COUNTED,
        }
        peer = None
        try:
            if not asked.no_peer:
                started = stack.enter_context(postgraphile(place.dsn))
                _pin(started.pid, 0)
                peer = started.pid, started.port
        except Absent as reason:
            figures["postgraphile_skipped"] = str(reason)
        figures |= compare(place, asked.short_rows, asked, peer)
        return figures | (long_log(place, asked.short_rows, asked) if asked.rows else {})


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures."""
    parser = parser_of(__doc__)
    parser.add_argument("--rows", type=int, default=0, help="rows of the long log; none is made without it")
    parser.add_argument("--short-rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round")
    parser.add_argument("--no-peer", action="store_true", help="leave PostGraphile out")
    asked = parser.parse_args(arguments)
    show(measure(asked), as_json=asked.json)


if __name__ == "__main__":
    main()
