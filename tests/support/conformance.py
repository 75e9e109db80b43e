"""Finds other people's test suites, and skips, saying so, when they are not here."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def suite(name: str) -> Path:
    """The folder of one suite below EVIDENCE_CONFORMANCE_DATA (default: ../shared/data)."""
    folder = Path(os.environ.get("EVIDENCE_CONFORMANCE_DATA", ROOT.parent / "shared" / "data")) / name
    if not (folder / "index.json").is_file():
        pytest.skip(f"conformance suite {name} is not here (set EVIDENCE_CONFORMANCE_DATA)")
    return folder


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of a suite's index.json, each with at least `case`, `files`, `expect`."""
    loaded: list[dict[str, Any]] = json.loads((suite(name) / "index.json").read_text())["cases"]
    return loaded


def show_table(capsys: pytest.CaptureFixture[str], title: str, lines: Iterable[str]) -> None:
    """A suite's table, past pytest's capture: its title, and below it what has to be read."""
    with capsys.disabled():
        print("", title, *(f"  {line}" for line in lines), sep="\n")  # noqa: T201  the suite's table
