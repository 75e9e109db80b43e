"""`catalog progress` over a real database whose catalog has changed."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence_api.bootstrap import open_application
from evidence_api.cli import main, output
from evidence_api.engines.keys import NoteSigner
from evidence_api.settings import Settings
from evidence_api.use_cases.append import Appender
from tests.support.checked import ADMITTED, release

Answer = Callable[..., Any]
CONTROL = "id: C-1\nquery:\n  - kind: test_result\n    where: result==passed\n"


async def use(home: Path, catalog: Path, *, sweep: bool) -> None:
    """Make what is due, of two releases, due; and assess it, if told so."""
    async with open_application(Settings.from_environment(home=home, catalog=catalog)) as application:
        scope = await application.tenancy.named("acme")
        signer = NoteSigner.from_pem((home / "keys" / "log-key.pem").read_bytes())
        appender = Appender(application.database, signer, application.clock)
        for number in range(2):
            await appender.append(scope, release(f"app{number}", "artifact"), ADMITTED)
        await appender.close()
        await application.backlog.begin()
        if sweep:
            await application.backlog.sweep()


def test_progress_is_shown_until_all_is_done(
    run: Answer, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "controls.yaml").write_text(CONTROL)
    run("tenant", "create", "acme")
    assert run("catalog", "progress") == {"reassessments": []}
    asyncio.run(use(home, tmp_path, sweep=False))
    (shown,) = run("catalog", "progress", "--tenant", "acme")["reassessments"]
    assert (shown["tenant"], shown["releases"], shown["done"], shown["finished"]) == ("acme", 2, 0, None)
    assert main.main(["catalog", "progress"]) == output.OK
    assert "0 of 2" in capsys.readouterr().out
    asyncio.run(use(home, tmp_path, sweep=True))
    (shown,) = run("catalog", "progress", "--wait")["reassessments"]
    assert (shown["done"], shown["verdicts"]) == (2, 2)
    assert shown["finished"].endswith("Z")
    assert shown["catalog"].startswith("sha256:")
    assert run("catalog", "progress", "--tenant", "nobody") == (output.NO, "not_found")
