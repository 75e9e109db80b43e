from math import sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions import trust_update
from evidence_api.domain.decisions.shape import MAX_COUNT
from evidence_api.domain.decisions.trust_update import Beta, Scalar, brier, ledger_key, posterior, reliability
from evidence_api.domain.errors import Malformed
from tests.support.decision_examples import example, reperformed

WEIGHTS = st.one_of(st.integers(1, 2**53 - 1), st.floats(1e-6, 1e15))
CONTEXTS = st.dictionaries(
    st.text("abcXYZ", min_size=1, max_size=8),
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text("häß ", max_size=8)),
    max_size=4,
)


@given(WEIGHTS, WEIGHTS, CONTEXTS, st.booleans(), st.sampled_from(["clean", "breached", "Clean"]))
def test_our_own_statements_agree(
    a: float,
    b: float,
    context: dict[str, Any],
    met: bool,  # noqa: FBT001  drawn
    speclive: str,
) -> None:
    made = trust_update.statement("arm", context, Beta(a, b), contract_met=met, speclive=speclive)
    result = reperformed("trust-update", made)
    assert result.status == "AGREES"
    assert result.facts["success"] is (met and speclive == "clean")


@pytest.mark.parametrize(
    ("met", "speclive", "after"),
    [(True, "clean", Beta(10, 1)), (True, "breached", Beta(9, 2)), (False, "clean", Beta(9, 2))],
)
def test_one_outcome_is_one_step(met: bool, speclive: str, after: Beta) -> None:  # noqa: FBT001  a case
    made = trust_update.statement("arm", {}, Beta(9, 1), contract_met=met, speclive=speclive)
    assert made["posterior"] == {"a": after.a, "b": after.b}
    assert made["mean"] == after.a / 11


@pytest.mark.parametrize("claimed", [2, 2.0])
def test_a_whole_count_may_be_written_as_a_float(claimed: float) -> None:
    made = example("trust-update")
    assert reperformed("trust-update", {**made, "posterior": {"a": claimed, "b": 1}}).status == "AGREES"


@pytest.mark.parametrize("a", [10**7, 10**15, MAX_COUNT])
def test_one_more_is_seen_at_any_size(a: int) -> None:
    """A million successes: one more is within the tolerance of floats, and must still be counted."""
    made = trust_update.statement("arm", {}, Beta(a, 1), contract_met=True, speclive="clean")
    assert reperformed("trust-update", made).status == "AGREES"
    result = reperformed("trust-update", {**made, "posterior": {"a": a, "b": 1}})
    assert [one.path for one in result.differences] == ["posterior.a"]
    assert result.differences[0].recomputed == a + 1


def test_weights_that_are_not_whole_agree_within_the_tolerance() -> None:
    made = trust_update.statement("arm", {}, Beta(0.1 + 0.2, 1), contract_met=False, speclive="clean")
    assert reperformed("trust-update", {**made, "posterior": {"a": 0.3, "b": 2}}).status == "AGREES"


def test_each_claim_differs_by_itself() -> None:
    made = example("trust-update")
    result = reperformed("trust-update", {**made, "posterior": {"a": 1, "b": 2}, "mean": 0.5})
    assert [one.path for one in result.differences] == ["mean", "posterior.a", "posterior.b"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"prior": {"a": 0, "b": 1}}, "prior.a"),
        ({"prior": {"a": 1, "b": -1}}, "prior.b"),
        ({"prior": {"a": 1, "b": 5e-324}}, "prior.b"),
        ({"prior": {"a": float("nan"), "b": 1}}, "prior.a"),
        ({"prior": {"a": 2**53, "b": 1}}, "prior.a"),
        ({"prior": {"a": "1", "b": 1}}, "prior.a"),
        ({"prior": None}, "prior"),
        ({"outcome": {"contractMet": 1, "speclive": "clean"}}, "outcome.contractMet"),
        ({"outcome": {"contractMet": True, "speclive": ""}}, "outcome.speclive"),
        ({"outcome": {"contractMet": True}}, "outcome.speclive"),
        ({"context": {"tags": ["a"]}}, "context"),
        ({"context": {"big": 2**53}}, "context"),
        ({"context": {"far": float("inf")}}, "context"),
        ({"context": {"": 1}}, "context"),
        ({"context": {"a": "\x00"}}, "context"),
        ({"context": {"a": "x" * 1025}}, "context"),
        ({"context": {str(n): n for n in range(33)}}, "context"),
        ({"context": {f"{n}{'x' * 100}": "y" * 100 for n in range(32)}}, "context"),
        ({"context": "low"}, "context"),
        ({"genesis": "true"}, "genesis"),
        ({"posterior": None}, "posterior"),
        ({"mean": None}, "mean"),
        ({"arm": ""}, "arm"),
    ],
)
def test_what_is_out_of_domain(change: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        reperformed("trust-update", {**example("trust-update"), **change})
    assert refused.value.fields["path"] == path


def test_only_the_server_can_tell() -> None:
    read = trust_update.KIND.read(example("trust-update"))
    assert trust_update.KIND.deferred(read)


def test_one_ledger_has_one_series_however_its_context_is_written() -> None:
    one: dict[str, Scalar] = {"files": 3, "riskBand": "low"}
    other: dict[str, Scalar] = {"riskBand": "low", "files": 3.0}
    assert ledger_key("arm", one) == ledger_key("arm", other)
    assert ledger_key("arm", one) != ledger_key("arm", {"riskBand": "low", "files": "3"})
    assert ledger_key("arm", {"a": True}) != ledger_key("arm", {"a": 1})
    series = [
        trust_update.KIND.series(trust_update.KIND.read({**example("trust-update"), "context": c}))
        for c in (one, other)
    ]
    assert series[0] == series[1]


def test_what_a_control_may_ask_and_what_is_told() -> None:
    result = reperformed(
        "trust-update", trust_update.statement("arm", {}, Beta(8, 1), contract_met=True, speclive="clean")
    )
    low = 0.05 ** (1 / 9)  # the 5th percentile of Beta(9, 1), whose distribution function is x^9
    assert result.facts["mean"] == pytest.approx(0.9)
    assert result.facts["lower"] == pytest.approx(low)
    assert (
        result.reason
        == "arm met its contract with SpecLive clean: trust 0.900 (90% interval 0.717 to 0.994), from 0.889"
    )


def test_beta_by_hand() -> None:
    assert Beta(2, 3).mean == 0.4
    assert Beta(2, 3).sd == pytest.approx(sqrt(0.04))  # ab / ((a+b)^2 (a+b+1)) = 6 / 150
    assert Beta(1, 1).interval(0.5) == pytest.approx((0.25, 0.75))
    assert posterior(Beta(1, 1), success=True) == Beta(2, 1)


@given(st.floats(1e-6, 2**53), st.floats(1e-6, 2**53))
def test_intervals_are_intervals_at_any_size(a: float, b: float) -> None:
    low, high = Beta(a, b).interval()
    assert 0 <= low <= high <= 1
    assert Beta(a, b).sd >= 0


def test_the_score_of_predictions_by_hand() -> None:
    assert brier([]) is None
    assert brier([(1, True), (0, False)]) == 0
    assert brier([(0.8, True), (0.8, False)]) == pytest.approx((0.04 + 0.64) / 2)


def test_every_prediction_stands_in_one_row() -> None:
    table = reliability([(0, False), (0.05, True), (0.1, True), (0.999, True), (1, True)])
    assert [row.count for row in table] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert [row.low for row in table] == [n / 10 for n in range(10)]
    assert table[0].predicted == pytest.approx(0.025)
    assert table[0].observed == 0.5
    assert table[2].predicted is None
    assert table[2].observed is None
