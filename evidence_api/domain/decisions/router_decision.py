"""`router-decision` -> kind `router`: which arm was chosen for a task, and what was expected of it.

`method` says how the arm was chosen and what `inputs` holds; the fields of the card are computed again from them.

  linucb    mean = x.theta with theta = A^-1 b, width = alpha sqrt(x.A^-1 x); safe is an arm whose price is within
            `maxUSD` and whose mean - width reaches `minEval`. Of the safe arms the one with the highest mean + width;
            `uncertainty` is its width. None safe: `fallback: "cheapest"` takes the lowest price, and the card's
            `fallback.reason` says why
  thompson  per arm Beta(prior.alpha + n meanReward, prior.beta + n (1 - meanReward)), drawn at
            u(seed, taskId, arm id) by its inverse distribution function; the highest draw. `predictedEval` is the arm's
            meanEval, `uncertainty` the posterior's standard deviation
  cpo       softmax of theta x + trustWeight ln(trust) over the allowed arms; with a seed the inverse of its cumulative
            distribution, in listed order, at u(seed, taskId, "policy"), without one the likeliest. `probability` is
            the chosen arm's

u(...) is the first 8 bytes of the SHA-256 of its parts joined by `:`, big-endian, shifted right by 11, over 2^53.
Of equals the arm listed first. Every number of the rationale must be one of the card or the inputs, as it is rounded.
Source: Li et al. (2010) for LinUCB; Agrawal and Goyal (2012) for Thompson sampling.

Routers make their own cards:

>>> from evidence_api.domain.decisions.linucb_router import LinUCB
>>> router = LinUCB({"small": 0.18, "large": 0.70}, dimensions=2, max_usd=0.50, min_eval=0.6)
>>> made = router.card("pr-512", [1.0, 0.5])
>>> said = {"producer": {"id": "maestro", "version": "1.6.0"}, "decidedAt": "2026-11-01T10:00:00Z"}
>>> KIND.reperform({**said, **made}).reason
'linucb falls back to small of 2 arms for pr-512: expected eval 0.00 ± 1.12 at $0.18'
>>> made["card"]["rationale"] = "small is 12 % better"
>>> [one.path for one in KIND.reperform({**said, **made}).differences]
['card.rationale']
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, assert_never

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from evidence_api.domain.decisions import constrained_policy, linucb, thompson
from evidence_api.domain.decisions.constrained_policy import PolicyInputs
from evidence_api.domain.decisions.decision_card import Card, Choice
from evidence_api.domain.decisions.linucb import LinUCBInputs, is_safe
from evidence_api.domain.decisions.rationale import check_rationale, dollars, give_or_take
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Difference, Fact, Given, Json
from evidence_api.domain.decisions.shape import Predicate
from evidence_api.domain.decisions.thompson import ThompsonState
from evidence_api.domain.fact_type import FactType

Method: TypeAlias = Literal["linucb", "thompson", "cpo"]
Inputs: TypeAlias = LinUCBInputs | ThompsonState | PolicyInputs

_INPUTS: Mapping[str, type[BaseModel]] = {"linucb": LinUCBInputs, "thompson": ThompsonState, "cpo": PolicyInputs}
_REASON_NEEDED = "a reason, for no arm met the safety bounds"


class RouterDecision(Predicate):
    """The predicate: the method says what `inputs` is made of."""

    method: Method = Field(description="How the arm was chosen; it says what `inputs` is made of")
    card: Card
    inputs: Inputs

    @field_validator("inputs", mode="plain", json_schema_input_type=Inputs)
    @classmethod
    def _by_method(cls, value: object, info: ValidationInfo) -> object:
        """Read as what the method needs; a method that is none is refused by itself."""
        model = _INPUTS.get(info.data.get("method", ""))
        return value if model is None else model.model_validate(value)


def _choice(predicate: RouterDecision) -> Choice:
    match predicate.inputs:
        case LinUCBInputs() as inputs:
            return linucb.choose(inputs, linucb.bounds(inputs, inputs.x))
        case ThompsonState() as inputs:
            return thompson.choose(inputs, predicate.card.task_id)
        case PolicyInputs() as inputs:
            return constrained_policy.choose(inputs, predicate.card.task_id)
        case _:
            assert_never(predicate.inputs)


def _derive(predicate: RouterDecision, _: Given) -> Derived:
    choice, card = _choice(predicate), predicate.card
    fields = choice.fields()
    also: tuple[Difference, ...] = ()
    if not choice.fell_back:
        fields["fallback"] = None
    else:
        if card.fallback is not None:
            fields["fallback"] = {"arm": choice.chosen}
        if card.fallback is None or not (card.fallback.reason or "").strip():
            claimed = None if card.fallback is None else card.fallback.reason
            also = (Difference("card.fallback.reason", claimed, _REASON_NEEDED),)
    names = (*choice.ids, card.task_id)
    told = check_rationale("card.rationale", card.rationale, card, fields, predicate.inputs, names=names)
    return Derived({"card": fields}, (*also, *told))


def _facts(predicate: RouterDecision, derived: Json) -> Mapping[str, Fact | None]:
    card: Mapping[str, Any] = derived.get("card", {})
    return {
        "method": predicate.method,
        "task": predicate.card.task_id,
        "arms": len(predicate.inputs.arms),
        "chosen": card.get("chosenArm"),
        "predicted_eval": card.get("predictedEval"),
        "predicted_cost": card.get("predictedCostUSD"),
        "uncertainty": card.get("uncertainty"),
        "probability": card.get("probability"),
        **_safety(predicate.inputs, card),
    }


def _safety(inputs: Inputs, card: Mapping[str, Any]) -> Mapping[str, bool]:
    """Whether no arm was taken that did not meet the safety bounds (where the method has any), and whether one was."""
    if not card:
        return {}
    if not isinstance(inputs, LinUCBInputs):
        return {"fallback": False}
    if card["chosenArm"] is None:
        return {"safe": True, "fallback": False}
    lower = card["predictedEval"] - card["uncertainty"]
    safe = bool(is_safe(card["predictedCostUSD"], lower, inputs.safety))
    return {"safe": safe, "fallback": not safe}


def _explain(predicate: RouterDecision, derived: Json) -> str:
    card, task = derived["card"], predicate.card.task_id
    if card["chosenArm"] is None:
        return f"{predicate.method} picks no arm for {task}: none met the safety bounds, and no fallback is named"
    how = "falls back to" if _safety(predicate.inputs, card).get("fallback") else "picks"
    expected = give_or_take(card["predictedEval"], card["uncertainty"])
    arms = len(predicate.inputs.arms)
    return (
        f"{predicate.method} {how} {card['chosenArm']} of {arms} arm{'s' if arms > 1 else ''} for {task}: "
        f"expected eval {expected} at {dollars(card['predictedCostUSD'])}"
    )


KIND = DecisionKind(
    name="router-decision",
    kind="router",
    title="Router's choice of an arm for a task (LinUCB, Thompson sampling, constrained policy)",
    model=RouterDecision,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "method": FactType.WORD,
        "task": FactType.WORD,
        "arms": FactType.NUMBER,
        "chosen": FactType.WORD,
        "predicted_eval": FactType.NUMBER,
        "predicted_cost": FactType.NUMBER,
        "uncertainty": FactType.NUMBER,
        "probability": FactType.NUMBER,
        "safe": FactType.BOOLEAN,
        "fallback": FactType.BOOLEAN,
    },
    words={"method": ("linucb", "thompson", "cpo")},
    series=lambda predicate: predicate.card.task_id,
)
