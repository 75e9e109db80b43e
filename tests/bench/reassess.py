"""How soon a new piece of evidence moves its release's verdicts, and how fast all of a tenant are assessed again.

    python -m tests.bench.reassess [--releases N --controls N] [--appends N] [--json]

A real server with its own PostgreSQL, and a tenant of ten thousand releases under two hundred controls, seeded past
HTTP (tests/bench/_releases.py). Three figures:
  change    verdicts a second of assessing all releases again after one control of the catalog changed, from the first
            that is recorded to the last, with the processor time all of it took (server, workers and PostgreSQL)
  queries   how long GraphQL queries take meanwhile, ten a second, each another page of releases with their findings
  append    milliseconds from the receipt of a new piece of evidence to the moment GraphQL shows the verdict that has
            read it: one after the other, on a server that is idle otherwise, and while all is assessed again
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.store.embedded import EmbeddedPostgres
from tests.bench._releases import Release, checks_of, envelope, seed, signers_of, write_catalog
from tests.support import cpu, http_load
from tests.support.server import Server, closed

KINDS = ("github_checks", "test_result", "opa", "vulns", "sbom")
_PAGE = (
    "{ releases(first: 5, after: %s) { pageInfo { endCursor } edges { node { name version assessment { treeSize "
    "counts { outcome count } findings(first: 20) { edges { node { outcome because queries { kind outcome } } } } } "
    "} } } }"
)
_VERDICT = '{ release(name: "%s", version: "%s") { assessment { treeSize } } }'
_BETWEEN_QUERIES = 0.1
_BETWEEN_LOOKS = 0.003  # who looks without a pause takes the processor from what is looked for
_LEFT = """
SELECT (SELECT count(*) FROM release) - count(*) FROM release r WHERE EXISTS (SELECT FROM assessment a
  WHERE a.tenant_id = r.tenant_id AND a.release_id = r.id AND a.catalog_digest = $1)
"""


@dataclass
class _ConfiguredServer(Server):
    """A server that is told its catalog."""

    catalog: Path | None = None

    def environment(self) -> dict[str, str]:
        return super().environment() | ({"EVIDENCE_CATALOG": str(self.catalog)} if self.catalog else {})


@dataclass
class Asker:
    """One kept connection to a server."""

    server: Server
    waits: list[float] = field(default_factory=list)

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.server.port)

    async def ask(self, path: str, body: bytes) -> tuple[int, Any]:
        self._writer.write(self.server.authorised("POST", path, body))
        status, answer = await http_load.read_answer(self._reader)
        assert status in {200, 201}, answer
        return status, json.loads(answer)

    async def query(self, text: str) -> Any:  # noqa: ANN401  any JSON value
        _, answer = await self.ask("/graphql", json.dumps({"query": text}).encode())
        assert "errors" not in answer, answer
        return answer["data"]

    async def close(self) -> None:
        await closed(self._writer)


def share(waits: list[float], part: float) -> float:
    """A percentile, in milliseconds."""
    return round(sorted(waits)[min(len(waits) - 1, int(part * len(waits)))] * 1000, 1) if waits else 0.0


async def append_and_wait(server: Server, signers: list[EnvelopeSigner], releases: int, count: int) -> dict[str, Any]:
    """Append one by one; milliseconds from each receipt to the verdict that has read it."""
    chance = random.Random(time.time_ns())  # noqa: S311  choices, not secrets
    asker, waits = Asker(server), {kind: list[float]() for kind in KINDS}
    await asker.open()
    for number in range(count):
        kind, status = KINDS[number % len(KINDS)], 200
        while status == 200:  # the same was there already: nothing is assessed because of it
            release = Release(chance.randrange(releases))
            body = envelope(checks_of(release, kind, chance), chance.choice(signers))
            status, receipt = await asker.ask("/v1/evidence", body)
        began = time.perf_counter()
        while True:
            shown = (await asker.query(_VERDICT % (release.name, release.version)))["release"]["assessment"]
            if shown is not None and int(shown["treeSize"]) >= receipt["treeSize"]:
                break
            await asyncio.sleep(_BETWEEN_LOOKS)
        waits[kind].append(time.perf_counter() - began)
    await asker.close()
    every = [one for found in waits.values() for one in found]
    return {
        "p50_ms": share(every, 0.5),
        "p95_ms": share(every, 0.95),
        **{f"{kind}_p95_ms": share(found, 0.95) for kind, found in waits.items()},
    }


async def query_until(server: Server, ended: asyncio.Event) -> list[float]:
    """Page through releases and their findings at a steady pace; seconds each page took."""
    asker, waits, after = Asker(server), list[float](), "null"
    await asker.open()
    while not ended.is_set():
        began = time.perf_counter()
        page = (await asker.query(_PAGE % after))["releases"]
        waits.append(time.perf_counter() - began)
        after = json.dumps(page["pageInfo"]["endCursor"]) if page["edges"] else "null"
        await asyncio.sleep(max(0.0, _BETWEEN_QUERIES - waits[-1]))
    await asker.close()
    return waits


@dataclass
class _Change:
    """What was seen of assessing everything again."""

    releases: int
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    started: float = 0.0


async def until_all_assessed(server: Server, releases: int, digest: str) -> _Change:
    """Wait until every release has an assessment under this catalog."""
    seen = _Change(releases)
    store = await asyncpg.connect(EmbeddedPostgres(server.home).dsn(database="evidence"))
    postmaster = int((server.home / "postgresql-18" / "postmaster.pid").read_text().split()[0])
    assert server.process is not None
    watched = {"server": server.process.pid, "postgresql": postmaster}
    began, first, left_first, spent = time.monotonic(), 0.0, releases, dict[str, float]()
    while (left := await store.fetchval(_LEFT, digest)) > 0:
        assert time.monotonic() - began < 3600, "it does not come to an end"
        if not first and left < releases:
            first, left_first = time.monotonic(), left
            spent = {name: cpu.tree_seconds(pid) for name, pid in watched.items()}
        await asyncio.sleep(0.1 if releases < 1000 else 1.0)
    seen.started = (first or time.monotonic()) - began
    seen.seconds = max(time.monotonic() - (first or began), 1e-3)
    seen.cpu = {name: cpu.tree_seconds(pid) - spent.get(name, 0.0) for name, pid in watched.items()}
    seen.cpu["server_main"] = cpu.seconds_of(server.process.pid)
    seen.releases = left_first
    await store.close()
    return seen


async def measure_change(
    server: Server, signers: list[EnvelopeSigner], asked: argparse.Namespace, digest: str, *, appends: int
) -> dict[str, Any]:
    """All releases again, with queries and appends meanwhile."""
    ended = asyncio.Event()
    queries = asyncio.create_task(query_until(server, ended))
    appended = asyncio.create_task(append_and_wait(server, signers, asked.releases, appends))
    change = await until_all_assessed(server, asked.releases, digest)
    ended.set()
    waits, meanwhile = await queries, await appended
    verdicts = change.releases * asked.controls
    return {
        "seconds": round(change.seconds, 1),
        "verdicts": verdicts,
        "verdicts_per_second": round(verdicts / change.seconds),
        "seconds_until_first": round(change.started, 1),
        **{
            f"{name}_cpu_us_per_verdict": round(spent * 1e6 / max(verdicts, 1), 1) for name, spent in change.cpu.items()
        },
        "queries": len(waits),
        "query_p50_ms": share(waits, 0.5),
        "query_p95_ms": share(waits, 0.95),
        **{f"append_{name}": value for name, value in meanwhile.items() if name in {"p50_ms", "p95_ms"}},
    }


async def measure(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """The whole bench over one home folder."""
    server, signers = _ConfiguredServer(folder / "home"), signers_of(folder / "keys")
    catalogs = [write_catalog(folder / f"catalog-{edition}", asked.controls, edition=edition) for edition in (0, 1)]
    server.command("tenant", "create", "acme")
    for number, signer in enumerate(signers):
        key = folder / f"key-{number}.pem"
        key.write_text(signer.public_key.pem)
        server.command("tenant", "key", "add", str(key), "--tenant", "acme", "--name", f"ci-{number}")
    server.token = server.command("token", "create", "--tenant", "acme", "--name", "bench")["token"]
    began = time.monotonic()
    await seed(server.home, "acme", signers, asked.releases)
    figures: dict[str, Any] = {
        "releases": asked.releases,
        "controls": asked.controls,
        "seed_seconds": round(time.monotonic() - began, 1),
    }
    for name, catalog in zip(("first", "change"), catalogs, strict=True):
        server.catalog = catalog
        digest = server.command("catalog", "check", str(catalog))["digest"]
        server.start()
        found = await measure_change(server, signers, asked, digest, appends=asked.appends if name == "change" else 0)
        figures |= {f"{name}_{key}": value for key, value in found.items()}
        if name == "first":
            server.stop()
    figures |= {
        f"append_{key}": value
        for key, value in (await append_and_wait(server, signers, asked.releases, asked.appends)).items()
    }
    server.stop()
    return figures


def parser() -> argparse.ArgumentParser:
    """The command line; its defaults are what the project promises."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--releases", type=int, default=10_000)
    made.add_argument("--controls", type=int, default=200)
    made.add_argument("--appends", type=int, default=200, help="pieces of evidence appended one after the other")
    made.add_argument("--folder", type=Path, help="keep the server's home here instead of a temporary folder")
    made.add_argument("--json", action="store_true")
    return made


def main() -> None:
    """Print the figures."""
    asked = parser().parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        figures = asyncio.run(measure(asked.folder or Path(temporary), asked))
    shown = json.dumps(figures) if asked.json else "\n".join(f"{name:32} {value}" for name, value in figures.items())
    sys.stdout.write(f"{shown}\n")


if __name__ == "__main__":
    main()
