"""Thompson sampling: how `router-decision`, method `thompson`, is decided, and the router that learns by it.

Per arm the posterior of its mean reward is Beta(alpha0 + n r, beta0 + n (1 - r)), r its mean reward so far; the draw is
the inverse of that distribution at u(seed, task, arm), and the highest draw is chosen, the first listed of equals. The
card expects the arm's mean eval, give or take the posterior's standard deviation. What is learned from is the reward
clip(eval - lambda cost, 0, 1).
Source: Agrawal and Goyal, Analysis of Thompson Sampling (COLT 2012).
"""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from scipy.special import betaincinv

from evidence_api.domain.decisions.arrays import Floats
from evidence_api.domain.decisions.decision_card import Choice, Told, check_ids
from evidence_api.domain.decisions.rationale import dollars, give_or_take
from evidence_api.domain.decisions.reperforming import out_of_domain
from evidence_api.domain.decisions.shape import MAX_COUNT, Probability, Real, Rows, Unsigned, Word
from evidence_api.domain.decisions.uniform import uniform
from evidence_api.domain.errors import Malformed
from evidence_api.domain.typed_json import read_typed

_Weight = Annotated[float, Field(gt=0, le=MAX_COUNT, allow_inf_nan=False)]
_Seen = Annotated[float, Field(ge=0, le=MAX_COUNT, allow_inf_nan=False)]  # a count, which may have been discounted


class BetaPrior(Told):
    """What is believed of every arm before anything is seen."""

    alpha: _Weight = Field(description="Successes assumed at first, above 0")
    beta: _Weight = Field(description="Failures assumed at first, above 0")


class ThompsonArm(Told):
    """One arm and what was seen of it: so many rewards, their mean, and the mean eval."""

    id: Word
    price_usd: Unsigned = Field(description="What one use costs, in US dollars")
    n: _Seen = Field(description="Rewards seen")
    mean_reward: Probability = Field(description="Their mean, each clip(eval - lambda * cost, 0, 1)")
    mean_eval: Real = Field(description="Mean eval of the same runs")


class ThompsonState(Told):
    """What has been learned. `lambda` weighs a dollar against eval."""

    cost_weight: Unsigned = Field(alias="lambda", description="What a dollar weighs against eval")
    prior: BetaPrior
    seed: Word = Field(description="Makes the draws repeatable: u(seed, taskId, arm id)")
    arms: Rows[ThompsonArm] = Field(min_length=1, description="In the order that decides ties")


def choose(inputs: ThompsonState, task_id: str) -> Choice:
    """The definition's pick. Raises Malformed `out_of_domain`."""
    ids = tuple(arm.id for arm in inputs.arms)
    check_ids(ids)
    a, b = _posteriors(inputs)
    with np.errstate(all="ignore"):  # what comes out as no number is named below
        draws = betaincinv(a, b, np.array([uniform(inputs.seed, task_id, one) for one in ids]))
    if not np.isfinite(draws).all():
        raise out_of_domain(f"inputs.arms.{int(np.argmin(np.isfinite(draws)))}", "its posterior has no draw")
    chosen = int(np.argmax(draws))
    arm = inputs.arms[chosen]
    return Choice(ids, chosen, arm.mean_eval, arm.price_usd, _deviation(a[chosen], b[chosen]))


def rationale(choice: Choice) -> str:
    """Why, in a sentence made of the card's own numbers."""
    expected = f"expected eval {give_or_take(choice.predicted_eval or 0.0, choice.uncertainty or 0.0)}"
    others = "drew highest of all arms" if len(choice.ids) > 1 else "is the only arm"
    return f"picked {choice.chosen}, which {others}: {expected} at {dollars(choice.predicted_cost or 0.0)}"


def reward(evaluation: float, cost: float, cost_weight: float) -> float:
    """What a run was worth, within 0 and 1.

    >>> reward(0.9, 0.4, 0.5)
    0.7
    """
    return min(max(evaluation - cost_weight * cost, 0.0), 1.0)


def _posteriors(inputs: ThompsonState) -> tuple[Floats, Floats]:
    seen = np.array([arm.n for arm in inputs.arms])
    mean = np.array([arm.mean_reward for arm in inputs.arms])
    return inputs.prior.alpha + seen * mean, inputs.prior.beta + seen * (1.0 - mean)


def _deviation(a: float, b: float) -> float:
    """The standard deviation of Beta(a, b)."""
    return float(np.sqrt(a * b / (a + b + 1.0)) / (a + b))


class Thompson:
    """A router that learns which arm is worth its price, and shows its draws to be repeatable.

    >>> router = Thompson({"small": 0.10, "large": 0.40}, seed="2026-11", cost_weight=0.5)
    >>> for _ in range(60):
    ...     router.update("small", evaluation=0.9, cost=0.10)
    ...     router.update("large", evaluation=0.9, cost=0.40)
    >>> router.pick("pr-77").chosen
    'small'
    >>> router.card("pr-77")["card"]["rationale"]
    'picked small, which drew highest of all arms: expected eval 0.90 ± 0.05 at $0.10'
    >>> Thompson.from_state(router.state()).pick("pr-78").chosen
    'small'
    """

    def __init__(
        self,
        prices: Mapping[str, float],
        *,
        seed: str,
        cost_weight: float = 1.0,
        prior: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        """`prices` are US dollars by arm id, in the order that decides ties. Until something is seen of an arm, its
        eval is expected to be the prior's mean. Raises Malformed (a bound of the kind, by its path)."""
        alpha, beta = prior
        expected = alpha / (alpha + beta) if alpha > 0 and beta > 0 else 0.0  # of no prior, which is refused below
        unseen = {"n": 0.0, "meanReward": 0.0, "meanEval": expected}
        arms = [{"id": one, "priceUSD": price, **unseen} for one, price in prices.items()]
        self.restore({"lambda": cost_weight, "prior": {"alpha": alpha, "beta": beta}, "seed": seed, "arms": arms})

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Thompson":
        """The router whose `state()` this is. Raises Malformed with a dotted path."""
        router = cls.__new__(cls)
        router.restore(state)
        return router

    def state(self) -> dict[str, Any]:
        """All it has learned, as JSON: the inputs of a card."""
        return {**self._settings, "arms": [dict(arm) for arm in self._arms.values()]}

    def pick(self, task_id: str) -> Choice:
        """The arm for a task: the same for the same task, until something is learned."""
        return choose(read_typed(ThompsonState, self.state()), task_id)

    def card(self, task_id: str) -> dict[str, Any]:
        """The pick as the predicate's own fields, ready to be signed with `producer` and `decidedAt`."""
        choice = self.pick(task_id)
        return {"method": "thompson", "card": choice.card(task_id, rationale(choice)), "inputs": self.state()}

    def update(self, arm: str, evaluation: float, cost: float) -> None:
        """Learn what a run of an arm came to. Raises Malformed for an unknown arm or numbers that are not finite."""
        if arm not in self._arms:
            raise Malformed(f"no arm is called {arm[:80]!r}", path="arm", value=arm[:80])
        if not np.isfinite(evaluation) or not np.isfinite(cost):
            raise Malformed("eval and cost are finite numbers", path="evaluation")
        seen = self._arms[arm]
        worth = reward(evaluation, cost, self._settings["lambda"])
        before, seen["n"] = seen["n"], seen["n"] + 1
        seen["meanReward"] = min(seen["meanReward"] + (worth - seen["meanReward"]) / seen["n"], 1.0)
        known = seen["meanEval"] if before else evaluation
        seen["meanEval"] = known + (evaluation - known) / seen["n"]

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state()`. It is read as the inputs of a card are: a router holds nothing a card may not."""
        read = read_typed(ThompsonState, state)
        check_ids([arm.id for arm in read.arms])
        self._arms = {arm.id: arm.model_dump(by_alias=True) for arm in read.arms}
        self._settings = read.model_dump(by_alias=True, exclude={"arms"})
