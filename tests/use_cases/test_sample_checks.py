"""Checks that really run: what they said is what is recorded, however they ended."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson

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


async def test_areas_with_a_bypass_are_named(tmp_path: Path) -> None:
    told = '{"areas": [{"area": "a", "findings": []}, {"area": "b", "findings": [{"input": {}}]}]}'
    reads = next(one.parts for one in commands(tmp_path, tmp_path, tmp_path) if one.name == "policy-fuzz")
    line = (sys.executable, "-c", f"print({told!r}); raise SystemExit(1)")
    (check,) = await run_checks([Command("policy-fuzz", line, reads)], tmp_path, Stopped())
    assert (check.passed, check.passed_parts, check.failed_parts) == (False, ("a",), ("b",))


async def test_a_check_that_dies_before_it_speaks_stands_for_its_parts(tmp_path: Path) -> None:
    reads = next(one.parts for one in commands(tmp_path, tmp_path, tmp_path) if one.name == "policy-test")
    line = (sys.executable, "-c", "raise SystemExit(3)")
    (check,) = await run_checks([Command("policy-test", line, reads)], tmp_path, Stopped())
    assert check.failed_parts == ("policy-test",)


def test_an_installed_package_is_not_linted(tmp_path: Path) -> None:
    names = [one.name for one in commands(tmp_path / "evidence_api", tmp_path, tmp_path)]
    assert names == ["compile", "policy-test", "policy-fuzz", "catalog-check", "secret-scan"]


async def test_a_sarif_log_is_kept_without_the_place_it_was_made_in(tmp_path: Path) -> None:
    log = orjson.dumps({"runs": [{"results": [{"uri": (tmp_path / "a.py").as_uri()}]}]}).decode()
    line = (sys.executable, "-c", f"print({log!r}); raise SystemExit(1)")
    (check,) = await run_checks([Command("lint", line, sarif=True)], tmp_path, Stopped())
    assert (check.passed, check.report) == (False, {"runs": [{"results": [{"uri": "a.py"}]}]})
    (silent,) = await run_checks([Command("lint", (sys.executable, "-c", "pass"), sarif=True)], tmp_path, Stopped())
    assert (silent.passed, silent.report) == (True, None)


async def test_of_the_files_looked_through_only_those_with_findings_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("nothing")
    (tmp_path / "b.zip").write_bytes(b"no text")
    scan = next(one for one in commands(tmp_path, tmp_path, tmp_path) if one.name == "secret-scan")
    assert [Path(one).name for one in scan.line if one.startswith(str(tmp_path / "a"))] == ["a.md"]
    assert not any(one.endswith("b.zip") for one in scan.line)
    told = '{"files": [{"file": "x/a.md", "may_leave": true}, {"file": "x/b.md", "may_leave": false}]}'
    line = (sys.executable, "-c", f"print({told!r}); raise SystemExit(1)")
    (check,) = await run_checks([Command("secret-scan", line, scan.parts, also=scan.also)], tmp_path, Stopped())
    assert (check.passed_parts, check.failed_parts) == (("1 files without findings",), ("b.md",))
    assert check.also == ("pii-scan",)
