"""A constrained policy: probabilities by hand, what may not be chosen, draws and modes, and the policy that decides."""

from math import exp, log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.decisions.constrained_policy import ConstrainedPolicy, PolicyInputs, choose, softmax
from evidence_api.domain.decisions.reperforming import OUT_OF_DOMAIN, Status
from evidence_api.domain.decisions.router_decision import KIND
from evidence_api.domain.decisions.uniform import uniform
from evidence_api.domain.errors import Malformed
from evidence_api.domain.typed_json import read_typed

SAID = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}
ARMS = [{"id": f"m{index}", "priceUSD": 0.1 + index, "eval": 0.9, "uncertainty": 0.02} for index in range(3)]


def inputs(**changed: Any) -> PolicyInputs:  # noqa: ANN401  any JSON
    plain = {"theta": [[0.0], [1.0], [2.0]], "x": [1.0], "arms": ARMS, "allowed": [True] * 3}
    return read_typed(PolicyInputs, {**plain, **changed})


def test_the_likeliest_without_a_seed() -> None:
    choice = choose(inputs(), "t")
    assert choice.chosen == "m2"
    assert choice.probability == pytest.approx(exp(2) / (1 + exp(1) + exp(2)))


def test_what_is_not_allowed_has_no_share() -> None:
    choice = choose(inputs(allowed=[True, True, False]), "t")
    assert choice.chosen == "m1"
    assert choice.probability == pytest.approx(exp(1) / (1 + exp(1)))


def test_trust_moves_the_logits_by_its_weighted_logarithm() -> None:
    moved = choose(inputs(trust=[1.0, 1.0, 0.1], trustWeight=0.5), "t")
    assert moved.chosen == "m1"
    assert moved.probability == pytest.approx(exp(1) / (1 + exp(1) + exp(2 + 0.5 * log(0.1))))
    assert choose(inputs(trust=[1.0, 1.0, 0.1]), "t") == choose(inputs(trust=[1.0, 1.0, 0.1], trustWeight=1.0), "t")
    assert choose(inputs(trust=[1.0, 1.0, 0.0], trustWeight=0.0), "t").chosen == "m2"  # no weight, no say
    assert choose(inputs(trustWeight=3.0), "t").chosen == "m2"


def test_no_trust_at_all_is_not_allowed() -> None:
    choice = choose(inputs(trust=[1.0, 1.0, 0.0], trustWeight=0.5), "t")
    assert choice.chosen == "m1"
    assert choice.probability == pytest.approx(exp(1) / (1 + exp(1)))


def test_equals_go_to_the_one_listed_first() -> None:
    assert choose(inputs(theta=[[1.0], [1.0], [1.0]]), "t").chosen == "m0"
    # 0.1 + 0.2 and 0.3 are equal but for rounding
    assert choose(inputs(theta=[[0.3, 0.0], [0.1, 0.2], [0.0, 0.0]], x=[1.0, 1.0]), "t").chosen == "m0"


@given(st.text("abcdef", min_size=1, max_size=8), st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_a_seed_draws_by_the_shares_in_listed_order(task: str, weights: list[float]) -> None:
    choice = choose(inputs(theta=[[one] for one in weights], seed="s"), task)
    shares = [exp(one) for one in weights]
    reached, at = 0.0, uniform("s", task, "policy") * sum(shares)
    for index, share in enumerate(shares):
        reached += share
        if at <= reached:
            assert choice.arm == index
            return


@given(st.lists(st.booleans(), min_size=3, max_size=3).filter(any), st.integers(0, 200))
def test_what_is_not_allowed_is_never_drawn(allowed: list[bool], task: int) -> None:
    choice = choose(inputs(theta=[[900.0], [-900.0], [0.0]], allowed=allowed, seed="s"), f"t{task}")
    assert choice.arm is not None
    assert allowed[choice.arm]


@pytest.mark.parametrize("size", [1e3, 1e15, 1e30])
def test_logits_of_any_size_have_shares(size: float) -> None:
    choice = choose(inputs(theta=[[size], [-size], [size]], x=[1e30], seed="s"), "t")
    assert choice.probability == 0.5


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=6))
def test_shares_add_up_to_one(logits: list[float]) -> None:
    assert softmax(np.array(logits)).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"allowed": [False] * 3}, "inputs.allowed"),
        ({"allowed": [True] * 2}, "inputs.allowed"),
        ({"allowed": []}, "inputs.allowed"),
        ({"theta": [[0.0], [1.0]]}, "inputs.theta"),
        ({"x": [1.0, 2.0]}, "inputs.theta.0"),
        ({"trust": [0.5, 0.5]}, "inputs.trust"),
        ({"trust": [0.0, 0.0, 0.5], "allowed": [True, True, False]}, "inputs.trust"),
        ({"arms": [ARMS[0], ARMS[1], ARMS[0]]}, "inputs.arms.2.id"),
    ],
)
def test_what_does_not_fit_is_out_of_domain(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        choose(inputs(**changed), "t")
    assert (refused.value.code, refused.value.fields["path"]) == (OUT_OF_DOMAIN, path)


@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
@settings(max_examples=50)
def test_what_the_policy_states_agrees(seed: int, drawn: bool, trusted: bool) -> None:  # noqa: FBT001  a table
    rng = np.random.default_rng(seed)
    policy = ConstrainedPolicy(rng.normal(size=(3, 4)).tolist(), ARMS, "s" if drawn else None, 0.7 if trusted else None)
    trust = rng.random(3).tolist() if trusted else None
    made = policy.card(f"t{seed}", rng.random(4).tolist(), allowed=[True, False, True], trust=trust)
    result = KIND.reperform({**SAID, **made})
    assert result.status is Status.AGREES, result.reason
