"""Runs `evidence-api inspect --json` in this process, and tabulates what it said against what was expected."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from typer.testing import CliRunner

from evidence_api.cli.inspect import app

_EXIT = {"verified": 0, "loaded": 0, "failed": 1, "unsupported": 2, "unsigned": 2}


def inspect(file: Path, *options: str) -> dict[str, Any]:
    """The JSON answer; its exit code must be the one its status promises."""
    result = CliRunner().invoke(app, [str(file), *options, "--json"])
    answer: dict[str, Any] = orjson.loads(result.stdout)
    assert result.exit_code == _EXIT[answer["status"]], (answer, result.exit_code)
    return answer


@dataclass
class Table:
    """Counts right, wrong and skipped (unsupported where the suite's notes allow it), and lists what is not right."""

    name: str
    right: int = 0
    wrong: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def add(self, case: str, expected: str, answer: dict[str, Any], *, skippable: bool = False) -> None:
        """One case: accept means verified (or loaded), anything else means not."""
        accepted = answer["status"] in {"verified", "loaded"}
        line = f"{case}: expected {expected}, got {answer['status']} ({answer['code']}: {answer['message'][:100]})"
        if accepted == (expected == "accept"):
            self.right += 1
        elif skippable and answer["status"] == "unsupported":
            self.skipped.append(line)
        else:
            self.wrong.append(line)

    def show(self, write: Callable[[str], object]) -> None:
        write(f"\n{self.name}: right {self.right}, wrong {len(self.wrong)}, skipped {len(self.skipped)}")
        for line in (*self.wrong, *self.skipped):
            write(f"  {line}")
