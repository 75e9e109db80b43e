"""How soon an uploaded SBOM is in the index of components, and what memory the server takes for it.

    python -m tests.bench.components [--megabytes N ...] [--components N] [--uploads N --clients N] [--json]

A real server with its own PostgreSQL; times from the first byte sent. "accepted" is the 201, "queryable" that the index
answers for the last of its components, "memory" the most the server's processes (PostgreSQL not among them) held.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import asyncpg

from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from evidence_api.store.embedded import EmbeddedPostgres
from tests.support import http_load, statements
from tests.support.checked import sha256_of
from tests.support.server import Server, closed

MEBIBYTE = 2**20


def sbom(name: str, components: int, first: int = 0) -> bytes:
    """A statement of a BOM as scanners write them: some 380 bytes for each component."""
    listed = [_component(first + number) for number in range(components)]
    document = statements.sbom(f"sha256:{sha256_of(name)}", components=0, criticals=None)
    document["predicate"]["components"] = listed
    document["predicate"]["dependencies"] = [
        {"ref": one["bom-ref"], "dependsOn": [listed[(7 * place + 1) % components]["bom-ref"]]}
        for place, one in enumerate(listed)
    ]
    return statements.statement_bytes(document)


def slim(name: str, components: int) -> bytes:
    """A statement of a BOM that says of its components what they are and no more, so that many fit into one upload."""
    document = statements.sbom(f"sha256:{sha256_of(name)}", components=0, criticals=None)
    document["predicate"]["components"] = [
        {"type": "library", "name": f"p{number}", "version": "1.0", "purl": f"pkg:npm/p{number}@1.0"}
        for number in range(components)
    ]
    return statements.statement_bytes(document)


def _component(number: int) -> dict[str, Any]:
    purl = f"pkg:npm/%40scope-{number % 97}/package-{number}@{number % 9}.{number % 31}.{number % 7}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": f"package-{number}",
        "version": purl.rpartition("@")[2],
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": sha256_of(purl)}],
        "licenses": [{"license": {"id": ("MIT", "Apache-2.0", "BSD-3-Clause")[number % 3]}}],
        "supplier": {"name": f"Supplier {number % 211}"},
    }


def sized(name: str, size: int) -> bytes:
    """A statement of at least `size` bytes."""
    each = len(sbom(name, 200)) / 200
    return sbom(name, int(size / each) + 1)


class Memory:
    """The most bytes a process and its children held, sampled."""

    def __init__(self, pid: int) -> None:
        self.most = 0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            self.most = max(self.most, sum(map(_resident, _family(self._pid))))


def _family(pid: int) -> list[int]:
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if "postgres" not in _command(int(child)):
            found += _family(int(child))
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return "postgres"


def _resident(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


@contextmanager
def running() -> Iterator[tuple[Server, EnvelopeSigner]]:
    """A server that trusts this signer."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        server, signer = Server(Path(folder) / "home"), EnvelopeSigner.generate(name="ci")
        key = Path(folder) / "key.pem"
        key.write_text(signer.public_key.pem)
        server.make_tenant("acme", key)
        server.start()
        try:
            yield server, signer
        finally:
            server.stop()


async def upload(server: Server, body: bytes) -> int:
    """Send one; the leaf index it got."""
    status, answer = await server.ask("POST", "/v1/evidence", body)
    assert status in {200, 201}, answer
    return int(answer["leafIndex"])


async def store_of(server: Server) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection to the server's own database, past its policies."""
    return await asyncpg.connect(EmbeddedPostgres(server.home).dsn(database="evidence"))


async def indexed(store: "asyncpg.Connection[asyncpg.Record]", sboms: int) -> None:
    """Wait until so many SBOMs are in the index."""
    until = time.monotonic() + 600
    while await store.fetchval("SELECT count(*) FROM sbom_index WHERE components IS NOT NULL") < sboms:
        assert time.monotonic() < until, "the index does not catch up"
        await asyncio.sleep(0.01)


async def measure_one(server: Server, signer: EnvelopeSigner, name: str, statement: bytes) -> dict[str, float]:
    """Send one SBOM; seconds until it is accepted and queryable, and the most memory in MiB meanwhile."""
    body = encode_envelope(signer.sign(IN_TOTO, statement))
    store = await store_of(server)
    before = await store.fetchval("SELECT count(*) FROM sbom_index WHERE components IS NOT NULL")
    assert server.process is not None
    with Memory(server.process.pid) as memory:
        began = time.monotonic()
        await upload(server, body)
        accepted = time.monotonic() - began
        await indexed(store, before + 1)
        queryable = time.monotonic() - began
    await store.close()
    return {
        f"{name}: MiB": round(len(body) / MEBIBYTE, 1),
        f"{name}: seconds until accepted": round(accepted, 2),
        f"{name}: seconds until queryable": round(queryable, 2),
        f"{name}: MiB of memory": round(memory.most / MEBIBYTE),
    }


async def measure_many(server: Server, signer: EnvelopeSigner, uploads: int, clients: int) -> dict[str, float]:
    """SBOMs of 500 components each, of which all but a few are the others' too. None may be lost or doubled."""
    bodies = [
        encode_envelope(signer.sign(IN_TOTO, sbom(f"many-{number}", 500, first=number % 50)))
        for number in range(uploads)
    ]
    store = await store_of(server)
    before = await store.fetchval("SELECT count(*) FROM sbom_index WHERE components IS NOT NULL")
    waiting, leaves = iter(bodies), set()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for body in waiting:
            writer.write(server.authorised("POST", "/v1/evidence", body))
            status, answer = await http_load.read_answer(reader)
            assert status == 201, answer
            leaves.add(json.loads(answer)["leafIndex"])
        await closed(writer)

    began = time.monotonic()
    await asyncio.gather(*(client() for _ in range(clients)))
    accepted = time.monotonic() - began
    await indexed(store, before + uploads)
    took = time.monotonic() - began
    rows, distinct = await store.fetchrow("SELECT count(*), count(DISTINCT purl) FROM component") or (0, 0)
    links = await store.fetchval(
        "SELECT count(*) FROM sbom_component WHERE leaf_index = ANY ($1::bigint[])", sorted(leaves)
    )
    await store.close()
    assert len(leaves) == uploads, f"{uploads - len(leaves)} lost"
    assert links == 500 * uploads, f"{links} links"
    assert rows == distinct, f"{rows - distinct} components are there twice"
    return {
        f"{uploads} SBOMs by {clients} clients: seconds until accepted": round(accepted, 1),
        f"{uploads} SBOMs by {clients} clients: seconds until queryable": round(took, 1),
    }


async def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """All that was asked for, on one server."""
    figures: dict[str, float] = {}
    with running() as (server, signer):
        await upload(server, encode_envelope(signer.sign(IN_TOTO, sbom("warm", 10))))
        for size in arguments.megabytes:
            statement = sized(f"{size} MB", int(size * 1_000_000 * 0.75))  # base64 adds a third
            figures |= await measure_one(server, signer, f"{size:g} MB", statement)
        if arguments.uploads:
            figures |= await measure_many(server, signer, arguments.uploads, arguments.clients)
        if arguments.components:
            statement = slim("large", arguments.components)
            figures |= await measure_one(server, signer, f"{arguments.components:,} components", statement)
    return figures


def parser() -> argparse.ArgumentParser:
    """The command line; its defaults are what the project promises."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--megabytes", nargs="*", type=float, default=[2, 50], help="sizes of single SBOMs, in MB")
    made.add_argument("--components", type=int, default=300_000, help="one SBOM of so many components")
    made.add_argument("--uploads", type=int, default=2_000, help="so many SBOMs at once")
    made.add_argument("--clients", type=int, default=64)
    made.add_argument("--json", action="store_true")
    return made


if __name__ == "__main__":
    given = parser().parse_args()
    found = asyncio.run(measure(given))
    shown = json.dumps(found) if given.json else "\n".join(f"{name}: {value:,}" for name, value in found.items())
    sys.stdout.write(f"{shown}\n")
