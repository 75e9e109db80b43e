"""LinUCB: the definition by figures worked out by hand, its bounds and ties, and the router that learns by it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.decisions.linucb import LinUCBInputs, bounds, choose
from evidence_api.domain.decisions.linucb_router import LinUCB
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.decisions.router_decision import KIND
from evidence_api.domain.errors import Malformed
from evidence_api.domain.typed_json import read_typed

SAID = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}
PRICES = {"small": 0.1, "medium": 0.3, "large": 0.7}


def arm(name: str, price: float, mean: float, weight: float = 4.0) -> dict[str, Any]:
    """An arm of one feature: with x = 1, mean is `mean` and sigma is 1 / sqrt(weight)."""
    return {"id": name, "priceUSD": price, "A": [[weight]], "b": [mean * weight]}


def inputs(*arms: dict[str, Any], **changed: Any) -> LinUCBInputs:  # noqa: ANN401  any JSON
    plain = {"alpha": 0.2, "x": [1.0], "arms": list(arms), "safety": {"maxUSD": 1.0, "minEval": 0.1}}
    return read_typed(LinUCBInputs, {**plain, "fallback": "cheapest", **changed})


def picked(*arms: dict[str, Any], **changed: Any) -> str | None:  # noqa: ANN401  any JSON
    read = inputs(*arms, **changed)
    return choose(read, bounds(read, read.x)).chosen


def test_mean_and_width_by_hand() -> None:
    # A^-1 = [[2/3, -1/3], [-1/3, 2/3]], theta = (1/3, 1/3); x.theta = 1, x.A^-1 x = (2/3)(1 + 4 - 2) = 2
    two = {"id": "a", "priceUSD": 0.0, "A": [[2.0, 1.0], [1.0, 2.0]], "b": [1.0, 1.0]}
    read = inputs(two, x=[1.0, 2.0], alpha=0.5)
    found = bounds(read, read.x)
    assert found.mean == pytest.approx([1.0])
    assert found.width == pytest.approx([0.5 * 2**0.5])


def test_the_highest_upper_bound_of_the_safe_wins_not_the_highest_mean() -> None:
    assert picked(arm("known", 0.1, 0.6, 400.0), arm("open", 0.1, 0.55)) == "open"  # 0.61 against 0.65
    assert picked(arm("known", 0.1, 0.6, 400.0), arm("open", 0.1, 0.55), alpha=0.0) == "known"


def test_bounds_are_kept_at_their_exact_values() -> None:
    better = arm("b", 0.5, 0.9)  # lower bound 0.8
    assert picked(arm("a", 0.1, 0.85), better, safety={"maxUSD": 0.5, "minEval": 0.1}) == "b"
    assert picked(arm("a", 0.1, 0.85), better, safety={"maxUSD": 0.4999999, "minEval": 0.1}) == "a"
    assert picked(arm("a", 0.1, 0.85, 400.0), better, safety={"maxUSD": 1.0, "minEval": 0.8}) == "b"
    assert picked(arm("a", 0.1, 0.85, 400.0), better, safety={"maxUSD": 1.0, "minEval": 0.800001}) == "a"


def test_equals_go_to_the_one_listed_first_whatever_stands_between() -> None:
    same = [arm(name, 0.2, 0.7) for name in ("p", "q", "r", "s", "t")]
    assert picked(arm("first", 0.2, 0.1), *same) == "p"
    assert picked(*reversed(same), arm("last", 0.2, 0.1)) == "t"


def test_equal_regressions_summed_in_another_order_are_equal() -> None:
    rows = np.random.default_rng(3).random((50, 4))
    listed = [np.eye(4) + order.T @ order for order in (rows, rows[::-1], rows[::2])]
    arms = [
        {"id": name, "priceUSD": 0.1, "A": gram.tolist(), "b": [1.0] * 4}
        for name, gram in zip(("a", "b", "c"), listed, strict=True)
    ]
    assert picked(*arms[:2], x=[0.3, 0.1, 0.7, 0.2]) == "a"
    assert picked(arms[1], arms[0], x=[0.3, 0.1, 0.7, 0.2]) == "b"


def test_no_safe_arm_takes_the_cheapest_and_says_why() -> None:
    read = inputs(arm("a", 0.3, 0.2), arm("b", 0.2, 0.1), arm("c", 0.2, 0.9), safety={"maxUSD": 0.1, "minEval": 0.5})
    choice = choose(read, bounds(read, read.x))
    assert (choice.chosen, choice.fell_back) == ("b", True)
    assert choice.fallback_reason == "no arm is within $0.10 and sure of an eval of 0.50, so the cheapest was taken"


@pytest.mark.parametrize("fallback", [None, "none"])
def test_no_safe_arm_and_no_fallback_is_no_arm(fallback: str | None) -> None:
    read = inputs(arm("a", 0.3, 0.2), safety={"maxUSD": 0.1, "minEval": 0.5}, fallback=fallback)
    choice = choose(read, bounds(read, read.x))
    assert (choice.chosen, choice.predicted_eval, choice.fell_back) == (None, None, False)
    assert choice.fields()["alternatives"] == ["a"]


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=5), st.floats(0, 3), st.floats(0, 1))
def test_more_doubt_never_makes_an_arm_safer(means: list[float], alpha: float, more: float) -> None:
    arms = [arm(str(index), 0.1, mean) for index, mean in enumerate(means)]
    surer, doubtful = (bounds(read, read.x) for read in (inputs(*arms, alpha=alpha), inputs(*arms, alpha=alpha + more)))
    assert (doubtful.mean - doubtful.width <= surer.mean - surer.width).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(0, 2), st.floats(0, 1), st.floats(-0.5, 0.9))
@settings(max_examples=40, deadline=None)
def test_what_the_router_states_agrees(seed: int, size: int, alpha: float, cap: float, floor: float) -> None:
    rng = np.random.default_rng(seed)
    router = LinUCB(PRICES, dimensions=size, max_usd=cap, min_eval=floor, alpha=alpha, ridge=0.01)
    for _ in range(int(rng.integers(0, 40))):
        router.update(str(rng.choice(list(PRICES))), rng.random(size).tolist(), float(rng.random()))
    card = router.card("pr-1", rng.random(size).tolist())
    result = KIND.reperform({**SAID, **card})
    assert result.status is Status.AGREES, result.reason


def test_the_kept_inverse_does_not_drift_from_the_definition() -> None:
    rng = np.random.default_rng(5)
    router = LinUCB({"only": 0.1}, dimensions=5, max_usd=1, min_eval=-10, alpha=0.5, ridge=0.01)
    for _ in range(1500):
        router.update("only", (rng.random(5) * 100).tolist(), float(rng.random()))
    kept = router.pick([1.0, 2.0, 3.0, 4.0, 5.0])
    anew = LinUCB.from_state(router.state()).pick([1.0, 2.0, 3.0, 4.0, 5.0])
    assert kept.predicted_eval == pytest.approx(anew.predicted_eval, rel=1e-9)
    assert kept.uncertainty == pytest.approx(anew.uncertainty, rel=1e-9)
    stated = router.card("pr-1", [1.0, 2.0, 3.0, 4.0, 5.0])["card"]
    assert (kept.predicted_eval, kept.uncertainty) == pytest.approx((stated["predictedEval"], stated["uncertainty"]))


def test_a_card_agrees_even_of_features_that_are_nearly_dependent() -> None:
    router = LinUCB({"only": 0.1}, dimensions=2, max_usd=1, min_eval=-10)
    for second in (1.0, 1.1):
        router.update("only", [1e6, second], 1.0)
    assert KIND.reperform({**SAID, **router.card("pr-1", [1.0, 1.0])}).status is Status.AGREES


def test_a_router_without_fallback_abstains_and_its_card_agrees() -> None:
    router = LinUCB(PRICES, dimensions=2, max_usd=0.01, min_eval=0.5, fallback="none")
    made = router.card("pr-1", [1.0, 0.0])
    assert made["card"]["chosenArm"] is None
    assert "fallback" not in made["card"]
    assert KIND.reperform({**SAID, **made}).status is Status.AGREES


def test_a_router_refuses_what_no_card_could_hold() -> None:
    with pytest.raises(Malformed) as singular:
        LinUCB(PRICES, dimensions=2, max_usd=1, min_eval=0, ridge=0.0)
    assert singular.value.fields["path"] == "inputs.arms.0.A"
    with pytest.raises(Malformed) as large:
        LinUCB(PRICES, dimensions=65, max_usd=1, min_eval=0)
    assert large.value.fields["path"] == "arms.0.A.0"
    router = LinUCB(PRICES, dimensions=2, max_usd=1, min_eval=0)
    for act in (
        lambda: router.update("unknown", [1.0, 0.0], 1.0),
        lambda: router.update("small", [1.0], 1.0),
        lambda: router.update("small", [1.0, 0.0], float("nan")),
        lambda: router.update("small", [1e16, 0.0], 1.0),
        lambda: router.update("small", [9.0, 0.0], 1e308),
        lambda: router.pick([1.0, float("inf")]),
        lambda: router.pick([1e200, 0.0]),
        lambda: router.pick(["a", "b"]),  # type: ignore[list-item]
    ):
        with pytest.raises(Malformed):
            act()
    assert router.state() == LinUCB(PRICES, dimensions=2, max_usd=1, min_eval=0).state()  # and nothing was learned


def test_state_survives_json_and_goes_on() -> None:
    router = LinUCB(PRICES, dimensions=2, max_usd=1, min_eval=0, alpha=0.3)
    router.update("large", [1.0, 0.5], 0.9)
    again = LinUCB.from_state(router.state())
    for one in (router, again):
        one.update("small", [0.2, 0.5], 0.4)
    assert again.state() == router.state()
