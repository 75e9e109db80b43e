"""`evidence-api pii`: places and a verdict, a copy without what was found, and never a value."""

from pathlib import Path

import orjson
import pytest

from evidence_api.cli import output
from evidence_api.cli.main import main

SECRET, EMAIL = "AKIAIOSFODNN7EXAMPLQ", "jane.roe@example.org"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_bytes(orjson.dumps({"by": EMAIL, "log": [f"key {SECRET}"]}))
    return path


def test_scanning_names_places_and_says_no(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pii", "scan", str(report), "--json"]) == output.NO
    told = capsys.readouterr().out
    (file,) = orjson.loads(told)["files"]
    assert [(one["path"], one["detector"]) for one in file["found"]] == [("by", "email"), ("log[0]", "secret")]
    assert (file["may_leave"], file["rules"]) == (False, ["export.secret"])
    assert SECRET not in told
    assert EMAIL not in told


def test_what_may_leave_is_a_yes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"by {EMAIL}\n")
    assert main(["pii", "scan", str(path)]) == output.OK
    assert "1 found, may leave" in capsys.readouterr().out


def test_the_policy_given_decides(report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "policy" / "export"
    folder.mkdir(parents=True)
    (folder / "export.rego").write_text(
        "package evidence.policy.export\n\nimport rego.v1\n\n"
        'decision := {"allow": true, "rules": [], "reasons": []} if input.purpose == "statement"\n'
    )
    assert main(["pii", "scan", str(report), "--policy", str(tmp_path / "policy")]) == output.OK
    assert "secret (AWS Access Key)" in capsys.readouterr().out


def test_redacting_writes_a_copy(report: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.json"
    assert main(["pii", "redact", str(report), "--out", str(target)]) == output.OK
    assert orjson.loads(target.read_bytes()) == {"by": "redacted@redacted.invalid", "log": ["key [redacted:secret]"]}
    assert main(["pii", "scan", str(target)]) == output.OK


def test_the_original_is_never_replaced(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = report.read_bytes()
    assert main(["pii", "redact", str(report), "--out", str(report)]) == output.USAGE
    assert report.read_bytes() == before
    assert "original" in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pii", "scan", str(tmp_path / "none")]) == output.USAGE
    assert "unreadable_file" in capsys.readouterr().err


@pytest.mark.parametrize("command", [("scan",), ("redact", "--out", "copy")])
def test_what_is_no_text_is_refused_and_not_called_clean(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"key {SECRET}\n", encoding="utf-16")
    assert main(["pii", *command, str(path)]) == output.USAGE
    captured = capsys.readouterr()
    assert "error[unsupported]" in captured.err
    assert "may leave" not in captured.out


def test_a_copy_that_cannot_be_written_names_itself(
    report: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "absent" / "copy.json"
    assert main(["pii", "redact", str(report), "-o", str(target), "--json"]) == output.USAGE
    error = orjson.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "unwritable_file"
    assert error["message"].startswith(f"{target} cannot be written: ")
