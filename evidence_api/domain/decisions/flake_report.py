"""`flake-report` -> kind `flakes`: which tests both passed and failed on one commit.

A report is about one commit, its statement's subject. A test named in several runs is one test, and its attempts in all
of them count together: a failure in one run and a pass in the next is what a flake looks like. `skip` is neither; a
test that was only skipped is still a test. flakeRate is the share of flaky tests among all, 0 where there are none.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from pydantic import Field

from evidence_api.domain.decisions.listed import counted
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json
from evidence_api.domain.decisions.shape import Claim, Part, Predicate, Rows, Word
from evidence_api.domain.fact_type import FactType

Attempt: TypeAlias = Literal["pass", "fail", "skip"]
_FLAKY = frozenset({"pass", "fail"})
_SHOWN = 5  # names in a sentence


class Run(Part):
    """What came of each attempt at one test, in one run."""

    test: Word
    attempts: Rows[Attempt] = Field(description="What came of each, on one commit")


class FlakeReport(Predicate):
    """The predicate."""

    runs: Rows[Run]
    flaky: Rows[Word] = Field(description="Tests with both a pass and a fail, sorted")
    flake_rate: Claim = Field(description="Flaky tests among all tests, 0 to 1")


def flaky(runs: Iterable[tuple[str, Iterable[str]]]) -> list[str]:
    """The tests with both a pass and a fail, sorted.

    >>> flaky([("a", ["fail", "pass"]), ("b", ["pass"]), ("c", ["fail"]), ("b", ["fail"]), ("d", ["pass", "skip"])])
    ['a', 'b']
    """
    return sorted(test for test, seen in _seen(runs).items() if seen >= _FLAKY)


def flake_rate(runs: Sequence[tuple[str, Iterable[str]]]) -> float:
    """Flaky tests among all tests; 0 without any.

    >>> flake_rate([("a", ["fail", "pass"]), ("b", ["pass"])]), flake_rate([])
    (0.5, 0.0)
    """
    tests = {test for test, _ in runs}
    return len(flaky(runs)) / len(tests) if tests else 0.0


def statement(runs: Iterable[tuple[str, Iterable[Attempt]]]) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`.

    >>> made = statement([("test_login", ["fail", "pass"]), ("test_logout", ["pass"])])
    >>> made["flaky"], made["flakeRate"]
    (['test_login'], 0.5)
    """
    listed = [(test, list(attempts)) for test, attempts in runs]
    return {
        "runs": [{"test": test, "attempts": attempts} for test, attempts in listed],
        "flaky": flaky(listed),
        "flakeRate": flake_rate(listed),
    }


def _seen(runs: Iterable[tuple[str, Iterable[str]]]) -> dict[str, set[str]]:
    seen: dict[str, set[str]] = {}
    for test, attempts in runs:
        seen.setdefault(test, set()).update(attempts)
    return seen


def _runs(predicate: FlakeReport) -> list[tuple[str, Iterable[str]]]:
    return [(run.test, run.attempts) for run in predicate.runs]


def _derive(predicate: FlakeReport, _: Given) -> Derived:
    runs = _runs(predicate)
    return Derived({"flaky": flaky(runs), "flakeRate": flake_rate(runs)})


def _facts(predicate: FlakeReport, derived: Json) -> Mapping[str, Fact | None]:
    found = derived.get("flaky")
    return {
        "tests": len({run.test for run in predicate.runs}),
        "attempts": sum(len(run.attempts) for run in predicate.runs),
        "flaky": None if found is None else tuple(found),
        "flaky_tests": None if found is None else len(found),
        "flake_rate": derived.get("flakeRate"),
    }


def _explain(predicate: FlakeReport, derived: Json) -> str:
    tests, found = counted(len({run.test for run in predicate.runs}), "test"), derived["flaky"]
    if not found:
        return f"none of {tests} both passed and failed"
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    named = f"{', '.join(found[:_SHOWN])}{more}"
    return f"{len(found)} of {tests} both passed and failed ({derived['flakeRate']:.1%}): {named}"


KIND = DecisionKind(
    name="flake-report",
    kind="flakes",
    title="Flaky tests of a commit",
    model=FlakeReport,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "tests": FactType.NUMBER,
        "attempts": FactType.NUMBER,
        "flaky": FactType.WORDS,
        "flaky_tests": FactType.NUMBER,
        "flake_rate": FactType.NUMBER,
    },
)
