from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evidence_api.domain.decisions import roi_estimate
from evidence_api.domain.errors import Malformed
from tests.support.decision_examples import example, reperformed

AMOUNTS = st.dictionaries(st.text("abc", min_size=1, max_size=4), st.floats(-1e9, 1e9), max_size=6)


@given(AMOUNTS, AMOUNTS)
def test_our_own_statements_agree(value: dict[str, float], cost: dict[str, float]) -> None:
    assume(sum(cost.values()) > 1)
    assert reperformed("roi-estimate", roi_estimate.statement(value, cost)).status == "AGREES"


@pytest.mark.parametrize(
    ("value", "cost", "expected"),
    [
        ({"a": 100, "b": 20}, {"c": 20}, 5.0),
        ({}, {"c": 4}, -1.0),
        ({"loss": -6}, {"c": 2, "d": 1}, -3.0),
        ({"a": 3}, {"c": 5, "refund": -2}, 0.0),
        ({"a": 0.3}, {"c": 0.1, "d": 0.2}, 0.0),
    ],
)
def test_by_hand(value: dict[str, float], cost: dict[str, float], expected: float) -> None:
    assert roi_estimate.roi(value, cost) == expected


def test_figures_are_added_as_they_are_written() -> None:
    """In doubles, 0.1 + 0.2 - 0.3 is 5.6e-17, and the return on it would be enormous."""
    made = {**example("roi-estimate"), "cost": {"a": 0.1, "b": 0.2, "refund": -0.3}}
    with pytest.raises(Malformed) as refused:
        reperformed("roi-estimate", made)
    assert (refused.value.code, refused.value.fields["path"]) == ("out_of_domain", "cost")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"cost": {}}, "cost"),
        ({"cost": {"a": 0}}, "cost"),
        ({"cost": {"a": -1}}, "cost"),
        ({"cost": {"a": 5e-324}, "value": {"a": 1e30}}, "cost"),
        ({"cost": {"a": float("nan")}}, "cost.a"),
        ({"cost": {"a": 1e308}}, "cost.a"),
        ({"value": {"a": float("-inf")}}, "value.a"),
        ({"value": {"a": True}}, "value.a"),
        ({"value": {"a": "1"}}, "value.a"),
        ({"value": {"a": {"b": 1}}}, "value.a"),
        ({"value": [1]}, "value"),
        ({"value": {"": 1}}, "value."),
        ({"value": {str(n): 1 for n in range(10_001)}}, "value"),
        ({"roi": None}, "roi"),
        ({"roi": float("inf")}, "roi"),
    ],
)
def test_what_is_out_of_domain(change: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        reperformed("roi-estimate", {**example("roi-estimate"), **change})
    assert refused.value.fields["path"] == path


def test_what_a_control_may_ask_and_what_is_told() -> None:
    result = reperformed("roi-estimate", roi_estimate.statement({"a": 40}, {"b": 10}))
    assert {name: result.facts[name] for name in ("roi", "value", "cost")} == {"roi": 3, "value": 40, "cost": 10}
    assert result.reason == "40 gained for 10 spent: a return of 300.0%"


def test_another_claim_is_one_difference() -> None:
    made = {**roi_estimate.statement({"a": 40}, {"b": 10}), "roi": 3.00001}
    result = reperformed("roi-estimate", made)
    assert [(one.path, one.recomputed) for one in result.differences] == [("roi", 3.0)]
