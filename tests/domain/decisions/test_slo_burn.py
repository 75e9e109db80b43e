"""Burn rates: by hand, at the threshold exactly, without traffic, and refusals with their path."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.decisions.slo_burn import KIND, burn_rate, statement
from evidence_api.domain.errors import Malformed

SAID = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}
HOUR, MINUTES = (3600, 99_700, 100_000), (300, 9_900, 10_000)
WINDOWS = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(lambda pair: (60, min(pair), max(pair)))


def predicate(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {**SAID, **statement(0.999, [HOUR, MINUTES], 2.0), **changed}


def window(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {"seconds": 60, "good": 1, "total": 2, **changed}


@given(
    st.floats(min_value=0.5, max_value=0.99999),
    st.lists(WINDOWS, min_size=1, max_size=5),
    st.floats(min_value=0, max_value=100),
)
def test_what_is_stated_agrees(target: float, windows: list[tuple[int, int, int]], alert_at: float) -> None:
    found = KIND.reperform({**SAID, **statement(target, windows, alert_at)})
    assert found.status is Status.AGREES
    assert found.derived["alert"] == all(rate >= alert_at for rate in found.derived["burnRates"])


@pytest.mark.parametrize(
    ("good", "total", "target", "rate"),
    [
        (100, 100, 0.9, Fraction(0)),
        (90, 100, 0.9, Fraction(1)),
        (0, 100, 0.75, Fraction(4)),
        (0, 0, 0.9, Fraction(0)),
        (99_800, 100_000, 0.999, Fraction(2)),
    ],
)
def test_rates_by_hand(good: int, total: int, target: float, rate: Fraction) -> None:
    assert burn_rate(good, total, target) == rate


def test_a_rate_that_meets_the_limit_exactly_alerts_where_doubles_would_fall_short() -> None:
    assert (1 - 860 / 1000) / (1 - 0.99) < 14  # what must not decide
    assert statement(0.99, [(60, 860, 1000)], alert_at=14)["alert"] is True
    assert statement(0.99, [(60, 861, 1000)], alert_at=14)["alert"] is False


def test_every_window_must_burn() -> None:
    assert predicate()["alert"] is True
    assert statement(0.999, [HOUR, (300, 0, 0)], 2.0)["alert"] is False
    assert statement(0.999, [HOUR, MINUTES], 3.5)["alert"] is False
    assert statement(0.999, [(60, 0, 0)], 0)["alert"] is True  # nothing burns at 0 or faster


def test_rates_differ_as_a_whole() -> None:
    for claimed in ([3.0, 9.0], [3.0], [3.0, 10.0, 1.0], []):
        assert [one.path for one in KIND.reperform(predicate(burnRates=claimed)).differences] == ["burnRates"]
    assert [one.path for one in KIND.reperform(predicate(alert=False)).differences] == ["alert"]


def test_facts_and_sentence() -> None:
    found = KIND.reperform(predicate(slo="checkout"))
    assert (found.facts["slo"], found.facts["burn_rate"], found.facts["worst_burn_rate"]) == ("checkout", 3.0, 10.0)
    assert (found.facts["alert"], found.facts["target"], found.facts["alert_at"]) == (True, 0.999, 2.0)
    assert found.reason == "checkout burns at 3 over 3600 s, the slowest of 2 windows, against 2: alert"


def test_objectives_do_not_supersede_each_other() -> None:
    changes: list[dict[str, Any]] = [{}, {"slo": "checkout"}, {"sloTarget": 0.99}, {"windows": [window()]}]
    assert len({KIND.series(KIND.read(predicate(**one))) for one in changes}) == len(changes)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"sloTarget": 1.0}, "sloTarget"),
        ({"sloTarget": 0}, "sloTarget"),
        ({"sloTarget": float("nan")}, "sloTarget"),
        ({"windows": []}, "windows"),
        ({"windows": [window()] * 10_001}, "windows"),
        ({"windows": [window(), window(good=3)]}, "windows.1.good"),
        ({"windows": [window(good=-1)]}, "windows.0.good"),
        ({"windows": [window(total=2**53)]}, "windows.0.total"),
        ({"windows": [window(good=0.5)]}, "windows.0.good"),
        ({"windows": [window(seconds=0)]}, "windows.0.seconds"),
        ({"alertAt": -1}, "alertAt"),
        ({"alertAt": 1e308}, "alertAt"),
        ({"burnRates": [float("inf")]}, "burnRates.0"),
        ({"alert": 1}, "alert"),
    ],
)
def test_refused_with_its_path(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        KIND.reperform(predicate(**changed))
    assert refused.value.fields["path"] == path
