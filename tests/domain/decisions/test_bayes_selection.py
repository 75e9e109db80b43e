"""Selection by risk, held against an exhaustive search in exact arithmetic."""

import math
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evidence_api.domain.decisions.bayes_selection import failure_probability, select_by_risk

FEATURES = st.integers(-40, 40).map(lambda one: one / 10)


def risk_of(scores: dict[str, float], left_out: set[str]) -> Fraction:
    passing = Fraction(1)
    for name in left_out:
        passing *= 1 - Fraction(1 / (1 + math.exp(-scores[name])))
    return 1 - passing


@given(st.lists(FEATURES, min_size=1, max_size=7), FEATURES, st.floats(min_value=0.01, max_value=0.99))
def test_no_smaller_set_of_tests_would_do(features: list[float], bias: float, target: float) -> None:
    scores = {f"t{index}": bias + one for index, one in enumerate(features)}
    found = select_by_risk([1.0], bias, {f"t{index}": [one] for index, one in enumerate(features)}, target)
    rest = set(scores) - set(found.selected)
    assert math.isclose(float(risk_of(scores, rest)), found.residual_risk, rel_tol=1e-9, abs_tol=1e-15)
    assume(all(abs(float(risk_of(scores, set(some))) - target) > 1e-9 for some in combinations(scores, len(rest) + 1)))
    assert found.residual_risk <= target + 1e-12
    smaller = combinations(scores, len(rest) + 1)
    assert all(risk_of(scores, set(some)) > target for some in smaller)


def test_the_likeliest_failure_comes_first_and_of_equals_the_lower_id() -> None:
    tests = {"b": [1.0], "c": [2.0], "a": [1.0], "d": [-9.0]}
    assert select_by_risk([1.0], 0.0, tests, 0.0).selected == ("c", "a", "b", "d")


def test_certain_failures_are_equals_and_are_selected() -> None:
    tests = {"z": [900.0], "y": [1000.0], "x": [-1000.0]}
    found = select_by_risk([1.0], 0.0, tests, 0.1)
    assert (found.selected, found.residual_risk) == (("y", "z"), 0.0)


@pytest.mark.parametrize(("target", "left_out"), [(0.49, 0), (0.5, 1), (0.74, 1), (0.75, 2), (0.875, 3), (1.0, 4)])
def test_a_risk_of_exactly_the_target_will_do(target: float, left_out: int) -> None:
    found = select_by_risk([], 0.0, {name: [] for name in "abcd"}, target)
    assert found.selected == tuple("abcd"[: 4 - left_out])
    assert math.isclose(found.residual_risk, 1 - 0.5**left_out)


def test_no_tests_no_risk() -> None:
    found = select_by_risk([1.0], 0.0, {}, 0.0)
    assert (found.selected, found.residual_risk) == ((), 0.0)


def test_probability_of_one_test() -> None:
    assert math.isclose(failure_probability([1.1, 0.7, -0.4], -3.0, [1.113, 2.76, 0.163]), 0.5228, abs_tol=5e-5)


def test_what_counts_is_the_risk_left_out_and_not_that_selected() -> None:
    """One test alone holds 2 % of the risk; stopping there would leave a coin's toss."""
    tests = {f"t{index}": [0.0] for index in range(20)}
    found = select_by_risk([1.0], math.log(0.03 / 0.97), tests, 0.02)
    assert len(found.selected) == 20
