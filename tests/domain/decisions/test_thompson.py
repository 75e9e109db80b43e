"""Thompson sampling: posterior and draw by the definition, ties and extremes, and the router that learns by it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc

from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.decisions.router_decision import KIND
from evidence_api.domain.decisions.thompson import Thompson, ThompsonState, choose, reward
from evidence_api.domain.decisions.uniform import uniform
from evidence_api.domain.errors import Malformed
from evidence_api.domain.typed_json import read_typed

SAID = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}
PRICES = {"a0": 0.1, "a1": 0.2}


def arm(name: str, n: float, mean: float, evaluation: float = 0.9) -> dict[str, Any]:
    return {"id": name, "priceUSD": 0.1, "n": n, "meanReward": mean, "meanEval": evaluation}


def inputs(*arms: dict[str, Any], alpha: float = 1.0, beta: float = 1.0) -> ThompsonState:
    document = {"lambda": 0.5, "prior": {"alpha": alpha, "beta": beta}, "seed": "s", "arms": list(arms)}
    return read_typed(ThompsonState, document)


def test_the_posterior_deviation_by_hand() -> None:
    # Beta(1 + 10 x 0.8, 1 + 10 x 0.2) = Beta(9, 3): variance 27 / (144 x 13)
    choice = choose(inputs(arm("a", 10, 0.8, 0.95)), "t")
    assert choice.uncertainty == pytest.approx((27 / (144 * 13)) ** 0.5)
    assert (choice.predicted_eval, choice.predicted_cost) == (0.95, 0.1)


@given(st.text("abc", min_size=1, max_size=6))
def test_the_highest_draw_is_chosen(task: str) -> None:
    """A draw is above another's exactly when its distribution function there is above the other's chance."""
    choice = choose(inputs(arm("a", 10, 0.8), arm("b", 10, 0.5)), task)
    draw_of_a, at = _draw(9, 3, uniform("s", task, "a")), uniform("s", task, "b")
    assert (choice.chosen == "a") == (betainc(6, 6, draw_of_a) >= at)


def _draw(a: float, b: float, at: float) -> float:
    """The inverse by halving, so that the test does not use what it tests."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if betainc(a, b, middle) < at else (low, middle)
    return low


def test_draws_that_are_equal_go_to_the_one_listed_first() -> None:
    certain = [arm(name, 2**53 - 1, 1.0) for name in ("z", "a", "m")]  # all draws are 1
    assert choose(inputs(*certain), "t").chosen == "z"


@given(st.floats(0, 1), st.floats(0, 1e6), st.floats(0, 1e6))
def test_more_seen_of_the_same_means_less_doubt(mean: float, few: float, more: float) -> None:
    before, after = (choose(inputs(arm("a", n, mean)), "t").uncertainty or 0.0 for n in (few, few + more))
    assert after <= before * (1 + 1e-9)


@pytest.mark.parametrize("prior", [(1e-300, 1e-300), (2.0**53 - 1, 1e-3), (0.5, 2.0**53 - 1)])
@pytest.mark.parametrize(("n", "mean"), [(0, 0.0), (2.0**53 - 1, 0.0), (2.0**53 - 1, 1.0), (2.0**53 - 1, 0.5)])
def test_extremes_have_a_draw_or_are_refused(prior: tuple[float, float], n: float, mean: float) -> None:
    choice = choose(inputs(arm("a", n, mean), alpha=prior[0], beta=prior[1]), "t")
    assert choice.uncertainty is not None
    assert 0 <= choice.uncertainty <= 0.5


@pytest.mark.parametrize(("evaluation", "cost", "worth"), [(0.9, 0.4, 0.7), (0.9, 4, 0.0), (1.5, 0, 1.0), (-1, 0, 0.0)])
def test_a_reward_is_kept_within_zero_and_one(evaluation: float, cost: float, worth: float) -> None:
    assert reward(evaluation, cost, 0.5) == pytest.approx(worth)


@given(
    st.lists(st.tuples(st.sampled_from(list(PRICES)), st.floats(-1, 2), st.floats(0, 3)), max_size=20), st.text("ab")
)
@settings(max_examples=50)
def test_what_the_router_states_agrees(seen: list[tuple[str, float, float]], task: str) -> None:
    router = Thompson(PRICES, seed="2026", cost_weight=0.5, prior=(0.5, 2.0))
    for one, evaluation, cost in seen:
        router.update(one, evaluation, cost)
    again = Thompson.from_state(router.state())
    assert again.card(f"t{task}") == router.card(f"t{task}")
    result = KIND.reperform({**SAID, **router.card(f"t{task}")})
    assert result.status is Status.AGREES, result.reason


def test_a_router_keeps_the_means_of_what_it_saw() -> None:
    router = Thompson(PRICES, seed="s", cost_weight=0.5, prior=(3.0, 1.0))
    assert router.state()["arms"][0]["meanEval"] == 0.75
    for evaluation, cost in ((0.8, 0.2), (1.0, 0.4)):
        router.update("a0", evaluation, cost)
    first = router.state()["arms"][0]
    assert (first["n"], first["meanEval"]) == (2, pytest.approx(0.9))
    assert first["meanReward"] == pytest.approx((0.7 + 0.8) / 2)


def test_a_router_refuses_what_no_card_could_hold() -> None:
    for prior, path in (((0.0, 1.0), "prior.alpha"), ((0.0, 0.0), "prior.alpha"), ((1.0, -1.0), "prior.beta")):
        with pytest.raises(Malformed) as refused:
            Thompson(PRICES, seed="s", prior=prior)
        assert refused.value.fields["path"] == path
    router = Thompson(PRICES, seed="s")
    for one, evaluation in (("a9", 1.0), ("a0", float("nan"))):
        with pytest.raises(Malformed):
            router.update(one, evaluation, 1.0)
