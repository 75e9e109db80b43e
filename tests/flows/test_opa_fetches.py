"""Where Open Policy Agent is installed: it fetches our policies, verifies them, and decides as we do."""

import asyncio
import gzip
import io
import json
import subprocess
import tarfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from evidence_api.engines.pack_key import generate_pack_key, load_pack_key
from evidence_api.formats.opa_bundle import opa_bundle
from evidence_api.formats.policy_bundle import PolicyBundle
from tests.support import http_load, opa
from tests.support.server import Server, closed, running

SECONDS = 60
KEY_ID = "evidence"
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("residency", {"country": "DE", "region": "us-east"}),
    ("residency", {"country": "DE", "region": "eu-west-1"}),
    ("write_paths", {"action": "write", "path": "infra/main.tf"}),
]
# What encoders write differently; OPA computes the digest of the value it reads, whatever its bytes.
ODD = '{"z": 1.50, "a": {"\\ud83d\\ude00": 1, "\\uffee": [1e3, 9007199254740993]}, "t": "\\u2028<&>\\u0001\\t\\u007f"}'

pytestmark = opa.needs_opa


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[Server]:
    with running(open_folder / "fetched") as made:
        yield made


@pytest.fixture
async def agent(server: Server, tmp_path: Path) -> AsyncIterator[str]:
    """A running OPA that knows nothing but where our bundle is and the key it is signed with; its URL."""
    _, key = await fetch(server, "/v1/policy-bundles/key.pem")
    bundle = {
        "service": "evidence",
        "resource": "/v1/policy-bundles/acme.tar.gz",
        "polling": {"min_delay_seconds": 1, "max_delay_seconds": 1},
        "signing": {"keyid": KEY_ID},
    }
    keys = {KEY_ID: {"algorithm": "ES256", "key": key.decode()}}
    with opa.serving(tmp_path, server, {"bundles": {"evidence": bundle}, "keys": keys}) as url:
        yield url


async def fetch(server: Server, path: str) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(server.authorised("GET", path))
    status, body = await http_load.read_answer(reader)
    await closed(writer)
    return status, body


async def test_an_agent_activates_our_bundle_and_decides_as_we_do(server: Server, agent: str) -> None:
    async with httpx.AsyncClient(base_url=agent) as client:
        async with asyncio.timeout(SECONDS):
            await opa.until_healthy(client, "/health?bundles")
        for area, asked in QUESTIONS:
            _, ours = await server.ask("POST", f"/v1/decide/{area}", json.dumps(asked).encode())
            theirs = await client.post(f"/v1/data/evidence/policy/{area}/decision", json={"input": asked})
            assert theirs.json()["result"] == {name: ours[name] for name in ("allow", "reasons", "rules")}
        catalog = await client.post("/v1/data/evidence/catalog/verdicts", json={"input": {"rows": {}}})
        outcomes = {verdict["outcome"] for verdict in catalog.json()["result"].values()}
        assert "missing" in outcomes
        assert "pass" not in outcomes


def built(folder: Path, content: bytes, key: str) -> subprocess.CompletedProcess[str]:
    """What OPA says of a bundle it is to verify."""
    (folder / "bundle.tar.gz").write_bytes(content)
    (folder / "key.pem").write_text(key)
    keys = ["--verification-key", "key.pem", "--verification-key-id", KEY_ID, "--signing-alg", "ES256"]
    return opa.run("build", "--bundle", "bundle.tar.gz", *keys, "-o", "out.tar.gz", cwd=folder)


def tampered(content: bytes, name: str) -> bytes:
    """The same archive, one file of it changed."""
    written = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(content)) as before, tarfile.open(fileobj=written, mode="w") as after:
        for entry in before:
            body = before.extractfile(entry).read()  # type: ignore[union-attr]  # all are files
            if entry.name == name:
                body += b"\n# changed\n"
            entry.size = len(body)
            after.addfile(entry, io.BytesIO(body))
    return gzip.compress(written.getvalue())


async def test_opa_takes_the_bundle_and_refuses_it_changed(server: Server, tmp_path: Path) -> None:
    _, content = await fetch(server, "/v1/policy-bundles/acme.tar.gz")
    _, key = await fetch(server, "/v1/policy-bundles/key.pem")
    taken = built(tmp_path, content, key.decode())
    assert taken.returncode == 0, taken.stderr
    changed = built(tmp_path, tampered(content, "residency/residency.rego"), key.decode())
    assert changed.returncode != 0
    assert "residency.rego: digest mismatch" in changed.stderr + changed.stdout
    strange = generate_pack_key("strange", now=datetime(2026, 1, 1, tzinfo=UTC))
    assert built(tmp_path, content, strange.public_pem).returncode != 0


def test_opa_computes_our_digests_of_odd_data(server: Server, tmp_path: Path) -> None:
    key = load_pack_key((server.home / "keys" / "pack-key.pem").read_bytes())
    bundle = PolicyBundle("sha256:" + "0" * 64, {"a/b.rego": "package b\n\nr := data.t\n"}, ODD.encode())
    content = opa_bundle(bundle, revision="r", metadata={"odd": "<\u2029>"}, key_id=KEY_ID, sign=key.sign_raw)
    taken = built(tmp_path, content, key.public_pem)
    assert taken.returncode == 0, taken.stderr + taken.stdout
