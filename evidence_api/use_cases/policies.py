"""Policies: a folder of Rego becomes a checked bundle, and its tests are run, rule by rule."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from evidence_api.domain.errors import EvidenceError, InvalidSource, SourceFault
from evidence_api.engines.files import read_texts
from evidence_api.engines.rego import PolicyBundle, RegoPool
from evidence_api.formats.policy_bundle import MODULE_SUFFIX, TEST_SUFFIX, bundle_from_files
from evidence_api.formats.rego_coverage import Coverage, Reached, coverage
from evidence_api.formats.rego_source import TestRule, test_rules

_SUFFIXES = (MODULE_SUFFIX, ".yaml", ".json")
_TEST_TIMEOUT = 5.0


def read_policy(folder: Path) -> dict[str, str]:
    """Relative path (with /) -> text of every module, test and data file below a folder. Raises InvalidSource."""
    return read_texts(folder, _SUFFIXES)


async def load_policy(rego: RegoPool, folder: Path) -> PolicyBundle:
    """The folder's bundle, without its tests, checked by the engine. Raises InvalidSource with every fault."""
    bundle = bundle_from_files(read_policy(folder))
    await rego.check(bundle)
    return bundle


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test rule that was run. `because` says why it did not pass."""

    __test__ = False  # the name is the field's; pytest shall not collect it

    rule: TestRule
    passed: bool
    because: str


async def run_policy_tests(rego: RegoPool, files: Mapping[str, str]) -> Sequence[TestResult]:
    """Run every `test_` rule of every *_test.rego; the input is what each test gives itself.

    Raises InvalidSource when the folder does not load with its tests, or has none: no tests is no pass.
    """
    bundle, rules = await _tests_of(rego, files)
    return await asyncio.gather(*(_run(rego, bundle, rule) for rule in rules))


async def cover_policy_tests(rego: RegoPool, files: Mapping[str, str]) -> tuple[Sequence[TestResult], Coverage]:
    """The same, and what the tests reached. Takes about twice as long. Raises InvalidSource."""
    bundle, rules = await _tests_of(rego, files)
    reached = Reached()
    results = await asyncio.gather(*(_cover(rego, bundle, rule, reached) for rule in rules))
    return results, coverage(bundle.modules, reached)


async def _tests_of(rego: RegoPool, files: Mapping[str, str]) -> tuple[PolicyBundle, list[TestRule]]:
    bundle = bundle_from_files(files, tests=True)
    await rego.check(bundle)
    rules = [rule for file in sorted(files) if file.endswith(TEST_SUFFIX) for rule in test_rules(file, files[file])]
    if not rules:
        raise InvalidSource([SourceFault("policy", 1, 1, "no_tests", f"no test_ rule in any *{TEST_SUFFIX}")])
    return bundle, rules


async def _run(rego: RegoPool, bundle: PolicyBundle, rule: TestRule) -> TestResult:
    try:
        value = await rego.evaluate(bundle, rule.path, b"", timeout=_TEST_TIMEOUT)
    except EvidenceError as fault:
        return TestResult(rule, passed=False, because=fault.message)
    because = "" if value == b"true" else "undefined" if value is None else f"gave {value[:80].decode()}"
    return TestResult(rule, passed=value == b"true", because=because)


async def _cover(rego: RegoPool, bundle: PolicyBundle, rule: TestRule, reached: Reached) -> TestResult:
    """A test that does not hold reaches what it reaches, and is told about as without coverage."""
    try:
        report = orjson.loads(await rego.cover(bundle, rule.path, timeout=_TEST_TIMEOUT))
    except EvidenceError as fault:
        return TestResult(rule, passed=False, because=fault.message)
    reached.add(report["files"])
    return TestResult(rule, passed=True, because="") if report["value"] is True else await _run(rego, bundle, rule)
