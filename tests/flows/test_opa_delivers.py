"""Where Open Policy Agent is installed: it really delivers its decision log, with nothing between it and the server."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.opa import needs_opa, serving, until_healthy
from tests.support.server import Server, running

DECISIONS = 5
SECONDS = 60
QUERY = """{ evidence(first: 50, filter: {status: [UNSIGNED], predicateType: "urn:evidence-api:opa-decision:v1"})
  { edges { node { kind } } } }"""

pytestmark = needs_opa


@pytest.fixture
def server(open_folder: Path) -> Iterator[Server]:
    with running(open_folder / "decided") as made:
        yield made


@pytest.fixture
def opa(server: Server, tmp_path: Path) -> Iterator[str]:
    """A running OPA that reports every second; its URL."""
    policy = tmp_path / "policy.rego"
    policy.write_text("package merge\n\nimport rego.v1\n\ndefault allow := false\n")
    reporting = {
        "service": "evidence",
        "resource": "/v1/decision-logs",
        "reporting": {"min_delay_seconds": 1, "max_delay_seconds": 1},
    }
    with serving(tmp_path, server, {"decision_logs": reporting}, [policy]) as url:
        yield url


async def test_its_decision_log_arrives(server: Server, opa: str) -> None:
    found = 0
    async with asyncio.timeout(SECONDS), httpx.AsyncClient(base_url=opa) as client:
        await until_healthy(client)
        for number in range(DECISIONS):
            asked = await client.post("/v1/data/merge/allow", json={"input": {"number": number}})
            assert asked.status_code == 200
        while found < DECISIONS:
            await asyncio.sleep(0.2)
            _, answer = await server.ask("POST", "/graphql", json.dumps({"query": QUERY}).encode())
            found = len(answer["data"]["evidence"]["edges"])
    assert found == DECISIONS
