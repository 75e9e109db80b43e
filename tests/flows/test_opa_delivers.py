"""Where Open Policy Agent is installed: it really delivers its decision log, with nothing between it and the server."""

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import http_load
from tests.support.server import Server, closed, running

OPA = shutil.which("opa")
DECISIONS = 5
SECONDS = 60
QUERY = """{ evidence(first: 50, filter: {status: [UNSIGNED], predicateType: "urn:evidence-api:opa-decision:v1"})
  { edges { node { kind } } } }"""

pytestmark = pytest.mark.skipif(OPA is None, reason="no opa on the path: its decision log cannot be delivered by it")


@pytest.fixture
def server(open_folder: Path) -> Iterator[Server]:
    with running(open_folder / "decided") as made:
        yield made


@pytest.fixture
def opa(server: Server, tmp_path: Path) -> Iterator[int]:
    """A running OPA that reports every second; its port."""
    (tmp_path / "policy.rego").write_text("package merge\n\nimport rego.v1\n\ndefault allow := false\n")
    config = {
        "services": {
            "evidence": {
                "url": f"http://127.0.0.1:{server.port}",
                "credentials": {"bearer": {"token": server.token}},
            }
        },
        "decision_logs": {
            "service": "evidence",
            "resource": "/v1/decision-logs",
            "reporting": {"min_delay_seconds": 1, "max_delay_seconds": 1},
        },
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    process = subprocess.Popen(
        [
            str(OPA),
            "run",
            "--server",
            "--disable-telemetry",
            f"--addr=127.0.0.1:{port}",
            f"--config-file={tmp_path / 'config.json'}",
            str(tmp_path / "policy.rego"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield port
    process.terminate()
    process.wait(30)


async def ask(port: int, method: str, path: str, body: bytes = b"") -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(http_load.request(method, path, body, {"Content-Type": "application/json"}))
    status, _ = await http_load.read_answer(reader)
    await closed(writer)
    return status


async def test_its_decision_log_arrives(server: Server, opa: int) -> None:
    found = 0
    async with asyncio.timeout(SECONDS):
        while True:
            with contextlib.suppress(OSError):
                if await ask(opa, "GET", "/health") == 200:
                    break
            await asyncio.sleep(0.2)
        for number in range(DECISIONS):
            body = json.dumps({"input": {"number": number}}).encode()
            assert await ask(opa, "POST", "/v1/data/merge/allow", body) == 200
        while found < DECISIONS:
            await asyncio.sleep(0.2)
            _, answer = await server.ask("POST", "/graphql", json.dumps({"query": QUERY}).encode())
            found = len(answer["data"]["evidence"]["edges"])
    assert found == DECISIONS
