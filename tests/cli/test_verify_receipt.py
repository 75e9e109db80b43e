"""The whole way: asked for over HTTP, saved, checked by the command."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from evidence_api.cli.main import main
from tests.support import statements
from tests.web.conftest import Door, application, door

__all__ = ["application", "door"]  # fixtures

QUERY = "query Page($n: Int!) { evidence(first: $n) { edges { node { id kind } } } }"


async def test_an_answer_with_a_receipt_is_verified_offline(
    door: Door, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await door.upload(statements.test_result())
    asked: dict[str, Any] = {"query": QUERY, "variables": {"n": 2}}
    plain = (await door.http.post("/graphql", json=asked)).json()
    assert "receipt" not in plain.get("extensions", {})
    answer = await door.http.post("/graphql", json={**asked, "extensions": {"signedReceipt": True}})
    assert answer.json()["data"] == plain["data"]
    refused = (await door.http.post("/graphql", json={"query": "{ no }", "extensions": {"signedReceipt": True}})).json()
    assert "receipt" not in refused.get("extensions", {})
    key = await door.http.get("/v1/evidence-key")
    files = {
        "answer.json": answer.content,
        "key.pem": key.content,
        "query.graphql": QUERY.encode(),
        "variables.json": b'{ "n": 2 }',
        "log.key": str(door.application.tenancy.log_verifier(door.scope)).encode(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    command = ["verify-receipt", f"{tmp_path}/answer.json", "--key", f"{tmp_path}/key.pem"]
    question = ["--query", f"{tmp_path}/query.graphql", "--variables", f"{tmp_path}/variables.json"]
    assert main([*command, *question, "--log-key", f"{tmp_path}/log.key", "--json"]) == 0
    report = orjson.loads(capsys.readouterr().out)
    assert (report["ok"], report["codes"], report["receipt"]["asOf"]) == (True, [], 1)
    assert {step["result"] for step in report["steps"]} == {"held"}
    assert main(command) == 0
    assert "VERIFIED: the server gave this answer." in capsys.readouterr().out
    (tmp_path / "answer.json").write_bytes(answer.content.replace(b"test_result", b"sbom"))
    assert main(command) == 1
    said = capsys.readouterr().out
    assert "answer_changed" in said
    assert "NOT VERIFIED." in said
