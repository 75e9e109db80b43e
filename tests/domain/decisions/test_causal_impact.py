"""Impact: against normal equations solved in fractions, perfect fits, scales, and refusals with their path."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from scipy.special import stdtrit

from evidence_api.domain.decisions.causal_impact import KIND, Series, impact, statement
from evidence_api.domain.decisions.exact import exact
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.errors import Malformed

SAID = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}
DEMAND, QUEUE = [10.0, 12.0, 11.0, 14.0, 13.0, 15.0], [3.0, 1.0, 4.0, 1.0, 5.0, 9.0]
PRE = Series([20.1, 24.0, 21.9, 28.1, 26.0, 29.9], [DEMAND, QUEUE])
POST = Series([27.0, 31.1, 28.9], [[12.0, 14.0, 13.0], [2.0, 6.0, 5.0]])
VALUES = st.floats(min_value=-1e6, max_value=1e6).map(lambda one: round(one, 3))


def predicate(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {**SAID, **statement("latency_ms", PRE, POST), **changed}


def period(y: list[float], *controls: list[float]) -> dict[str, Any]:
    return {"y": y, "controls": list(controls)}


def solve(matrix: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """Gauss and Jordan, in fractions."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(len(rows)):
        pivot = next(k for k in range(i, len(rows)) if rows[k][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k in range(len(rows)):
            if k != i:
                rows[k] = [a - rows[k][i] * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [row[-1] for row in rows]


def dot(one: Sequence[Fraction], two: Sequence[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(one, two, strict=True)), Fraction(0))


def mean(values: Sequence[float]) -> Fraction:
    return sum(map(exact, values), Fraction(0)) / len(values)


def by_the_book(pre: Series, post: Series) -> tuple[float, float]:
    """Effect and half the width of its interval, from X'X, exactly."""
    columns = [[Fraction(1)] * len(pre.y), *([exact(v) for v in control] for control in pre.controls)]
    y = [exact(v) for v in pre.y]
    at = [Fraction(1), *(mean(control) for control in post.controls)]
    gram = [[dot(one, two) for two in columns] for one in columns]
    beta = solve(gram, [dot(one, y) for one in columns])
    left = [y[i] - dot(beta, [column[i] for column in columns]) for i in range(len(y))]
    freedom = len(y) - len(columns)
    residual = dot(left, left) / freedom
    spread = Fraction(1, len(post.y)) + dot(at, solve(gram, at))
    effect = mean(post.y) - dot(at, beta)
    return float(effect), float(stdtrit(float(freedom), 0.975)) * float(residual * spread) ** 0.5


@pytest.mark.parametrize("controls", [0, 1, 2])
def test_it_is_the_regression_of_the_books(controls: int) -> None:
    pre, post = Series(PRE.y, PRE.controls[:controls]), Series(POST.y, POST.controls[:controls])
    found, (effect, reach) = impact(pre, post), by_the_book(pre, post)
    assert found.effect == pytest.approx(effect, rel=1e-11)
    assert found.interval == pytest.approx((effect - reach, effect + reach), rel=1e-11)
    assert found.significant is (controls > 0)


def test_without_controls_it_is_the_predictive_interval_of_a_mean() -> None:
    found = impact(Series([1.0, 3.0], []), Series([10.0], []))  # mean 2, s 1.414, one degree: t = 12.7062
    assert found.effect == pytest.approx(8)
    assert found.interval[1] - 8 == pytest.approx(12.706204736 * (2 * (1 + 0.5)) ** 0.5)
    assert found.significant is False


def drawn(data: st.DataObject, controls: int, points: int) -> Series:
    one = st.lists(VALUES, min_size=points, max_size=points)
    return Series(data.draw(one), data.draw(st.lists(one, min_size=controls, max_size=controls)))


@given(st.data(), st.integers(0, 3), st.integers(6, 12), st.integers(1, 5))
def test_what_is_stated_agrees(data: st.DataObject, controls: int, before: int, after: int) -> None:
    try:
        made = statement("latency_ms", drawn(data, controls, before), drawn(data, controls, after))
    except Malformed:  # controls that hang together; which those are is tested below
        reject()
    assert KIND.reperform({**SAID, **made}).status is Status.AGREES


@pytest.mark.parametrize("unit", [1e-300, 1e-9, 1.0, 1e29])
@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e28])
def test_units_do_not_matter(unit: float, scale: float) -> None:
    pre, post = (
        Series([v * unit for v in one.y], [[v * scale for v in control] for control in one.controls])
        for one in (PRE, POST)
    )
    found, plain = impact(pre, post), impact(PRE, POST)
    assert found.effect / unit == pytest.approx(plain.effect, rel=1e-9)
    assert [end / unit for end in found.interval] == pytest.approx(list(plain.interval), rel=1e-9)


def test_levels_do_not_matter() -> None:
    pre, post = (Series(one.y, [[v + 1e6 for v in control] for control in one.controls]) for one in (PRE, POST))
    assert impact(pre, post).effect == pytest.approx(impact(PRE, POST).effect, rel=1e-7)


@pytest.mark.parametrize(("lift", "significant"), [(0.0, False), (0.5, True), (-0.5, True)])
def test_a_perfect_fit_leaves_no_doubt_and_no_rounding(lift: float, significant: bool) -> None:  # noqa: FBT001  a parameter of pytest
    pre = Series([0.1 + 0.3 * v for v in DEMAND], [DEMAND])
    post = Series([0.1 + 0.3 * v + lift for v in (12.5, 11.7)], [[12.5, 11.7]])
    found = impact(pre, post)
    assert found.effect == pytest.approx(lift, abs=1e-12)
    assert found.interval == (found.effect, found.effect)
    assert found.significant is significant


def test_nothing_but_zeros() -> None:
    assert impact(Series([0.0, 0.0], []), Series([0.0], [])) == (0.0, (0.0, 0.0), False)


def test_the_most_controls_and_points_there_may_be() -> None:
    odd = np.random.default_rng(5)
    before, after = odd.normal(size=(64, 10_000)), odd.normal(size=(64, 100))
    pre, post = (
        Series((one.sum(axis=0) + odd.normal(size=one.shape[1])).tolist(), one.tolist()) for one in (before, after)
    )
    found = impact(pre, post)
    assert abs(found.effect) < 0.5
    assert found.interval[1] - found.interval[0] == pytest.approx(2 * 1.96 / 10, rel=0.1)


def test_differences() -> None:
    ends = predicate()["interval95"]
    for changed, path in (
        ({"effect": 2.9}, "effect"),
        ({"interval95": [ends[0], ends[1] + 1e-3]}, "interval95"),
        ({"significant": False}, "significant"),
    ):
        assert [one.path for one in KIND.reperform(predicate(**changed)).differences] == [path]


def test_facts_and_sentence() -> None:
    found = KIND.reperform(predicate())
    assert (found.facts["metric"], found.facts["controls"], found.facts["points"]) == ("latency_ms", 2, 6)
    assert found.facts["significant"] is True
    effect, reach = by_the_book(PRE, POST)
    assert found.facts["effect"] == pytest.approx(effect)
    ends = [found.facts["lower"], found.facts["upper"]]
    assert ends == pytest.approx([effect - reach, effect + reach])
    assert found.reason == (
        f"latency_ms moved by {effect:+.4g} against what 2 controls predict, "
        f"95 % interval {effect - reach:.4g} to {effect + reach:.4g}: significant"
    )
    alone = KIND.reperform({**SAID, **statement("m", Series([1.0, 3.0], []), Series([2.5], []))})
    assert "what 0 controls predict" in alone.reason
    assert alone.reason.endswith("not significant")
    assert KIND.series(KIND.read(predicate())) == "latency_ms"


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"post": period([1.0], [1.0])}, "post.controls"),
        ({"pre": period(DEMAND, QUEUE, QUEUE[1:])}, "pre.controls.1"),
        ({"post": period([1.0, 2.0], [1.0, 2.0], [1.0])}, "post.controls.1"),
        ({"pre": period(DEMAND[:3], QUEUE[:3], [1.0, 5.0, 2.0])}, "pre.y"),
        ({"pre": period(DEMAND, [7.0] * 6, QUEUE)}, "pre.controls.0"),
        ({"pre": period(DEMAND, [0.0] * 6, QUEUE)}, "pre.controls.0"),
        ({"pre": period(DEMAND, QUEUE, [3 * v - 2 for v in QUEUE])}, "pre.controls.1"),
        ({"pre": period([], QUEUE, DEMAND)}, "pre.y"),
        ({"post": period([], [], [])}, "post.y"),
        ({"pre": period([*DEMAND[:5], float("nan")], QUEUE, DEMAND)}, "pre.y.5"),
        ({"post": period([1.0], [1e308], [1.0])}, "post.controls.0.0"),
        ({"pre": period([1.0] * 70, *([float(v) for v in range(70)] for _ in range(65)))}, "pre.controls"),
        ({"pre": period([1.0] * 10_001)}, "pre.y"),
        ({"pre": {"y": DEMAND}}, "pre.controls"),
        ({"post": period([1e30], [1e30], [1e30]), "pre": period(DEMAND, [v * 1e-300 for v in QUEUE], DEMAND)}, "pre"),
        ({"effect": float("inf")}, "effect"),
        ({"significant": "yes"}, "significant"),
    ],
)
def test_refused_with_its_path(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        KIND.reperform(predicate(**changed))
    assert refused.value.fields["path"] == path
