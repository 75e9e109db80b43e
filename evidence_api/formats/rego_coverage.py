"""Rego coverage: what the tests of a folder reached, line by line, and which denial rules they made fire.

The engine says of each evaluation which lines it reached; a rule's head is reached when its body held. So a denial has
fired when the line of its head was reached, which wants the body on lines of its own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evidence_api.formats.policy_bundle import decides

# The head of a denial: denials contains {"rule": "area.name", …
_DENIAL = re.compile(r'^denials\s+contains\s+\{\s*"rule":\s*"([^"]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FileCoverage:
    """One module: its lines that can be reached and were, and those that were not, in order."""

    file: str
    covered: tuple[int, ...]
    not_covered: tuple[int, ...]

    @property
    def percent(self) -> float:
        """Of the lines that can be reached, 0 to 100."""
        return _percent(len(self.covered), len(self.covered) + len(self.not_covered))


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """One denial rule id of one module: the line of its first head, and whether a test made it fire."""

    rule: str
    file: str
    line: int
    fired: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """All modules that decide, tests and invariants left out."""

    files: tuple[FileCoverage, ...]
    rules: tuple[RuleCoverage, ...]

    @property
    def percent(self) -> float:
        """Of all lines that can be reached, 0 to 100."""
        covered = sum(len(file.covered) for file in self.files)
        return _percent(covered, covered + sum(len(file.not_covered) for file in self.files))

    @property
    def never_fired(self) -> tuple[RuleCoverage, ...]:
        """The rules no test made fire."""
        return tuple(rule for rule in self.rules if not rule.fired)


@dataclass
class Reached:
    """The lines reached so far, gathered from one report after another."""

    covered: dict[str, set[int]] = field(default_factory=dict)
    seen: dict[str, set[int]] = field(default_factory=dict)

    def add(self, files: Mapping[str, Mapping[str, Sequence[int]]]) -> None:
        """One evaluation's report: file -> {"covered", "not_covered"}."""
        for file, lines in files.items():
            self.covered.setdefault(file, set()).update(lines["covered"])
            self.seen.setdefault(file, set()).update(lines["covered"], lines["not_covered"])


def coverage(modules: Mapping[str, str], reached: Reached) -> Coverage:
    """What was reached of the modules (file -> text). A module no test touched counts by its rules alone."""
    files = []
    rules: list[RuleCoverage] = []
    for file in sorted(filter(decides, modules)):
        heads = list(_heads(modules[file]))
        covered = reached.covered.get(file, set())
        lines = reached.seen.get(file) or {line for _, line in heads} or {1}
        files.append(FileCoverage(file, tuple(sorted(covered)), tuple(sorted(lines - covered))))
        for rule in dict.fromkeys(rule for rule, _ in heads):
            at = [line for name, line in heads if name == rule]
            rules.append(RuleCoverage(rule, file, at[0], not covered.isdisjoint(at)))
    return Coverage(tuple(files), tuple(rules))


def shown(found: Coverage) -> dict[str, Any]:
    """As JSON."""
    return {
        "percent": round(found.percent, 2),
        "files": [
            {"file": one.file, "percent": round(one.percent, 2), "lines": len(one.covered) + len(one.not_covered),
             "not_covered": one.not_covered}
            for one in found.files
        ],
        "rules": [{"rule": one.rule, "file": one.file, "line": one.line, "fired": one.fired} for one in found.rules],
    }  # fmt: skip


def _heads(text: str) -> Iterable[tuple[str, int]]:
    for match in _DENIAL.finditer(text):
        yield match[1], text.count("\n", 0, match.start()) + 1


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 100.0
