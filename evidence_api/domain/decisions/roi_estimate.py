"""`roi-estimate` -> kind `roi`: what a change is worth beside what it costs.

ROI = (sum of value - sum of cost) / sum of cost; 0 gives back what was put in. Both sides are open mappings of named
numbers in one currency, added up exactly as they are written. An item may be negative (a refund, a loss); costs that
do not add up to more than nothing have no return on them and are refused.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pydantic import Field

from evidence_api.domain.decisions.exact import exact
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json, out_of_domain
from evidence_api.domain.decisions.shape import Claim, Named, Predicate, Real
from evidence_api.domain.fact_type import FactType


class RoiEstimate(Predicate):
    """The predicate."""

    value: Named[Real] = Field(description="What is gained, by name, in one currency")
    cost: Named[Real] = Field(description="What is spent for it, by name, in the same currency")
    roi: Claim = Field(description="(sum of value - sum of cost) / sum of cost")


def roi(value: Mapping[str, float], cost: Mapping[str, float]) -> float:
    """Return on investment, as a ratio: 0.5 is half as much again as was spent.

    >>> roi({"defectsAvoidedUSD": 100, "flakeReductionUSD": 20}, {"llmUSD": 5, "computeUSD": 3, "reviewUSD": 12})
    5.0

    Raises Malformed `out_of_domain` (path `cost`) where the costs do not add up to more than 0.
    """
    spent = _total(cost)
    if spent <= 0:
        raise out_of_domain("cost", f"adds up to {float(spent):g}; a return needs a cost above 0", value=float(spent))
    try:
        return float((_total(value) - spent) / spent)
    except OverflowError as fault:
        raise out_of_domain("cost", "too small beside the value for a finite ratio", value=float(spent)) from fault


def statement(value: Mapping[str, float], cost: Mapping[str, float]) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`.

    >>> estimate = statement(
    ...     value={"defectsAvoidedUSD": 9.5, "flakeReductionUSD": 0.5, "revenueUSD": 30},
    ...     cost={"llmUSD": 2, "computeUSD": 2, "reviewUSD": 6},
    ... )
    >>> estimate["roi"]
    3.0
    """
    return {"value": dict(value), "cost": dict(cost), "roi": roi(value, cost)}


def _total(items: Mapping[str, float]) -> Fraction:
    return sum((exact(amount) for amount in items.values()), start=Fraction())


def _derive(predicate: RoiEstimate, _: Given) -> Derived:
    return Derived({"roi": roi(predicate.value, predicate.cost)})


def _facts(predicate: RoiEstimate, derived: Json) -> Mapping[str, Fact | None]:
    return {
        "roi": derived.get("roi"),
        "value": float(_total(predicate.value)),
        "cost": float(_total(predicate.cost)),
    }


def _explain(predicate: RoiEstimate, derived: Json) -> str:
    value, cost = float(_total(predicate.value)), float(_total(predicate.cost))
    return f"{value:.6g} gained for {cost:.6g} spent: a return of {derived['roi']:.1%}"


KIND = DecisionKind(
    name="roi-estimate",
    kind="roi",
    title="Estimate of the return on a change",
    model=RoiEstimate,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={"roi": FactType.NUMBER, "value": FactType.NUMBER, "cost": FactType.NUMBER},
)
