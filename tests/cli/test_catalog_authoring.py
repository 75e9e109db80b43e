"""`evidence-api catalog fmt` and `catalog schema`: what they print, what they write, and how they end."""

from pathlib import Path

import jsonschema_rs
import orjson
import pytest

from evidence_api.cli import main, output
from evidence_api.engines.files import rewrite
from evidence_api.formats.catalog_schema import catalog_schema

LOOSE = "id: A\nquery: [{kind: opa, where: denies==0}] # kept\n"
TIDY = "id: A\nquery: [{kind: opa, where: denies == 0}] # kept\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "internal").mkdir()
    (tmp_path / "internal" / "a.yaml").write_text(LOOSE)
    (tmp_path / "internal" / "b.yml").write_text(TIDY.replace("id: A", "id: B"))
    (tmp_path / "README.md").write_text("where: denies==0\n")
    return tmp_path


def test_files_are_formatted_in_place_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["catalog", "fmt", str(folder)]) == output.OK
    assert (folder / "internal" / "a.yaml").read_text() == TIDY
    assert "1 of 2 files formatted" in capsys.readouterr().out
    assert main.main(["catalog", "fmt", "--check", str(folder)]) == output.OK
    assert sorted(path.name for path in folder.rglob("*")) == ["README.md", "a.yaml", "b.yml", "internal"]


def test_check_names_the_files_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["catalog", "fmt", "--check", str(folder)]) == output.NO
    shown = capsys.readouterr().out
    assert "would format" in shown
    assert "internal/a.yaml" in shown
    assert "b.yml" not in shown
    assert (folder / "internal" / "a.yaml").read_text() == LOOSE


def test_diff_shows_the_lines_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["catalog", "fmt", "--diff", str(folder)]) == output.OK
    shown = capsys.readouterr().out.splitlines()
    assert "-query: [{kind: opa, where: denies==0}] # kept" in shown
    assert "+query: [{kind: opa, where: denies == 0}] # kept" in shown
    assert (folder / "internal" / "a.yaml").read_text() == LOOSE
    assert main.main(["catalog", "fmt", "--diff", "--check", str(folder)]) == output.NO


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = str(folder / "internal" / "a.yaml")
    assert main.main(["catalog", "fmt", "--check", "--diff", "--json", str(folder)]) == output.NO
    shown = orjson.loads(capsys.readouterr().out)
    assert (shown["files"], shown["changed"]) == (2, [name])
    assert "+query: [{kind: opa, where: denies == 0}] # kept" in shown["diff"][name]
    assert main.main(["catalog", "fmt", "--json", name]) == output.OK
    assert orjson.loads(capsys.readouterr().out) == {"files": 1, "changed": [name], "diff": {}}


def test_nothing_is_written_when_a_file_does_not_load(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "internal" / "z.yaml").write_text("id: Z\nquery: [{kind: opa, where: denis==0}]\n")
    (folder / "internal" / "bytes.yaml").write_bytes(b"id: \xff\n")
    assert main.main(["catalog", "fmt", str(folder)]) == output.NO
    shown = capsys.readouterr().err
    assert "internal/z.yaml:2:28: unknown_path" in shown
    assert "internal/bytes.yaml:1:1: encoding" in shown
    assert (folder / "internal" / "a.yaml").read_text() == LOOSE


def test_a_place_without_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["catalog", "fmt", str(tmp_path / "none")]) == output.NO
    assert "no_folder" in capsys.readouterr().err


def test_line_ends_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(LOOSE.replace("\n", "\r\n").encode())
    assert main.main(["catalog", "fmt", str(path)]) == output.OK
    assert path.read_bytes() == TIDY.replace("\n", "\r\n").encode()


def test_rewriting_keeps_permissions_and_links(tmp_path: Path) -> None:
    path, link = tmp_path / "a.yaml", tmp_path / "b.yaml"
    path.write_text("before")
    path.chmod(0o640)
    link.symlink_to(path)
    rewrite(link, b"after")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("after", 0o640)
    assert link.is_symlink()


def test_a_rewrite_that_fails_leaves_the_file_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(LOOSE)

    def full(_path: Path, _mode: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(Path, "chmod", full)
    assert main.main(["catalog", "fmt", str(path)]) == output.USAGE
    assert path.read_text() == LOOSE
    assert [one.name for one in tmp_path.iterdir()] == ["a.yaml"]


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["catalog", "schema"]) == output.OK
    shown = capsys.readouterr().out
    assert main.main(["catalog", "schema", "--json"]) == output.OK
    assert capsys.readouterr().out == shown
    schema = orjson.loads(shown)
    assert schema == catalog_schema()
    validator = jsonschema_rs.validator_for(schema)
    assert validator.is_valid({"id": "A", "query": [{"kind": "opa", "where": "denies == 0"}]})
    assert not validator.is_valid({"id": "A", "query": [{"kind": "opa", "were": "denies == 0"}]})
