"""kill -9 of the server at random moments under mixed uploads: whatever was acknowledged is there and provable.

EVIDENCE_KILLS sets how often (default 50). Each round starts the real command, loads it from eight
connections, kills it without warning, and goes on; the audit at the end reads everything back over HTTP.
"""

import asyncio
import base64
import contextlib
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from evidence_api.domain.merkle import leaf_hash, verify_inclusion
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.checkpoint import parse_checkpoint
from evidence_api.formats.dsse import encode_envelope
from tests.support import http_load, statements
from tests.support.mixed_load import Sent, mixed
from tests.support.server import Server, closed

KILLS = int(os.environ.get("EVIDENCE_KILLS", "50"))
CONNECTIONS = 6
RELEASE_SUBJECT = f"sha256:{'a' * 64}"


@pytest.fixture
def server(open_folder: Path) -> Iterator[Server]:
    made = Server(open_folder / "killed")
    yield made
    made.stop()


async def upload(server: Server, waiting: Iterator[Sent]) -> None:
    """Upload until the connection dies; keep only what answers that arrived whole acknowledge."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        for sent in waiting:
            writer.write(server.authorised(sent.method, sent.path, sent.body, sent.content_type, sent.encoding))
            receipts, artifacts = sent.acknowledged(*await http_load.read_answer(reader))
            server.acknowledged.update((receipt["evidenceId"], receipt) for receipt in receipts)
            server.artifacts.extend(artifacts)
    await closed(writer)


async def load_then_kill(server: Server, waiting: Iterator[Sent], moment: float) -> None:
    uploads = [asyncio.create_task(upload(server, waiting)) for _ in range(CONNECTIONS)]
    await asyncio.sleep(moment)
    server.kill()
    await asyncio.wait_for(asyncio.gather(*uploads), 30)


def check_receipt(receipt: dict[str, Any]) -> int:
    """The receipt proves its leaf against its own checkpoint; gives the tree size."""
    checkpoint = parse_checkpoint(receipt["checkpoint"])
    assert checkpoint.size == receipt["treeSize"]
    leaf = base64.b64decode(receipt["leaf"])
    assert json.loads(leaf)["evidence"] == receipt["evidenceId"]
    proof = [base64.b64decode(step) for step in receipt["inclusionProof"]]
    verify_inclusion(leaf_hash(leaf), receipt["leafIndex"], checkpoint.size, proof, checkpoint.root)
    return checkpoint.size


async def audit(server: Server) -> None:
    """Every acknowledged receipt is still there at its leaf, and proves against the newest checkpoint."""
    waiting = iter(server.acknowledged.items())

    async def auditor() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for evidence_id, receipt in waiting:
            check_receipt(receipt)
            writer.write(server.authorised("GET", f"/v1/evidence/{evidence_id}/receipt"))
            status, answer = await http_load.read_answer(reader)
            assert status == 200, answer
            again = json.loads(answer)
            assert (again["leafIndex"], again["leaf"]) == (receipt["leafIndex"], receipt["leaf"])
            assert check_receipt(again) >= receipt["treeSize"]
        await closed(writer)

    await asyncio.gather(*(auditor() for _ in range(CONNECTIONS)))


async def audit_artifacts(server: Server) -> None:
    """Every acknowledged artifact comes back with the digest it was sent under."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for digest in server.artifacts:
        writer.write(server.authorised("GET", f"/v1/artifacts/{digest}"))
        status, content = await http_load.read_answer(reader)
        assert (status, f"sha256:{sha256(content).hexdigest()}") == (200, digest)
    await closed(writer)


async def stored_leaves(server: Server) -> list[int]:
    """The leaf index of every evidence, over GraphQL, in order."""
    leaves: list[int] = []
    after = "null"
    while True:
        page_of = "edges { node { leafIndex } } pageInfo { hasNextPage endCursor }"
        query = f"{{ evidence(first: 100, after: {after}, filter: {{status: []}}) {{ {page_of} }} }}"
        status, answer = await server.ask("POST", "/graphql", json.dumps({"query": query}).encode())
        assert status == 200, answer
        page = answer["data"]["evidence"]
        leaves += [int(edge["node"]["leafIndex"]) for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return leaves
        after = json.dumps(page["pageInfo"]["endCursor"])


async def due_is_settled(server: Server, tree_size: int) -> None:
    """The background assessment catches up with the newest tree size after the restart."""
    query = '{ release(name: "sample") { assessment { treeSize } } }'
    until = time.monotonic() + 90  # what the dead process had claimed is free after its lease
    seen: Any = None
    while time.monotonic() < until:
        _, seen = await server.ask("POST", "/graphql", json.dumps({"query": query}).encode())
        assessment = seen["data"]["release"]["assessment"]
        if assessment is not None and int(assessment["treeSize"]) >= tree_size:
            return
        await asyncio.sleep(0.2)
    pytest.fail(f"the assessment never reached tree size {tree_size}: {seen}")


@pytest.mark.faults
@pytest.mark.timeout(1800)
async def test_nothing_acknowledged_is_lost_when_the_server_is_killed(server: Server, tmp_path: Path) -> None:
    signer = EnvelopeSigner.generate()
    key = tmp_path / "key.pem"
    key.write_text(signer.public_key.pem)
    server.make_tenant("acme", key)
    waiting = mixed(signer, RELEASE_SUBJECT)
    chance = random.Random(20)  # noqa: S311  moments, not secrets
    moments = [chance.uniform(0.02, 0.7) for _ in range(KILLS)]
    server.start()
    release = statements.release(RELEASE_SUBJECT, name="sample", version="1.0")
    body = encode_envelope(signer.sign("application/vnd.in-toto+json", json.dumps(release).encode()))
    assert (await server.ask("POST", "/v1/evidence", body))[0] == 201
    for moment in moments:
        await load_then_kill(server, waiting, moment)
        server.start()
    assert len(server.acknowledged) > KILLS, "the load was too thin to mean anything"
    leaves = await stored_leaves(server)
    assert sorted(leaves) == list(range(len(leaves))), "a gap in the leaf indexes"
    await audit(server)
    await audit_artifacts(server)
    await due_is_settled(server, len(leaves))
    sys.stdout.write(
        f"{KILLS} kills, {len(server.acknowledged)} receipts and {len(server.artifacts)} artifacts audited, "
        f"{len(leaves)} leaves without a gap\n"
    )
