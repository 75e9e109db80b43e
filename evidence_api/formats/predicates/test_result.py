"""in-toto test-result v0.1 -> kind `test_result`. Source: in-toto predicate test-result.md."""

from typing import Any, Literal

from pydantic import Field

from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Several, ThirdParty, count_of, known_facts, read_model
from evidence_api.formats.statement import read_resource


class TestResult(ThirdParty):
    """The predicate. The configuration names which tests ran; the three lists name the tests."""

    __test__ = False  # not a test of ours, whatever its name

    result: Literal["PASSED", "WARNED", "FAILED"]
    configuration: Several[dict[str, Any]] | None = None
    passed: Several[str] | None = Field(default=None, alias="passedTests")
    warned: Several[str] | None = Field(default=None, alias="warnedTests")
    failed: Several[str] | None = Field(default=None, alias="failedTests")


def read_test_result(statement: Statement) -> Normalised:
    """Read a test result. Raises Malformed."""
    predicate = read_model(TestResult, statement.predicate)
    names = None if predicate.configuration is None else _names(predicate.configuration)
    facts = known_facts(
        {
            "result": predicate.result.lower(),
            "configuration": names,
            "passed": count_of(predicate.passed),
            "failed": count_of(predicate.failed),
            "warned": count_of(predicate.warned),
        }
    )
    # Another configuration is another suite: unit tests do not supersede end-to-end tests.
    return Normalised("test_result", facts, series=" ".join(names or ()))


def _names(configuration: tuple[dict[str, Any], ...]) -> tuple[str, ...]:
    """What each resource descriptor is called: its name, URI, or first digest. Raises Malformed."""
    names = set()
    for index, one in enumerate(configuration):
        resource = read_resource(one, f"predicate.configuration.{index}")
        names.add(resource.name or resource.digests[0])
    return tuple(sorted(names))
