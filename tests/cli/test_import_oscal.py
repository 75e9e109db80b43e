"""`evidence-api catalog import-oscal`: what it writes, and how it ends."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from evidence_api.cli import main, output
from evidence_api.formats.framework_yaml import parse_framework
from tests.support.oscal import body, catalog, control, document, importing, profile, prop, statement

CATALOG = catalog(
    control("ac-1", "Policy", props=[prop("label", "AC-1")], parts=statement("Write it down.")),
    control("ac-2", "Accounts", props=[prop("label", "AC-2")]),
    control("ac-3", "Gone", props=[prop("label", "AC-3"), prop("status", "withdrawn")]),
)


def files(folder: Path, **made: dict[str, Any]) -> list[str]:
    for name, one in made.items():
        (folder / f"{name}.json").write_bytes(body(one))
    return [str(folder / f"{name}.json") for name in made]


def run(*arguments: str) -> int:
    return main.main(["catalog", "import-oscal", *arguments])


def test_a_catalog_becomes_a_file_that_loads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (given,) = files(tmp_path, base=CATALOG)
    target = tmp_path / "own.yaml"
    options = ("--id", "own-rules", "--title", "Own rules", "--alias", "OWN", "--licence", "cc0", "-o", str(target))
    assert run(given, *options) == output.OK
    assert "2 criteria, 1 withdrawn left out" in capsys.readouterr().out
    found = parse_framework(target.read_text())
    assert (found.id, found.title, found.edition, found.licence) == ("own-rules", "Own rules", "1.0", "cc0")
    assert (found.aliases, found.credit) == (("OWN",), "Some catalog, version 1.0")
    assert [(one.ref, one.title, one.text) for one in found.criteria] == [
        ("AC-1", "Policy", ""),
        ("AC-2", "Accounts", ""),
    ]
    assert "# Withdrawn controls, left out: 1." in target.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base.json", "own.yaml"]


def test_text_refs_edition_and_credit_are_as_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (given,) = files(tmp_path, base=CATALOG)
    options = ("--id", "x", "--title", "X", "--text", "--refs", "id", "--edition", "second", "--credit", "Somebody")
    assert run(given, *options) == output.OK
    found = parse_framework(capsys.readouterr().out)
    assert (found.edition, found.credit, found.licence) == ("second", "Somebody", "by_permission")
    assert [(one.ref, one.text) for one in found.criteria] == [("ac-1", "Write it down."), ("ac-2", "")]


def test_a_profile_is_resolved_against_the_catalog_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, chosen = files(tmp_path, base=CATALOG, chosen=profile(importing("ac-2")))
    assert run(chosen, "--catalog", base, "--id", "x", "--title", "X", "--json") == output.OK
    shown = orjson.loads(capsys.readouterr().out)
    assert (shown["framework"], shown["criteria"], shown["withdrawn"]) == ("x", 1, 0)
    assert [one.ref for one in parse_framework(shown["yaml"]).criteria] == ["AC-2"]


@pytest.mark.parametrize(
    ("made", "options", "code", "path", "ends"),
    [
        (profile(importing("ac-2")), (), "no_source", "$.profile.imports", output.NO),
        (document("assessment-plan"), (), "unsupported", "$.assessment-plan", output.USAGE),
        (catalog(control("a", " ")), (), "malformed", "$.catalog.controls[0].title", output.NO),
        (CATALOG, ("--licence", "mine"), "usage", None, output.USAGE),
        (CATALOG, ("--refs", "title"), "usage", None, output.USAGE),
        (CATALOG, ("--text", "--licence", "own"), "usage", None, output.USAGE),
        (CATALOG, ("--alias", ""), "invalid_source", None, output.NO),
    ],
)
def test_refusals_have_a_code_and_leave_no_file(  # noqa: PLR0913, PLR0917  a row of the table
    made: dict[str, Any],
    options: tuple[str, ...],
    code: str,
    path: str | None,
    ends: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (given,) = files(tmp_path, given=made)
    target = tmp_path / "x.yaml"
    target.write_text("as it was\n")
    assert run(given, "--id", "x", "--title", "X", "-o", str(target), "--json", *options) == ends
    error = orjson.loads(capsys.readouterr().err)["error"]
    assert (error["code"], error["fields"].get("path")) == (code, path)
    assert target.read_text() == "as it was\n"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert run(str(tmp_path / "none.json"), "--id", "x", "--title", "X") == output.USAGE


def test_two_catalogs_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other").mkdir()
    (first,), (second,) = files(tmp_path, base=CATALOG), files(tmp_path / "other", base=CATALOG)
    (chosen,) = files(tmp_path, chosen=profile(importing("ac-2")))
    assert run(chosen, "--catalog", first, "--catalog", second, "--id", "x", "--title", "X") == output.USAGE
    assert "named base" in capsys.readouterr().err
