"""Breaches of a guard: against the binomial summed in fractions, at its ends, and refusals with their path."""

from fractions import Fraction
from math import comb
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.exact import exact
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.decisions.speclive_result import KIND, p_value, statement
from evidence_api.domain.errors import Malformed

SAID = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}


def predicate(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {**SAID, **statement("retry-jitter", 0.01, 1000, 12, 0.01), **changed}


def tail(rate: float, checks: int, breaches: int) -> Fraction:
    p = exact(rate)
    return sum((comb(checks, k) * p**k * (1 - p) ** (checks - k) for k in range(breaches, checks + 1)), Fraction(0))


@given(st.data())
def test_the_tail_is_the_sum(data: st.DataObject) -> None:
    rate = data.draw(st.integers(0, 1000)) / 1000
    checks = data.draw(st.integers(0, 60))
    breaches = data.draw(st.integers(0, checks))
    assert p_value(rate, checks, breaches) == pytest.approx(float(tail(rate, checks, breaches)), rel=1e-11, abs=1e-300)


@given(st.data())
def test_what_is_stated_agrees(data: st.DataObject) -> None:
    checks = data.draw(st.integers(0, 2**53 - 1))
    breaches = data.draw(st.integers(0, checks))
    rate, alpha = data.draw(st.floats(0, 1)), data.draw(st.floats(1e-6, 0.5))
    found = KIND.reperform({**SAID, **statement("g", rate, checks, breaches, alpha)})
    assert found.status is Status.AGREES
    assert 0 <= found.derived["pValue"] <= 1


@pytest.mark.parametrize(
    ("rate", "checks", "breaches", "chance"),
    [
        (0.01, 0, 0, 1.0),
        (0.01, 1000, 0, 1.0),
        (0.5, 2, 1, 0.75),
        (0.5, 2, 2, 0.25),
        (0.25, 3, 3, 1 / 64),
        (0.0, 10, 0, 1.0),
        (0.0, 10, 1, 0.0),
        (1.0, 10, 10, 1.0),
        (0.01, 10**15, 10**15, 0.0),
    ],
)
def test_tails_by_hand(rate: float, checks: int, breaches: int, chance: float) -> None:
    assert p_value(rate, checks, breaches) == pytest.approx(chance, abs=1e-15)


def test_sustained_only_below_alpha() -> None:
    assert statement("g", 0.5, 2, 2, 0.25)["sustained"] is False  # equal is not below
    assert statement("g", 0.5, 2, 2, 0.26)["sustained"] is True
    assert predicate()["sustained"] is False
    assert statement("retry-jitter", 0.01, 1000, 25, 0.01)["sustained"] is True


def test_differences() -> None:
    assert [one.path for one in KIND.reperform(predicate(sustained=True)).differences] == ["sustained"]
    assert [one.path for one in KIND.reperform(predicate(pValue=0.2)).differences] == ["pValue"]


def test_facts_and_sentence() -> None:
    found = KIND.reperform(predicate())
    assert found.facts["p_value"] == pytest.approx(0.30265, abs=1e-5)
    assert (found.facts["guard"], found.facts["checks"], found.facts["breaches"]) == ("retry-jitter", 1000, 12)
    assert (found.facts["allowed_breach_rate"], found.facts["alpha"]) == (0.01, 0.01)
    assert found.facts["sustained"] is False
    assert found.reason == (
        "retry-jitter failed 12 of 1000 checks where 1 % may fail, p = 0.303 against 0.01: within what is allowed"
    )
    assert KIND.series(KIND.read(predicate())) == "retry-jitter"


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"breaches": 1001}, "breaches"),
        ({"breaches": -1}, "breaches"),
        ({"checks": 2**53}, "checks"),
        ({"checks": 1000.5}, "checks"),
        ({"allowedBreachRate": 1.01}, "allowedBreachRate"),
        ({"allowedBreachRate": float("nan")}, "allowedBreachRate"),
        ({"alpha": 0}, "alpha"),
        ({"alpha": 1.0}, "alpha"),
        ({"guard": ""}, "guard"),
        ({"pValue": float("inf")}, "pValue"),
        ({"pValue": None}, "pValue"),
    ],
)
def test_refused_with_its_path(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        KIND.reperform(predicate(**changed))
    assert refused.value.fields["path"] == path
