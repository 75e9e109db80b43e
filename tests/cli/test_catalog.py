"""`evidence-api catalog`: what it prints, and how it ends."""

import re
from pathlib import Path

import orjson
import pytest
import regorus

from evidence_api.cli import main, output
from evidence_api.domain.assessment import assessment_input
from evidence_api.formats.catalog_rego import compile_catalog
from tests.support.catalogs import AT, RELEASE, catalog_of, row, shipped_catalog

GOOD = "id: A\ntitle: Title of it\nquery: [{kind: opa, where: denies==0}]\n"
BAD = "id: A\nquery:\n  - kind: opa\n    where: >\n      denis == 0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "internal").mkdir()
    (tmp_path / "internal" / "a.yaml").write_text(GOOD)
    return tmp_path


def test_check_of_the_shipped_catalog(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["catalog", "check"]) == output.OK
    shown = capsys.readouterr()
    assert f"{len(shipped_catalog().controls)} controls" in shown.out
    assert shipped_catalog().digest in shown.out
    assert "warning: frameworks/" in shown.err


def test_check_with_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["catalog", "check", str(folder), "--json"]) == output.OK
    shown = orjson.loads(capsys.readouterr().out)
    assert (shown["controls"], shown["frameworks"], shown["mapped_criteria"]) == (1, 0, 0)
    assert [(one["file"], one["line"], one["code"]) for one in shown["warnings"]] == [
        ("internal/a.yaml", 1, "unmapped_control")
    ]


def test_strict_makes_warnings_count(folder: Path) -> None:
    assert main.main(["catalog", "check", str(folder), "--strict"]) == output.NO


def test_faults_are_lines_an_editor_can_jump_to(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "b.yaml").write_text(BAD)
    assert main.main(["catalog", "check", str(folder)]) == output.NO
    shown = capsys.readouterr()
    assert "b.yaml:1:5: duplicate_id" not in shown.err
    assert "b.yaml:5:7: unknown_path: opa has no fact 'denis' (did you mean 'denies'?)" in shown.err
    assert "internal/a.yaml:1:5: duplicate_id" in shown.err
    assert shown.out == ""


def test_faults_with_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "internal" / "a.yaml").write_text(BAD)
    assert main.main(["catalog", "check", str(folder), "--json"]) == output.NO
    (fault,) = orjson.loads(capsys.readouterr().err)["error"]["faults"]
    assert (fault["file"], fault["line"], fault["column"]) == ("internal/a.yaml", 5, 7)


def test_one_file_can_be_checked_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["catalog", "check", str(folder / "internal" / "a.yaml")]) == output.OK
    assert "1 controls" in capsys.readouterr().out


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert main.main(["catalog", "check", str(tmp_path / "none")]) == output.NO


def test_rego_is_printed_as_it_is_compiled(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["catalog", "rego", str(folder)]) == output.OK
    shown = capsys.readouterr().out
    assert "package evidence.catalog" in shown
    body = shown.split("\n", 4)[4]
    assert body == compile_catalog(catalog_of(GOOD)).split("\n", 4)[4]
    assert main.main(["catalog", "rego", str(folder), "--json"]) == output.OK
    assert orjson.loads(capsys.readouterr().out)["rego"] == shown


def test_rego_of_one_control_holds_what_decides_it_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["catalog", "rego", "--control", "IG-SC-5"]) == output.OK
    shown = capsys.readouterr().out
    assert len(shown) < len(compile_catalog(shipped_catalog())) / 4
    assert re.findall(r'^verdicts\["(.+)"\]', shown, re.MULTILINE) == ["IG-SC-5"]
    engine = regorus.Engine()
    engine.add_policy("catalog.rego", shown)
    rows = [row("github_checks", {"required": "pass"}), row("opa", {"denies": 0})]
    rows.append(row("attest", {"provenance": "verified", "sbom.criticals": 0}))
    engine.set_input_json(orjson.dumps(assessment_input(shipped_catalog(), RELEASE, rows, AT)).decode())
    answer = orjson.loads(engine.eval_query_as_json("data.evidence.catalog.verdicts"))
    assert answer["result"][0]["expressions"][0]["value"]["IG-SC-5"]["outcome"] == "pass"


def test_rego_of_a_control_there_is_not_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["catalog", "rego", "--control", "IG-SC-55", "--json"]) == output.NO
    fault = orjson.loads(capsys.readouterr().err)["error"]
    assert (fault["code"], fault["fields"]["fix"]) == ("not_found", "did you mean 'IG-SC-5'?")


def test_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["catalog", "list", str(folder)]) == output.OK
    assert "Title of it" in capsys.readouterr().out
    assert main.main(["catalog", "list", "--json"]) == output.OK
    rows = orjson.loads(capsys.readouterr().out)
    found = next(row for row in rows if row["id"] == "IG-SC-5")
    assert found["kinds"] == ["attest", "github_checks", "opa"]
    assert "AICPA TSC CC7.2" in found["criteria"]
