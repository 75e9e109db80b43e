"""`plan-selection` -> kind `plan`: which plan is followed, of those that break no constraint.

1. plans with a failed constraint are pruned; the constraint says why
2. the frontier: plans that no other beats, more gain, less cost and more carbon saved being better (Pareto)
3. each of the three scaled from 0, worst on the frontier, to 1, best; where all are alike, 1
4. the highest weighted sum is chosen; of equals the one listed first; no plan left: none, and no utility
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any, TypeAlias

from pydantic import Field

from evidence_api.domain.decisions.listed import check_distinct, first_highest
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Difference, Fact, Given, Json
from evidence_api.domain.decisions.shape import Claim, Part, Predicate, Real, Rows, Word
from evidence_api.domain.fact_type import FactType
from evidence_api.domain.typed_json import read_typed

Goals: TypeAlias = tuple[float, float, float]  # gain, cost, carbon saved

_NAMED = 3  # pruned plans in a sentence


class Constraint(Part):
    """A rule a plan was held against; one that failed has to say why."""

    rule: Word = Field(description="Which rule")
    ok: bool = Field(description="Whether the plan keeps it")
    reason: str | None = Field(default=None, description="Why not")


class Plan(Part):
    """One plan: what it brings, in the units its maker measures in."""

    id: Word
    okr_gain: Real = Field(description="What it brings to the objectives; more is better")
    cost_usd: Real = Field(description="What it costs, in US dollars; less is better")
    carbon_reduction: Real = Field(description="What it saves of carbon; more is better")
    constraints: Rows[Constraint]

    @property
    def goals(self) -> Goals:
        """What plans are compared by."""
        return self.okr_gain, self.cost_usd, self.carbon_reduction

    @property
    def failed(self) -> tuple[Constraint, ...]:
        """The constraints it breaks."""
        return tuple(one for one in self.constraints if not one.ok)


class Weights(Part):
    """What each goal is worth beside the others."""

    okr: Real = Field(description="Of okrGain")
    savings: Real = Field(description="Of costUSD, inverted")
    carbon: Real = Field(description="Of carbonReduction")


class Inputs(Part):
    """What is chosen from."""

    plans: Rows[Plan]
    weights: Weights


class PlanSelection(Predicate, Inputs):
    """The predicate."""

    pruned: Rows[Word] = Field(description="Derived: plans with a failed constraint, in listed order")
    frontier: Rows[Word] = Field(description="Derived: plans no other is better than in every way, in listed order")
    utility: Claim | None = Field(
        description="Highest weighted sum of the goals, each scaled to 0..1 over the frontier; null where none is left"
    )
    chosen: Word | None = Field(description="Derived: the plan that has it")


def pareto_front(goals: Sequence[Goals]) -> list[int]:
    """The indices of those that none beats: as good in all three and better in one. Equals do not beat each other.

    >>> pareto_front([(0.9, 100.0, 1.0), (0.5, 50.0, 1.0), (0.5, 60.0, 1.0), (0.9, 100.0, 1.0)])
    [0, 1, 3]

    From the best gain down, so that what beats a plan comes before it; of those already there the stairs keep, at each
    cost, the most carbon saved at that cost or less. O(n log n), apart from moves within a list.
    """
    costs: list[float] = []
    saved: list[float] = []
    front = set[Goals]()
    for one in sorted(set(goals), key=lambda goal: (-goal[0], goal[1], -goal[2])):
        _, cost, carbon = one
        end = bisect_right(costs, cost)
        if end and saved[end - 1] >= carbon:
            continue
        front.add(one)
        over = end
        while over < len(saved) and saved[over] <= carbon:
            over += 1
        costs[end:over], saved[end:over] = [cost], [carbon]
    return [index for index, one in enumerate(goals) if one in front]


def utilities(front: Sequence[Goals], weights: Goals) -> list[float]:
    """What each plan on the frontier is worth, `weights` being those of gain, savings and carbon.

    >>> utilities([(0.75, 300.0, 2.0), (0.25, 100.0, 2.0)], (0.5, 0.25, 0.25))
    [0.75, 0.5]
    """
    gains, costs, carbons = zip(*front, strict=True)
    scaled = (_scaled(gains), _scaled([-cost for cost in costs]), _scaled(carbons))
    return [fsum(w * u for w, u in zip(weights, each, strict=True)) for each in zip(*scaled, strict=True)]


def statement(plans: Sequence[Mapping[str, Any]], weights: Mapping[str, float]) -> dict[str, Any]:
    """The predicate's own fields, from plans and weights as they stand in it. Raises Malformed with a dotted path.

    >>> resident = {"rule": "residency", "ok": True}
    >>> abroad = {"rule": "residency", "ok": False, "reason": "EU data stays in eu-west"}
    >>> plans = [
    ...     {"id": "cache", "okrGain": 0.4, "costUSD": 120, "carbonReduction": 3.0, "constraints": [resident]},
    ...     {"id": "rewrite", "okrGain": 0.9, "costUSD": 900, "carbonReduction": 1.0, "constraints": [resident]},
    ...     {"id": "offload", "okrGain": 0.9, "costUSD": 90, "carbonReduction": 4.0, "constraints": [abroad]},
    ... ]
    >>> made = statement(plans, {"okr": 0.5, "savings": 0.3, "carbon": 0.2})
    >>> made["pruned"], made["frontier"], made["chosen"], made["utility"]
    (['offload'], ['cache', 'rewrite'], 'cache', 0.5)
    """
    given = {"plans": [dict(plan) for plan in plans], "weights": dict(weights)}
    return {**given, **_selection(read_typed(Inputs, given))}


def _scaled(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 1.0 for value in values]


def _selection(inputs: Inputs) -> dict[str, Any]:
    check_distinct((plan.id for plan in inputs.plans), "plans.{}.id")
    kept = [plan for plan in inputs.plans if not plan.failed]
    pruned = [plan.id for plan in inputs.plans if plan.failed]
    if not kept:
        return {"pruned": pruned, "frontier": [], "utility": None, "chosen": None}
    front = [kept[index] for index in pareto_front([plan.goals for plan in kept])]
    weights = (inputs.weights.okr, inputs.weights.savings, inputs.weights.carbon)
    worth = utilities([plan.goals for plan in front], weights)
    best = first_highest(worth)
    return {
        "pruned": pruned,
        "frontier": [plan.id for plan in front],
        "utility": worth[best],
        "chosen": front[best].id,
    }


def _derive(predicate: PlanSelection, _: Given) -> Derived:
    unexplained = tuple(
        Difference(f"plans.{at}.constraints.{nth}.reason", one.reason, f"why the plan breaks {one.rule}")
        for at, plan in enumerate(predicate.plans)
        for nth, one in enumerate(plan.constraints)
        if not one.ok and not (one.reason or "").strip()
    )
    return Derived(_selection(predicate), unexplained)


def _facts(predicate: PlanSelection, derived: Json) -> Mapping[str, Fact | None]:
    facts: dict[str, Fact | None] = {"plans": len(predicate.plans)}
    if derived:
        facts |= {"chosen": derived["chosen"], "utility": derived["utility"]}
        facts |= {"pruned": tuple(derived["pruned"]), "frontier": tuple(derived["frontier"])}
    return facts


def _explain(predicate: PlanSelection, derived: Json) -> str:
    chosen, utility, front = derived["chosen"], derived["utility"], len(derived["frontier"])
    said = "no plan is left"
    if chosen is not None:
        said = f"{chosen} has the highest utility, {utility:.4g}, of {front} on the frontier"
    failed = [(plan.id, plan.failed[0]) for plan in predicate.plans if plan.failed]
    pruned = [f"{name} ({one.rule}: {one.reason or 'no reason given'})" for name, one in failed[:_NAMED]]
    more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    return f"{said}; pruned: {', '.join(pruned)}{more}" if pruned else f"{said}; none was pruned"


KIND = DecisionKind(
    name="plan-selection",
    kind="plan",
    title="Plan chosen from the Pareto frontier, under constraints",
    model=PlanSelection,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "chosen": FactType.WORD,
        "utility": FactType.NUMBER,
        "plans": FactType.NUMBER,
        "pruned": FactType.WORDS,
        "frontier": FactType.WORDS,
    },
)
