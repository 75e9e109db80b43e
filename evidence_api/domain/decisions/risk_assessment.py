"""`risk-assessment` -> kind `risk`: how risky a change is, and what drives that, by a linear model anyone can repeat.

score = bias + w·x, probability = sigmoid(score), drivers = the five largest w_i x_i by size, ties in listed order. The
linear model stands in for the one that decides (a gradient-boosted one), which nobody could recompute by hand.
"""

from collections.abc import Mapping, Sequence
from operator import mul
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from evidence_api.domain.decisions.logistic import sigmoid, weighted
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json, out_of_domain
from evidence_api.domain.decisions.shape import MAX_DIMENSIONS, Claim, Part, Predicate, Real, Rows, Several, Word
from evidence_api.domain.fact_type import FactType

_DRIVERS = 5

Features: TypeAlias = Annotated[Several[Real], Field(max_length=MAX_DIMENSIONS)]


class Driver(Part):
    """What one feature adds to the score."""

    name: Word = Field(description="The feature")
    contribution: Claim = Field(description="Its weight times its value")


class RiskAssessment(Predicate):
    """The predicate: names, weights and x in one order."""

    names: Annotated[Several[Word], Field(max_length=MAX_DIMENSIONS)] = Field(description="The features")
    weights: Features = Field(description="Weight of each")
    x: Features = Field(description="Value of each")
    bias: Real = Field(description="Score of a change whose features are all 0")
    score: Claim = Field(description="bias + sum of weight * value")
    probability: Claim = Field(description="1 / (1 + e^-score)")
    drivers: Rows[Driver] = Field(description="Derived: the five largest contributions by size")


def drivers(names: Sequence[str], weights: Sequence[float], x: Sequence[float]) -> list[tuple[str, float]]:
    """The five features that move the score most, either way, and by how much.

    >>> drivers(["files", "churn", "tests"], [0.5, 0.25, -2.0], [2.0, 4.0, 1.0])
    [('tests', -2.0), ('files', 1.0), ('churn', 1.0)]
    """
    contributions = zip(names, map(mul, weights, x), strict=True)
    return sorted(contributions, key=lambda one: -abs(one[1]))[:_DRIVERS]


def statement(names: Sequence[str], weights: Sequence[float], x: Sequence[float], bias: float) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`.

    >>> made = statement(["files", "churn", "tests"], [0.5, 0.25, -2.0], [2.0, 4.0, 1.0], bias=-1.0)
    >>> made["score"], round(made["probability"], 4), made["drivers"][0]
    (-1.0, 0.2689, {'name': 'tests', 'contribution': -2.0})
    """
    inputs = {"names": list(names), "weights": list(weights), "x": list(x), "bias": bias}
    return {**inputs, **_assessment(names, weights, x, bias)}


def _assessment(names: Sequence[str], weights: Sequence[float], x: Sequence[float], bias: float) -> dict[str, Any]:
    score = weighted(bias, weights, x)
    return {
        "score": score,
        "probability": sigmoid(score),
        "drivers": [{"name": name, "contribution": much} for name, much in drivers(names, weights, x)],
    }


def _derive(predicate: RiskAssessment, _: Given) -> Derived:
    names, weights, x = predicate.names, predicate.weights, predicate.x
    for path, values in (("weights", weights), ("x", x)):
        if len(values) != len(names):
            raise out_of_domain(path, f"{len(values)} numbers, where `names` has {len(names)}")
    return Derived(_assessment(names, weights, x, predicate.bias))


def _facts(_: RiskAssessment, derived: Json) -> Mapping[str, Fact | None]:
    if not derived:
        return {}
    names = tuple(one["name"] for one in derived["drivers"])
    return {
        "probability": derived["probability"],
        "score": derived["score"],
        "driver": names[0] if names else None,
        "drivers": names,
    }


def _explain(_: RiskAssessment, derived: Json) -> str:
    told = f"risk {derived['probability']:.3f} (score {derived['score']:.4g})"
    moved = ", ".join(f"{one['name']} {one['contribution']:+.4g}" for one in derived["drivers"])
    return f"{told}, driven by {moved}" if moved else f"{told}, by the bias alone"


KIND = DecisionKind(
    name="risk-assessment",
    kind="risk",
    title="Risk of a change, and what drives it (linear model)",
    model=RiskAssessment,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "probability": FactType.NUMBER,
        "score": FactType.NUMBER,
        "driver": FactType.WORD,
        "drivers": FactType.WORDS,
    },
)
