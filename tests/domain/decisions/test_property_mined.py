"""Mined bounds: against the binomial summed in fractions, ties with the confidence, the miner, and refusals."""

from fractions import Fraction
from math import comb
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.exact import exact
from evidence_api.domain.decisions.property_mined import (
    KIND,
    PropertyMiner,
    statement,
    tolerance_bound,
    tolerance_rank,
)
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.errors import Malformed

SAID = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}
SAMPLES = [float(n) for n in range(1, 101)]


def predicate(**changed: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    return {**SAID, **statement("retry_jitter_ms", SAMPLES, 0.9, 0.95), **changed}


def least_rank(count: int, quantile: float, confidence: float) -> int | None:
    """The definition, summed."""
    q, total = exact(quantile), Fraction(0)
    for r in range(1, count + 1):
        total += comb(count, r - 1) * q ** (r - 1) * (1 - q) ** (count - r + 1)
        if total >= exact(confidence):
            return r
    return None


@given(st.integers(0, 60), st.integers(1, 99), st.integers(1, 99))
def test_the_rank_is_the_least_that_is_confident_enough(count: int, quantile: int, confidence: int) -> None:
    q, c = quantile / 100, confidence / 100
    assert tolerance_rank(count, q, c) == least_rank(count, q, c)


@pytest.mark.parametrize(
    ("count", "quantile", "confidence", "rank"),
    [
        (1, 0.5, 0.5, 1),  # 1 - 0.5 is the confidence exactly
        (2, 0.5, 0.25, 1),
        (2, 0.5, 0.75, 2),
        (2, 0.1, 0.99, 2),  # 1 - 0.1^2 in decimals; less than 0.99 in doubles
        (3, 0.1, 0.999, 3),
        (10, 0.5, 1 - 2**-10, 10),
        (10, 0.5, 2**-10, 1),
        (1, 0.2, 0.8, 1),
        (2, 0.5, 0.7500001, None),
        (0, 0.5, 0.5, None),
        (299, 0.99, 0.95, 299),
        (298, 0.99, 0.95, None),
        (10_000, 0.99, 0.95, 9917),
        (1, 1e-9, 1 - 1e-8, 1),
        (1, 1e-9, 1 - 1e-10, None),
        (60, 0.5, 1 - 2**-53, 59),
        (60, 0.5, 1e-300, 1),
    ],
)
def test_ranks_by_hand(count: int, quantile: float, confidence: float, rank: int | None) -> None:
    assert tolerance_rank(count, quantile, confidence) == rank


@given(st.lists(st.floats(-1e30, 1e30), max_size=80), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_what_is_stated_agrees(samples: list[float], quantile: float, confidence: float) -> None:
    found = KIND.reperform({**SAID, **statement("m", samples, quantile, confidence)})
    assert found.status is Status.AGREES
    assert found.derived["bound"] == tolerance_bound(samples[::-1], quantile, confidence)  # in any order


def test_differences() -> None:
    assert predicate()["bound"] == 96
    for claimed in (95, None, 96.001):
        assert [one.path for one in KIND.reperform(predicate(bound=claimed)).differences] == ["bound"]
    none = predicate(samples=SAMPLES[:5])
    assert [(one.path, one.recomputed) for one in KIND.reperform(none).differences] == [("bound", None)]
    assert KIND.reperform({**none, "bound": None}).status is Status.AGREES
    assert KIND.reperform(predicate(samples=[], bound=None)).status is Status.AGREES


def test_facts_and_sentences() -> None:
    found = KIND.reperform(predicate())
    assert (found.facts["metric"], found.facts["samples"], found.facts["bound"]) == ("retry_jitter_ms", 100, 96)
    assert (found.facts["quantile"], found.facts["confidence"], found.facts["bounded"]) == (0.9, 0.95, True)
    assert found.reason == "100 samples bound retry_jitter_ms by 96 in 90 % of cases with 95 % confidence"
    none = KIND.reperform(predicate(samples=SAMPLES[:5], bound=None))
    assert (none.facts["bounded"], none.facts.get("bound")) == (False, None)
    assert none.reason == ("5 samples are too few to bound retry_jitter_ms in 90 % of cases with 95 % confidence")
    assert KIND.series(KIND.read(predicate())) != KIND.series(KIND.read(predicate(quantile=0.8)))


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"quantile": 0}, "quantile"),
        ({"quantile": 1.0}, "quantile"),
        ({"confidence": 1.0}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
        ({"samples": [1.0, float("inf")]}, "samples.1"),
        ({"samples": [1e308]}, "samples.0"),
        ({"samples": ["1"]}, "samples.0"),
        ({"samples": [1.0] * 10_001}, "samples"),
        ({"bound": float("nan")}, "bound"),
        ({"metric": 7}, "metric"),
    ],
)
def test_refused_with_its_path(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        KIND.reperform(predicate(**changed))
    assert refused.value.fields["path"] == path


def test_a_miner_makes_a_guard_of_its_bound() -> None:
    miner = PropertyMiner("retry_jitter_ms", quantile=0.99, confidence=0.95)
    for value in range(299):
        miner.observe(value)
    assert KIND.reperform({**SAID, **miner.statement()}).derived["bound"] == miner.bound() == 298
    within = miner.guard(lambda _, *, live: live)

    @within
    def jitter(value: float, *, live: bool) -> float:
        return value + live - live

    assert [jitter(value, live=live) for value, live in ((298, True), (299, True), (999, False))] == [298, 299, 999]
    made = within.statement()
    assert (made["guard"], made["allowedBreachRate"], made["checks"], made["breaches"]) == (
        "retry_jitter_ms",
        0.01,
        2,
        1,
    )


def test_a_miner_with_too_few_samples_makes_none() -> None:
    miner = PropertyMiner("m", quantile=0.99, confidence=0.95)
    miner.observe(1)
    assert miner.bound() is None
    with pytest.raises(Malformed) as refused:
        miner.guard()
    assert refused.value.fields["path"] == "samples"


def test_a_miner_keeps_the_latest_and_refuses_what_is_no_number() -> None:
    miner = PropertyMiner("m", quantile=0.5, confidence=0.5)
    for value in (float("nan"), float("inf"), 1e308):
        with pytest.raises(Malformed):
            miner.observe(value)
    for value in range(10_500):
        miner.observe(value)
    kept = miner.statement()["samples"]
    assert (len(kept), kept[0], kept[-1]) == (10_000, 500, 10_499)
