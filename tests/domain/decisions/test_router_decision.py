"""`router-decision`: which claims differ and where, fallbacks, rationales, refusals with their path, facts."""

from copy import deepcopy
from typing import Any, Literal

import pytest

from evidence_api.domain.decisions.constrained_policy import ConstrainedPolicy
from evidence_api.domain.decisions.linucb_router import LinUCB
from evidence_api.domain.decisions.reperforming import Reperformance, Status
from evidence_api.domain.decisions.router_decision import KIND
from evidence_api.domain.decisions.thompson import Thompson
from evidence_api.domain.errors import Malformed

SAID = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}
ABSENT = object()
PRICES = {"small": 0.1, "large": 0.7}
METHODS = ("linucb", "thompson", "cpo")


def made(
    method: str = "linucb", *, cap: float = 0.5, fallback: Literal["cheapest", "none"] = "cheapest"
) -> dict[str, Any]:
    """A predicate that agrees."""
    if method == "thompson":
        return deepcopy({**SAID, **Thompson(PRICES, seed="s").card("pr-1")})
    if method == "cpo":
        arms = [{"id": one, "priceUSD": price, "eval": 0.9, "uncertainty": 0.02} for one, price in PRICES.items()]
        policy = ConstrainedPolicy([[0.1, 0.2], [0.3, 0.1]], arms, seed="s")
        return deepcopy({**SAID, **policy.card("pr-1", [1.0, 2.0], trust=[0.9, 0.5])})
    router = LinUCB(PRICES, dimensions=2, max_usd=cap, min_eval=0.2, alpha=0.2, fallback=fallback)
    for _ in range(20):
        router.update("small", [1.0, 0.5], 0.8)
        router.update("large", [1.0, 0.5], 0.95)
    return deepcopy({**SAID, **router.card("pr-1", [1.0, 0.5])})


def with_(predicate: dict[str, Any], path: str, value: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    """The predicate with one member set, or taken away."""
    *inner, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    parent: Any = predicate
    for part in inner:
        parent = parent[part]
    if value is ABSENT:
        del parent[last]
    else:
        parent[last] = value
    return predicate


def found(predicate: dict[str, Any]) -> list[str]:
    result = KIND.reperform(predicate)
    assert (result.status is Status.DISAGREES) == bool(result.differences)
    return [one.path for one in result.differences]


def only(predicate: dict[str, Any]) -> tuple[str, Any, Any]:
    (one,) = KIND.reperform(predicate).differences
    return one.path, one.claimed, one.recomputed


@pytest.mark.parametrize("method", METHODS)
def test_a_producer_s_own_card_agrees(method: str) -> None:
    assert found(made(method)) == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("chosenArm", "other"),
        ("chosenArm", None),
        ("alternatives", []),
        ("predictedEval", 0.123),
        ("predictedEval", None),
        ("predictedCostUSD", 1e308),
        ("uncertainty", -0.5),
    ],
)
def test_one_altered_claim_is_one_difference(method: str, member: str, value: Any) -> None:  # noqa: ANN401  any JSON
    altered = with_(with_(made(method), "card.rationale", "it was preferred"), f"card.{member}", value)
    path, claimed, _ = only(altered)
    assert (path, claimed) == (f"card.{member}", value)


def test_an_altered_probability_is_a_difference_where_there_is_one() -> None:
    quiet = with_(made("cpo"), "card.rationale", "it was preferred")
    assert only(with_(quiet, "card.probability", 0.1))[0] == "card.probability"
    assert found(with_(quiet, "card.probability", ABSENT)) == []


@pytest.mark.parametrize("method", METHODS)
def test_alternatives_may_be_left_unsaid(method: str) -> None:
    assert found(with_(made(method), "card.alternatives", ABSENT)) == []


def test_a_fallback_must_give_its_reason() -> None:
    fell_back = made(cap=0.01)
    assert fell_back["card"]["fallback"]["arm"] == "small"
    assert found(fell_back) == []
    for path, value, claimed in (
        ("card.fallback", ABSENT, None),
        ("card.fallback", None, None),
        ("card.fallback", {}, None),
        ("card.fallback.reason", None, None),
        ("card.fallback.reason", " ", " "),
    ):
        assert only(with_(made(cap=0.01), path, value))[:2] == ("card.fallback.reason", claimed)


def test_a_fallback_s_arm_is_the_cheapest_if_it_is_said() -> None:
    assert only(with_(made(cap=0.01), "card.fallback.arm", "large")) == ("card.fallback.arm", "large", "small")
    assert found(with_(made(cap=0.01), "card.fallback.arm", ABSENT)) == []


@pytest.mark.parametrize("method", METHODS)
def test_a_fallback_nobody_needed_is_a_difference(method: str) -> None:
    said = {"arm": "small", "reason": "to be sure"}
    assert only(with_(made(method), "card.fallback", said)) == ("card.fallback", said, None)
    assert found(with_(made(method), "card.fallback", None)) == []


def test_no_safe_arm_and_no_fallback_is_no_arm() -> None:
    none = made(cap=0.01, fallback="none")
    assert found(none) == []
    result = KIND.reperform(none)
    assert result.reason == "linucb picks no arm for pr-1: none met the safety bounds, and no fallback is named"
    assert "chosen" not in result.facts
    assert (result.facts["safe"], result.facts["fallback"]) == (True, False)  # nothing unsafe was taken
    for fallback in (ABSENT, None, "none"):
        assert found(with_(made(cap=0.01, fallback="none"), "inputs.fallback", fallback)) == []
    taken = with_(with_(made(cap=0.01), "inputs.fallback", ABSENT), "card.fallback", ABSENT)
    assert found(with_(taken, "card.rationale", "cheap")) == [
        "card.alternatives",
        "card.chosenArm",
        "card.predictedCostUSD",
        "card.predictedEval",
        "card.uncertainty",
    ]


@pytest.mark.parametrize("method", METHODS)
def test_a_rationale_may_claim_no_number_that_is_not_there(method: str) -> None:
    path, claimed, recomputed = only(with_(made(method), "card.rationale", "123.4 % better at $77"))
    assert (path, claimed) == ("card.rationale", "123.4 % better at $77")
    assert recomputed == "no 123.4 %, $77 in the card or the inputs"


def test_a_rationale_may_tell_of_members_nobody_defined() -> None:
    told = with_(made(), "card.rationale", "trust 87 %, 1,234 tokens, risk 0.37, weighed 41")
    told["card"]["trust"] = 0.87
    told["inputs"]["arms"][0]["context"] = {"tokens": 1234}
    told["inputs"]["risk"] = [0.3701]
    assert found(told) == ["card.rationale"]
    told["inputs"]["safety"]["weight"] = 41
    assert found(told) == []


def test_a_rationale_may_tell_what_is_claimed_and_what_is_recomputed() -> None:
    rosier = with_(made(), "card.predictedEval", 0.9931)
    assert found(with_(rosier, "card.rationale", "expected 0.993")) == ["card.predictedEval"]
    recomputed = KIND.reperform(rosier).derived["card"]["predictedEval"]
    assert found(with_(rosier, "card.rationale", f"expected {recomputed:.4f}")) == ["card.predictedEval"]


@pytest.mark.parametrize(
    ("method", "path", "value", "refused"),
    [
        ("linucb", "method", "ucb1", "method"),
        ("linucb", "method", ABSENT, "method"),
        ("linucb", "inputs", [], "inputs"),
        ("linucb", "inputs", ABSENT, "inputs"),
        ("linucb", "inputs.alpha", float("nan"), "inputs.alpha"),
        ("linucb", "inputs.alpha", -0.1, "inputs.alpha"),
        ("linucb", "inputs.x", [1.0], "inputs.arms.0.A"),
        ("linucb", "inputs.x.1", 1e308, "inputs.x.1"),
        ("linucb", "inputs.x", [0.1] * 65, "inputs.x"),
        ("linucb", "inputs.arms", [], "inputs.arms"),
        ("linucb", "inputs.arms", [{}] * 10_001, "inputs.arms.0.id"),
        ("cpo", "inputs.allowed", [True] * 10_001, "inputs.allowed"),
        ("linucb", "inputs.arms.1.id", "small", "inputs.arms.1.id"),
        ("linucb", "inputs.arms.1.priceUSD", -1, "inputs.arms.1.priceUSD"),
        ("linucb", "inputs.arms.1.priceUSD", "1", "inputs.arms.1.priceUSD"),
        ("linucb", "inputs.arms.1.A", [[1.0, 0.0]], "inputs.arms.1.A"),
        ("linucb", "inputs.arms.1.A", [[1.0, 0.0], [0.0]], "inputs.arms.1.A"),
        ("linucb", "inputs.arms.1.A", [[1.0, 0.0], [0.0, float("inf")]], "inputs.arms.1.A.1.1"),
        ("linucb", "inputs.arms.1.A", [[1.0, 0.5], [0.4, 1.0]], "inputs.arms.1.A"),
        ("linucb", "inputs.arms.1.A", [[1.0, 1.0], [1.0, 1.0]], "inputs.arms.1.A"),
        ("linucb", "inputs.arms.1.A", [[1.0, 1.0], [1.0, 1.0 + 1e-15]], "inputs.arms.1.A"),
        ("linucb", "inputs.arms.1.A", [[1.0, 2.0], [2.0, 1.0]], "inputs.arms.1.A"),
        ("linucb", "inputs.arms.1.A", [[0.0, 0.0], [0.0, 0.0]], "inputs.arms.1.A"),
        ("linucb", "inputs.arms.1.A", [[1e-310, 0.0], [0.0, 1e-310]], "inputs.arms.1"),
        ("linucb", "inputs.arms.1.b", [1.0], "inputs.arms.1.b"),
        ("linucb", "inputs.arms.1.b", [1.0, None], "inputs.arms.1.b.1"),
        ("linucb", "inputs.safety", ABSENT, "inputs.safety"),
        ("linucb", "inputs.safety.minEval", 1e31, "inputs.safety.minEval"),
        ("linucb", "inputs.fallback", "random", "inputs.fallback"),
        ("linucb", "card.chosenArm", ABSENT, "card.chosenArm"),
        ("linucb", "card.rationale", ABSENT, "card.rationale"),
        ("linucb", "card.rationale", "x" * 4097, "card.rationale"),
        ("linucb", "card.predictedEval", float("nan"), "card.predictedEval"),
        ("linucb", "card.uncertainty", True, "card.uncertainty"),
        ("linucb", "card.alternatives", "large", "card.alternatives"),
        ("linucb", "card.taskId", "", "card.taskId"),
        ("thompson", "inputs.prior.alpha", 0, "inputs.prior.alpha"),
        ("thompson", "inputs.prior.beta", -1, "inputs.prior.beta"),
        ("thompson", "inputs.lambda", -1, "inputs.lambda"),
        ("thompson", "inputs.seed", "", "inputs.seed"),
        ("thompson", "inputs.arms.0.n", -1, "inputs.arms.0.n"),
        ("thompson", "inputs.arms.0.n", 1e308, "inputs.arms.0.n"),
        ("thompson", "inputs.arms.1.meanReward", 1.01, "inputs.arms.1.meanReward"),
        ("thompson", "inputs.arms.1.meanEval", float("-inf"), "inputs.arms.1.meanEval"),
        ("thompson", "inputs.arms.1.id", "small", "inputs.arms.1.id"),
        ("cpo", "inputs.theta", [[0.1, 0.2], [0.3]], "inputs.theta"),
        ("cpo", "inputs.theta.1.0", float("nan"), "inputs.theta.1.0"),
        ("cpo", "inputs.allowed", [False, False], "inputs.allowed"),
        ("cpo", "inputs.allowed.1", 1, "inputs.allowed.1"),
        ("cpo", "inputs.trust.0", -0.1, "inputs.trust.0"),
        ("cpo", "inputs.trust.0", 1.1, "inputs.trust.0"),
        ("cpo", "inputs.trustWeight", -1.0, "inputs.trustWeight"),
        ("cpo", "inputs.arms.0.uncertainty", -1.0, "inputs.arms.0.uncertainty"),
        ("cpo", "inputs.arms.0.eval", ABSENT, "inputs.arms.0.eval"),
    ],
)
def test_what_is_out_of_domain_is_refused_with_its_path(method: str, path: str, value: Any, refused: str) -> None:  # noqa: ANN401  any JSON
    with pytest.raises(Malformed) as fault:
        KIND.reperform(with_(made(method), path, value))
    assert fault.value.fields["path"] == refused


def test_a_method_s_inputs_are_no_other_s() -> None:
    with pytest.raises(Malformed) as fault:
        KIND.reperform({**made("linucb"), "inputs": made("cpo")["inputs"]})
    assert str(fault.value.fields["path"]).startswith("inputs.")


def test_many_large_arms_are_no_burden() -> None:
    router = LinUCB({f"a{number}": 0.1 for number in range(40)}, dimensions=64, max_usd=1, min_eval=-100)
    assert KIND.reperform({**SAID, **router.card("pr-1", [0.1] * 64)}).status is Status.AGREES


def test_facts_are_recomputed_and_never_claimed() -> None:
    facts = facts_of(with_(made(), "card.predictedEval", 0.1))
    assert facts["method"] == "linucb"
    assert facts["task"] == "pr-1"
    assert (facts["arms"], facts["chosen"], facts["predicted_cost"]) == (2, "small", 0.1)
    assert facts["predicted_eval"] == pytest.approx(0.8 * 25 / 26)
    assert (facts["safe"], facts["fallback"]) == (True, False)
    assert facts["differing"] == ("card.predictedEval",)
    assert set(facts) <= set(KIND.catalog_kind.facts)
    assert {"safe": False, "fallback": True}.items() <= facts_of(made(cap=0.01)).items()
    assert {"probability", "chosen"} <= set(facts_of(made("cpo")))
    assert "safe" not in facts_of(made("thompson"))


def facts_of(predicate: dict[str, Any]) -> dict[str, Any]:
    result: Reperformance = KIND.reperform(predicate)
    return dict(result.facts)


@pytest.mark.parametrize(
    ("predicate", "sentence"),
    [
        (made(), "linucb picks small of 2 arms for pr-1: expected eval 0.77 ± 0.04 at $0.10"),
        (made(cap=0.01), "linucb falls back to small of 2 arms for pr-1: expected eval 0.77 ± 0.04 at $0.10"),
        (made("thompson"), "thompson picks large of 2 arms for pr-1: expected eval 0.50 ± 0.29 at $0.70"),
    ],
)
def test_the_explanation_gives_the_numbers(predicate: dict[str, Any], sentence: str) -> None:
    assert KIND.reperform(predicate).reason == sentence


def test_the_schema_names_the_card_s_members_and_every_method_s_inputs() -> None:
    schema = KIND.model.model_json_schema(by_alias=True)
    required = {"taskId", "chosenArm", "predictedEval", "predictedCostUSD", "uncertainty", "rationale"}
    assert set(schema["$defs"]["Card"]["required"]) == required
    assert {"LinUCBInputs", "ThompsonState", "PolicyInputs"} <= set(schema["$defs"])
