"""`evidence-api catalog replay` over a real database: what it prints, and when it is a gate."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from evidence_api.bootstrap import open_application
from evidence_api.cli import main, output
from evidence_api.settings import Settings
from evidence_api.store.embedded import EmbeddedPostgres
from tests.support import statements
from tests.support.place import written
from tests.web.conftest import door_of

CONTROLS = """\
id: A-SBOM
query: [{kind: sbom, where: criticals==0}]
---
id: A-TESTS
query: [{kind: test_result, where: result==passed}]
"""
Answer = Callable[..., tuple[int, Any]]


async def fill(home: Path) -> None:
    """Tenant `acme` with two releases assessed, tenant `empty` with none."""
    async with open_application(Settings.from_environment(home=home, catalog=home / "controls")) as application:
        door = await door_of(application, "acme")
        await application.tenancy.create("empty")
        async with door.http:
            for number in (1, 2):
                digest = f"sha256:{number:064x}"
                await door.upload(statements.release(digest, version=f"{number}.0.0"))
                await door.upload(statements.sbom(digest))
        await application.reassessor.sweep()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("replay")
    written(folder / "controls", {"a.yaml": CONTROLS})
    with EmbeddedPostgres(folder):
        asyncio.run(fill(folder))
        yield folder


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Answer:
    """Replay under a candidate of this text; gives exit code and answer, or what was printed without --json."""
    monkeypatch.setenv("EVIDENCE_HOME", str(home))
    monkeypatch.setenv("EVIDENCE_CATALOG", str(home / "controls"))

    def once(controls: str, *words: str) -> tuple[int, Any]:
        candidate = ["--candidate", str(written(tmp_path / "candidate", {"a.yaml": controls}))]
        code = main.main(["catalog", "replay", "--since", "7d", *candidate, *words])
        shown = capsys.readouterr()
        return code, orjson.loads(shown.out or shown.err) if "--json" in words else shown.out

    return once


STRICTER = CONTROLS.replace("criticals==0", "components>=9")
LAXER = CONTROLS.replace("kind: test_result, where: result==passed", "kind: sbom, where: components>=1")


def test_the_gate(run: Answer) -> None:
    assert run(CONTROLS, "--fail-on", "flips", "--json")[0] == output.OK
    assert run(STRICTER, "--fail-on", "none", "--json")[0] == output.OK
    code, answer = run(STRICTER, "--fail-on", "regressions", "--json")
    assert (code, answer["regressions"], answer["flips"]) == (output.NO, 2, 2)
    acme, empty = answer["tenants"]
    assert (acme["tenant"], acme["replayed"], acme["touched"], empty["replayed"]) == ("acme", 2, 2, 0)
    (group,) = acme["groups"]
    assert (group["control"], group["from"], group["to"], group["moved"]) == ("A-SBOM", "pass", "fail", [["catalog"]])
    assert (group["count"], group["releases"]) == (2, ["widget@1.0.0", "widget@2.0.0"])
    assert len(acme["listed"]) == 2
    assert run(LAXER, "--fail-on", "regressions", "--json")[0] == output.OK
    assert run(LAXER, "--fail-on", "flips", "--json")[0] == output.NO


@pytest.mark.parametrize("words", [("--tenant", "empty"), ("--since", "2999-01-01")])
def test_a_gate_does_not_open_on_nothing(run: Answer, words: tuple[str, ...]) -> None:
    assert run(STRICTER, *words)[0] == output.OK
    for gate in ("regressions", "flips"):
        assert run(STRICTER, *words, "--fail-on", gate)[0] == output.UNDECIDED


def test_one_release_of_one_tenant(run: Answer) -> None:
    _, answer = run(STRICTER, "--tenant", "acme", "--release", "widget@1.0.0", "--json")
    (acme,) = answer["tenants"]
    assert [one["release"] for one in acme["listed"]] == ["widget@1.0.0"]
    code, answer = run(STRICTER, "--tenant", "acme", "--release", "gadget", "--json")
    assert (code, answer["error"]["code"]) == (output.NO, "not_found")


def test_people_see_both_sentences_and_what_moved(run: Answer) -> None:
    code, shown = run(STRICTER, "--tenant", "acme")
    assert code == output.OK
    assert "REGRESSION  A-SBOM  pass -> fail" in shown
    for line in ("moved by  catalog", "was       Passed: sbom", "now       Failed: sbom", "widget@1.0.0, widget@2.0.0"):
        assert line in shown
    _, shown = run(CONTROLS, "--tenant", "acme", "--hold", "time")
    assert "time as recorded" in shown
    assert "flips: 0" in shown


@pytest.mark.parametrize(
    ("controls", "words", "expected"),
    [
        ("id: [", (), (output.NO, "invalid_source")),
        (CONTROLS, ("--hold", "weather"), (output.USAGE, "usage")),
        (CONTROLS, ("--at", "yesterday"), (output.USAGE, "usage")),
        (CONTROLS, ("--tenant", "nobody"), (output.NO, "not_found")),
    ],
)
def test_what_is_asked_wrongly_is_said(
    run: Answer, controls: str, words: tuple[str, ...], expected: tuple[int, str]
) -> None:
    code, answer = run(controls, *words, "--json")
    assert (code, answer["error"]["code"]) == expected
