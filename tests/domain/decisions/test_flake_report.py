from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions import flake_report
from evidence_api.domain.decisions.flake_report import Attempt
from evidence_api.domain.errors import Malformed
from tests.support.decision_examples import example, reperformed

ATTEMPTS: st.SearchStrategy[list[Attempt]] = st.lists(st.sampled_from(["pass", "fail", "skip"]), max_size=4)


@given(st.lists(st.tuples(st.sampled_from("abcdeé"), ATTEMPTS), max_size=10))
def test_our_own_statements_agree(runs: list[tuple[str, list[Attempt]]]) -> None:
    made = flake_report.statement(runs)
    result = reperformed("flake-report", made)
    assert result.status == "AGREES"
    assert made["flaky"] == sorted(set(made["flaky"]))
    assert 0 <= made["flakeRate"] <= 1


@pytest.mark.parametrize(
    ("runs", "flaky", "rate"),
    [
        ([], [], 0.0),
        ([("a", [])], [], 0.0),
        ([("b", ["pass", "fail"]), ("a", ["fail", "fail", "pass"])], ["a", "b"], 1.0),
        ([("a", ["fail", "skip"]), ("b", ["pass", "skip"]), ("c", ["skip"])], [], 0.0),
        ([("a", ["fail"]), ("b", ["pass"]), ("a", ["pass"]), ("b", ["pass"])], ["a"], 0.5),
        ([("a", ["fail", "pass"]), ("b", ["pass"]), ("c", ["skip"]), ("d", [])], ["a"], 0.25),
        ([("a", ["pass", "fail"]), ("B", ["pass", "fail"])], ["B", "a"], 1.0),
    ],
)
def test_by_hand(runs: list[tuple[str, list[Attempt]]], flaky: list[str], rate: float) -> None:
    made = flake_report.statement(runs)
    assert (made["flaky"], made["flakeRate"]) == (flaky, rate)
    assert reperformed("flake-report", made).status == "AGREES"


def test_a_test_left_out_is_one_difference_of_the_list() -> None:
    made = flake_report.statement([("a", ["pass", "fail"]), ("b", ["fail", "pass"])])
    result = reperformed("flake-report", {**made, "flaky": ["b"]})
    assert [(one.path, one.recomputed) for one in result.differences] == [("flaky", ["a", "b"])]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"runs": [{"test": "a", "attempts": ["passed"]}]}, "runs.0.attempts.0"),
        ({"runs": [{"test": "a", "attempts": [True]}]}, "runs.0.attempts.0"),
        ({"runs": [{"test": "a", "attempts": "pass"}]}, "runs.0.attempts"),
        ({"runs": [{"test": "", "attempts": []}]}, "runs.0.test"),
        ({"runs": [{"test": "a", "attempts": ["pass"] * 10_001}]}, "runs.0.attempts"),
        ({"runs": [{"test": "a", "attempts": []}] * 10_001}, "runs"),
        ({"flaky": None}, "flaky"),
        ({"flakeRate": float("nan")}, "flakeRate"),
    ],
)
def test_what_is_out_of_domain(change: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        reperformed("flake-report", {**example("flake-report"), **change})
    assert refused.value.fields["path"] == path


def test_what_a_control_may_ask_and_what_is_told() -> None:
    names = [f"t{n}" for n in range(7)]
    result = reperformed("flake-report", flake_report.statement([(name, ["pass", "fail"]) for name in names]))
    asked = {name: fact for name, fact in result.facts.items() if name in flake_report.KIND.facts}
    assert asked == {"tests": 7, "attempts": 14, "flaky": tuple(names), "flaky_tests": 7, "flake_rate": 1.0}
    assert result.reason == "7 of 7 tests both passed and failed (100.0%): t0, t1, t2, t3, t4 and 2 more"
    none = reperformed("flake-report", flake_report.statement([("a", ["pass"])]))
    assert none.facts["flaky"] == ()
    assert none.reason == "none of 1 test both passed and failed"
