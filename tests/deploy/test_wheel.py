"""The wheel carries what an installed server needs, so that it needs no checkout."""

import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parents[2]


def build(folder: Path, version: str) -> list[str]:
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=[version])
    return zipfile.ZipFile(wheel).namelist()


def beside(folder: str) -> set[str]:
    """Files of a top-level folder as the wheel should name them."""
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"evidence_api/_shipped/{path.relative_to(ROOT).as_posix()}" for path in found}


@pytest.mark.parametrize("folder", ["controls", "policy", "migrations"])
def test_a_wheel_carries_the_folders_beside_the_package(tmp_path: Path, folder: str) -> None:
    inside = set(build(tmp_path, "standard"))
    assert beside(folder)
    assert beside(folder) <= inside
    assert "evidence_api/cli/main.py" in inside
    assert not {name for name in inside if "__pycache__" in name or name.startswith("tests/")}


def test_an_installation_in_place_copies_nothing(tmp_path: Path) -> None:
    inside = build(tmp_path, "editable")
    assert [name for name in inside if not name.startswith("evidence_api-")] == ["_evidence_api.pth"]
