"""Catalogs with one defect each: `catalog check` names file, line, column and what to write instead.

Each folder of broken_catalogs/ holds the catalog and expected.json: what is told, how heavily (a fault stops the
load, a warning does not), and whether the JSON Schema refuses it too.
"""

from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
import yaml

from evidence_api.cli import main, output
from evidence_api.formats.catalog_schema import catalog_schema
from tests.support.yaml12 import plain_documents

FOLDERS = sorted(path for path in (Path(__file__).parent / "broken_catalogs").iterdir() if path.is_dir())
FAULTS, WARNINGS = "fault", "warning"


def expected(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((folder / "expected.json").read_bytes())
    return found


def test_there_are_enough_and_each_holds_a_catalog() -> None:
    kinds = [expected(folder)["severity"] for folder in FOLDERS]
    assert kinds.count(FAULTS) >= 40
    assert kinds.count(WARNINGS) >= 15
    assert all(list(folder.rglob("*.yaml")) for folder in FOLDERS)
    codes = {expected(folder)["code"] for folder in FOLDERS}
    assert len(codes) >= 35


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_defect_is_told_with_its_place_and_its_fix(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = expected(folder)
    heavy = wanted["severity"] == FAULTS

    assert main.main(["catalog", "check", str(folder), "--json"]) == (output.NO if heavy else output.OK)
    shown = capsys.readouterr()
    told = orjson.loads(shown.err)["error"]["faults"] if heavy else orjson.loads(shown.out)["warnings"]
    assert [(one["code"], one["file"], one["line"], one["column"], one["hint"]) for one in told] == [
        (wanted["code"], wanted["file"], wanted["line"], wanted["column"], wanted["fix"])
    ]
    assert len(wanted["fix"]) >= len("close it")
    assert told[0]["message"] != wanted["fix"]

    assert main.main(["catalog", "check", str(folder)]) == (output.NO if heavy else output.OK)
    place = f"{wanted['file']}:{wanted['line']}:{wanted['column']}: {wanted['code']}: "
    (line,) = [line for line in capsys.readouterr().err.splitlines() if place in line]
    assert line.endswith(f"({wanted['fix']})")
    assert (main.main(["catalog", "check", "--strict", str(folder)])) == output.NO


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_schema_refuses_what_is_wrong_in_shape(folder: Path) -> None:
    validator = jsonschema_rs.validator_for(dict(catalog_schema()))
    refused = False
    for path in folder.rglob("*.yaml"):
        try:
            refused |= not all(map(validator.is_valid, plain_documents(path.read_text())))
        except yaml.YAMLError:
            refused = True
    assert refused is (expected(folder)["schema"] == "refuses")
