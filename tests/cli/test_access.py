"""The audit of access from the command line: shown, written out as it is committed to, checked."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from evidence_api.cli import access
from evidence_api.cli.main import main
from evidence_api.formats.access_audit import row_leaf
from evidence_api.store import access_audit
from tests.web.conftest import Door, application, door

__all__ = ["application", "door"]  # fixtures


async def test_rows_are_listed_exported_and_checked(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await door.http.get("/v1/log/acme/checkpoint")
    await door.http.get("/v1/blobs/nonsense")
    await door.application.access_batches.say(door.scope)
    uses: list[Any] = []
    monkeypatch.setattr(access, "operate", uses.append)

    async def run(*words: str) -> Any:  # noqa: ANN401  what the use case gives
        """What the command would do with an application of its own, done with this one."""
        main(["access", *words, "--tenant", "acme"])
        return await uses.pop()(door.application)

    everything = await run("list", "--since", "2000-01-01")
    assert [row.sequence for row in everything] == [1, 2]
    (refused,) = await run("list", "--since", "2000-01-01", "--refused")
    assert refused.entry.notes.code == "malformed"
    assert await run("list", "--since", "2000-01-01", "--principal", "nobody") == ()
    file = tmp_path / "access.jsonl"
    assert await run("export", "--out", str(file)) == 2
    async with door.application.database.tenant(door.scope) as connection:
        kept = await access_audit.rows_between(connection, door.scope, 1, 2)
    assert file.read_bytes().splitlines() == [row_leaf(row) for row in kept]
    checked = await run("verify")
    assert (checked.rows, checked.statements, checked.faults) == (2, 1, ())
    capsys.readouterr()

    monkeypatch.setattr(access, "operate", lambda _use: everything)
    assert main(["access", "list", "--tenant", "acme", "--json"]) == 0
    (first, _) = orjson.loads(capsys.readouterr().out)["accesses"]
    assert (first["what"], first["status"], first["code"]) == ("GET /v1/log/{tenant}/checkpoint", 200, "")
    monkeypatch.setattr(access, "operate", lambda _use: checked)
    assert main(["access", "verify", "--tenant", "acme"]) == 0
    assert "VERIFIED" in capsys.readouterr().out
