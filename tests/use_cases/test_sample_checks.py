"""Checks that really run: what they said is what is recorded, however they ended."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from evidence_api.use_cases.sample_checks import Command, commands, run_checks

AT = datetime(2026, 5, 4, tzinfo=UTC)


class Stopped:
    """A clock that stands still."""

    def now(self) -> datetime:
        return AT


def python(name: str, program: str) -> Command:
    return Command(name, (sys.executable, "-c", program))


async def test_a_check_is_what_its_exit_code_says(tmp_path: Path) -> None:
    asked = [python("good", "pass"), python("bad", "raise SystemExit(1)")]
    good, bad = await run_checks(asked, tmp_path, Stopped())
    assert (good.passed, good.passed_parts, good.failed_parts) == (True, ("good",), ())
    assert (bad.passed, bad.passed_parts, bad.failed_parts) == (False, (), ("bad",))
    assert good.finished == AT


async def test_a_program_that_is_not_there_has_failed(tmp_path: Path) -> None:
    (check,) = await run_checks([Command("gone", ("no-such-program",))], tmp_path, Stopped())
    assert not check.passed


async def test_policy_tests_are_counted_by_name(tmp_path: Path) -> None:
    told = '{"tests": [{"rule": "a", "passed": true}, {"rule": "b", "passed": false}]}'
    reads = next(one.parts for one in commands(tmp_path, tmp_path, tmp_path) if one.name == "policy-test")
    line = (sys.executable, "-c", f"print('{told}'); raise SystemExit(1)")
    (check,) = await run_checks([Command("policy-test", line, reads)], tmp_path, Stopped())
    assert (check.passed, check.passed_parts, check.failed_parts) == (False, ("a",), ("b",))


async def test_a_check_that_dies_before_it_speaks_stands_for_its_parts(tmp_path: Path) -> None:
    reads = next(one.parts for one in commands(tmp_path, tmp_path, tmp_path) if one.name == "policy-test")
    line = (sys.executable, "-c", "raise SystemExit(3)")
    (check,) = await run_checks([Command("policy-test", line, reads)], tmp_path, Stopped())
    assert check.failed_parts == ("policy-test",)


def test_an_installed_package_is_not_linted(tmp_path: Path) -> None:
    names = [one.name for one in commands(tmp_path / "evidence_api", tmp_path, tmp_path)]
    assert names == ["compile", "policy-test", "catalog-check"]
