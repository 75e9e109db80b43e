"""Commands over a real database, each run as a program would: with --json."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from evidence_api.cli import main, output
from evidence_api.store.embedded import EmbeddedPostgres


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder whose database runs as long as the module, so that each command only joins it."""
    folder = tmp_path_factory.mktemp("home")
    with EmbeddedPostgres(folder):
        yield folder


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command with --json; gives its answer, or the failure as (exit code, code)."""
    monkeypatch.setenv("EVIDENCE_HOME", str(home))

    def once(*words: str) -> Any:  # noqa: ANN401  a JSON answer
        code = main.main([*words, "--json"])
        shown = capsys.readouterr()
        return orjson.loads(shown.out) if code == output.OK else (code, orjson.loads(shown.err)["error"]["code"])

    return once
