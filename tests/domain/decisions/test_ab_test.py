"""Welch's interval: by hand and from tables, with arms that never vary, at the ends of the domain, and refusals."""

from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.ab_test import KIND, Arm, statement, welch
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.errors import Malformed

SAID = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}
REALS = st.floats(min_value=-1e30, max_value=1e30)
ARMS = st.builds(Arm, st.integers(2, 2**53 - 1), REALS, st.floats(min_value=0, max_value=1e30))
T2 = 0.95 * sqrt(2 / (1 - 0.95**2))  # Student's t of two degrees of freedom has this closed form
A, B = Arm(100, 0.90, 0.05), Arm(100, 0.93, 0.05)


def predicate(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {**SAID, **statement("evalScore", A, B), **changed}


def arm(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {"n": 10, "mean": 0.5, "sd": 0.1, **changed}


@given(ARMS, ARMS)
def test_what_is_stated_agrees(a: Arm, b: Arm) -> None:
    found = KIND.reperform({**SAID, **statement("evalScore", a, b)})
    lower, upper = found.derived["interval95"]
    assert found.status is Status.AGREES
    assert lower <= found.derived["lift"] <= upper
    assert found.derived["adopt"] == (lower > 0)


def test_equal_arms_have_the_freedom_of_both() -> None:
    found = welch(Arm(2, 10.0, 0.2), Arm(2, 13.0, 0.2))
    assert found.interval == pytest.approx((3 - T2 * 0.2, 3 + T2 * 0.2), rel=1e-12)
    assert found.adopt is True


def test_one_arm_without_spread_leaves_the_freedom_of_the_other() -> None:
    found = welch(Arm(10_000, 10.0, 0.0), Arm(3, 13.0, 2.0))
    reach = T2 * 2 / sqrt(3)
    assert found.interval == pytest.approx((3 - reach, 3 + reach), rel=1e-12)


def test_satterthwaite_by_hand() -> None:
    a, b = 4.0 / 8, 9.0 / 5  # squared errors of sd 2, n 8 and sd 3, n 5
    freedom = (a + b) ** 2 / (a**2 / 7 + b**2 / 4)
    assert freedom == pytest.approx(6.256, abs=1e-3)
    found = welch(Arm(8, 0.0, 2.0), Arm(5, 0.0, 3.0))
    t = found.interval[1] / sqrt(a + b)
    assert 2.3646 < t < 2.4469  # between those of 7 and 6 degrees


@pytest.mark.parametrize(("lift", "adopt"), [(0.5, True), (0.0, False), (-0.5, False)])
def test_arms_that_never_vary_have_no_error(lift: float, adopt: bool) -> None:  # noqa: FBT001  a parameter of pytest
    assert welch(Arm(2, 1.0, 0.0), Arm(2, 1.0 + lift, 0.0)) == (lift, (lift, lift), adopt)


def test_an_interval_that_touches_zero_adopts_nothing() -> None:
    reach = welch(Arm(6, 0.0, 2.0), Arm(6, 0.0, 2.0)).interval[1]
    assert welch(Arm(6, 0.0, 2.0), Arm(6, reach, 2.0)).interval[0] == 0
    assert welch(Arm(6, 0.0, 2.0), Arm(6, reach, 2.0)).adopt is False
    assert welch(Arm(6, 0.0, 2.0), Arm(6, reach * 1.001, 2.0)).adopt is True


@pytest.mark.parametrize("sd", [1e-300, 1e-200, 1e-170, 1e30])
def test_no_spread_is_too_small_or_too_large_to_square(sd: float) -> None:
    lower, upper = welch(Arm(2, 0.0, sd), Arm(2, 0.0, sd)).interval
    assert -upper == lower <= 0
    assert upper == pytest.approx(T2 * sd, rel=1e-9)


def test_differences() -> None:
    for changed, path in (
        ({"lift": 0.04}, "lift"),
        ({"interval95": [0.0, 0.04394426931196453]}, "interval95"),
        ({"interval95": [0.01605573068803552]}, "interval95"),
        ({"adopt": False}, "adopt"),
    ):
        assert [one.path for one in KIND.reperform(predicate(**changed)).differences] == [path]


def test_facts_and_sentence() -> None:
    found = KIND.reperform(predicate())
    ends = found.facts["lift"], found.facts["lower"], found.facts["upper"]
    assert ends == pytest.approx((0.03, 0.016056, 0.043944), abs=1e-6)
    assert (found.facts["metric"], found.facts["samples"], found.facts["adopt"]) == ("evalScore", 200, True)
    assert found.reason == (
        "evalScore: b is +0.03 against a, 95 % interval 0.01606 to 0.04394 from 100 and 100 samples: adopt"
    )
    assert KIND.series(KIND.read(predicate())) == "evalScore"


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"a": arm(n=1)}, "a.n"),
        ({"b": arm(n=2**53)}, "b.n"),
        ({"b": arm(n=2.5)}, "b.n"),
        ({"a": arm(sd=-0.1)}, "a.sd"),
        ({"a": arm(sd=float("inf"))}, "a.sd"),
        ({"b": arm(mean=1e308)}, "b.mean"),
        ({"b": arm(mean=float("nan"))}, "b.mean"),
        ({"b": {"n": 2, "mean": 1}}, "b.sd"),
        ({"metric": ""}, "metric"),
        ({"interval95": [0.0, float("nan")]}, "interval95.1"),
        ({"adopt": None}, "adopt"),
    ],
)
def test_refused_with_its_path(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        KIND.reperform(predicate(**changed))
    assert refused.value.fields["path"] == path
