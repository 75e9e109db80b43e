"""The Decision Card: which arm a router chose, what it expects of it, and why; the same for every method.

It stands in a `router-decision` as `card`. All but the task, the rationale and the reason of a fallback is computed
again from the decision's inputs and compared; where no arm may be chosen, the derived members are null.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints

from evidence_api.domain.decisions.rationale import MAX_LETTERS
from evidence_api.domain.decisions.reperforming import out_of_domain
from evidence_api.domain.decisions.shape import Claim, Part, Rows, Word

Sentence: TypeAlias = Annotated[str, StringConstraints(max_length=MAX_LETTERS)]


class Told(Part):
    """A part whose members nobody defined are kept: a rationale may tell of their numbers."""

    model_config = ConfigDict(extra="allow")


class Fallback(Told):
    """What was taken because no arm may be chosen, and the reason, which must be there."""

    arm: Word | None = Field(default=None, description="The arm that was taken")
    reason: Sentence | None = Field(default=None, description="Why: needed wherever no arm met the bounds")


class Card(Told):
    """What a router says of its choice."""

    task_id: Word = Field(description="The task the arm was chosen for")
    chosen_arm: Word | None = Field(description="Id of the chosen arm; null where none may be chosen")
    alternatives: Rows[Word] | None = Field(default=None, description="Ids of the other arms, in listed order")
    predicted_eval: Claim | None = Field(description="What the chosen arm is expected to reach")
    predicted_cost_usd: Claim | None = Field(description="What it is expected to cost, in US dollars")
    uncertainty: Claim | None = Field(
        description="How far the expected eval may be off: alpha * sigma, or the standard deviation of the posterior"
    )
    rationale: Sentence = Field(
        description="Why, in plain English; every number in it must be one of the card or the inputs"
    )
    probability: Claim | None = Field(
        default=None, description="How likely the policy was to take the arm (method `cpo`)"
    )
    fallback: Fallback | None = Field(default=None, description="Only where no arm met the bounds")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a method comes to: the place of the chosen arm among `ids` (None: none may be chosen), what is expected of
    it, its probability where the method has one, and why it is a fallback (empty: it is none)."""

    ids: tuple[str, ...]
    arm: int | None
    predicted_eval: float | None
    predicted_cost: float | None
    uncertainty: float | None
    probability: float | None = None
    fallback_reason: str = ""

    @property
    def chosen(self) -> str | None:
        """The id of the chosen arm."""
        return None if self.arm is None else self.ids[self.arm]

    @property
    def fell_back(self) -> bool:
        """Whether the arm was taken although it may not be chosen."""
        return bool(self.fallback_reason)

    def fields(self) -> dict[str, Any]:
        """The fields of a card that are derived, but for `fallback`."""
        fields: dict[str, Any] = {
            "chosenArm": self.chosen,
            "alternatives": [one for index, one in enumerate(self.ids) if index != self.arm],
            "predictedEval": self.predicted_eval,
            "predictedCostUSD": self.predicted_cost,
            "uncertainty": self.uncertainty,
        }
        return fields if self.probability is None else {**fields, "probability": self.probability}

    def card(self, task_id: str, rationale: str) -> dict[str, Any]:
        """The card to be signed."""
        card = {"taskId": task_id, **self.fields(), "rationale": rationale}
        if self.fell_back:
            card["fallback"] = {"arm": self.chosen, "reason": self.fallback_reason}
        return card


def check_ids(ids: Sequence[str]) -> None:
    """Refuse arms of one name: a card could not say which was chosen. Raises Malformed `out_of_domain`."""
    seen: set[str] = set()
    for index, one in enumerate(ids):
        if one in seen:
            raise out_of_domain(f"inputs.arms.{index}.id", "another arm before it has this id", value=one)
        seen.add(one)


def check_length(path: str, length: int, expected: int, of: str) -> None:
    """Refuse a list that does not go with another. Raises Malformed `out_of_domain`."""
    if length != expected:
        raise out_of_domain(path, f"{length} long, where {of} has {expected}", value=length, limit=expected)
