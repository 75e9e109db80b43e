"""A constrained policy's decision: how `router-decision`, method `cpo`, is decided (its training is another module's).

The policy is a softmax over arms: logits theta x, plus trustWeight ln(trust) where trust is given, and minus infinity
for an arm that is not allowed (or has no trust at all). With a seed the arm is the inverse of its cumulative
distribution, in listed order, at u(seed, task, "policy"); without, the likeliest, the first listed of equals. Computed
by log-sum-exp, so that no logit overflows.
Source: Achiam, Held, Tamar, Abbeel, Constrained Policy Optimization (ICML 2017), for the name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from evidence_api.domain.decisions.arrays import Floats, Matrix, Reals
from evidence_api.domain.decisions.decision_card import Choice, Told, check_ids, check_length
from evidence_api.domain.decisions.rationale import dollars, give_or_take, percent
from evidence_api.domain.decisions.reperforming import out_of_domain
from evidence_api.domain.decisions.shape import Probability, Real, Rows, Unsigned, Word
from evidence_api.domain.decisions.uniform import uniform
from evidence_api.domain.typed_json import read_typed

_TIED = 1e-12  # logits this close are equal: the sums differ only by rounding
_TRUST_WEIGHT = 1.0  # where trust is given without a weight


class PolicyArm(Told):
    """One arm, and what is expected of it."""

    id: Word
    price_usd: Unsigned = Field(description="What one use costs, in US dollars")
    eval: Real = Field(description="What is expected of it")
    uncertainty: Unsigned = Field(description="How far that may be off")


class PolicyInputs(Told):
    """The policy (a row of theta for each arm), the features of the task, and what narrows the choice."""

    theta: Matrix = Field(description="The policy: k x d, a row for each arm")
    x: Reals = Field(description="Features of the task; length d")
    arms: Rows[PolicyArm] = Field(min_length=1, description="In the order of the rows of theta")
    allowed: Rows[bool] = Field(description="Whether each arm may be taken")
    seed: Word | None = Field(
        default=None,
        description='With it the arm is drawn at u(seed, taskId, "policy"); without, the likeliest is taken',
    )
    trust: Rows[Probability] | None = Field(default=None, description="Trust in each arm, 0 to 1")
    trust_weight: Unsigned | None = Field(default=None, description="How much ln(trust) counts in the logits")


def logits(theta: Floats, x: Floats, allowed: NDArray[np.bool_], trust: Floats | None, trust_weight: float) -> Floats:
    """The logit of each arm, of length k; minus infinity where it may not be chosen."""
    found: Floats = (theta * x).sum(axis=1)  # row by row: equal rows have equal sums
    if trust is not None and trust_weight > 0:
        trusted = trust > 0
        found = found + trust_weight * np.log(np.where(trusted, trust, 1.0))
        allowed = allowed & trusted
    return np.where(allowed, found, -np.inf)


def softmax(found: Floats) -> Floats:
    """Probabilities of logits, along the last axis; at least one of them must be finite.

    >>> softmax(np.array([1e6, 1e6, -np.inf])).tolist()
    [0.5, 0.5, 0.0]
    """
    above: Floats = np.exp(found - found.max(axis=-1, keepdims=True))
    total: Floats = above.sum(axis=-1, keepdims=True)
    return above / total


def choose(inputs: PolicyInputs, task_id: str) -> Choice:
    """The definition's pick. Raises Malformed `out_of_domain` with the path of what does not fit: `inputs.allowed` if
    nothing is allowed, `inputs.trust` if nothing allowed is trusted."""
    ids = tuple(arm.id for arm in inputs.arms)
    check_ids(ids)
    found = _logits(inputs)
    probabilities = softmax(found)
    if inputs.seed is None:
        best = found.max()
        chosen = int(np.argmax(found >= best - _TIED * max(1.0, abs(best))))
    else:
        chosen = _drawn(probabilities, uniform(inputs.seed, task_id, "policy"))
    arm = inputs.arms[chosen]
    return Choice(ids, chosen, arm.eval, arm.price_usd, arm.uncertainty, float(probabilities[chosen]))


def rationale(choice: Choice, *, drawn: bool) -> str:
    """Why, in a sentence made of the card's own numbers."""
    expected = f"expected eval {give_or_take(choice.predicted_eval or 0.0, choice.uncertainty or 0.0)}"
    how = "drew it with" if drawn else "likes it best, with"
    return (
        f"picked {choice.chosen}: the policy {how} probability {percent(choice.probability or 0.0)}; "
        f"{expected} at {dollars(choice.predicted_cost or 0.0)}"
    )


def _logits(inputs: PolicyInputs) -> Floats:
    count = len(inputs.arms)
    check_length("inputs.theta", len(inputs.theta), count, "arms")
    check_length("inputs.theta.0", inputs.theta.shape[1], len(inputs.x), "x")
    check_length("inputs.allowed", len(inputs.allowed), count, "arms")
    if not any(inputs.allowed):
        raise out_of_domain("inputs.allowed", "no arm is allowed")
    if inputs.trust is not None:
        check_length("inputs.trust", len(inputs.trust), count, "arms")
    trust = None if inputs.trust is None else np.array(inputs.trust)
    weight = _TRUST_WEIGHT if inputs.trust_weight is None else inputs.trust_weight
    found = logits(inputs.theta, inputs.x, np.array(inputs.allowed), trust, weight)
    if not np.isfinite(found).any():
        raise out_of_domain("inputs.trust", "no allowed arm has any trust")
    return found


def _drawn(probabilities: Floats, at: float) -> int:
    """The first arm up to which the probabilities add up to `at`; rounding cannot lead past the last possible one."""
    reached = int(np.searchsorted(np.cumsum(probabilities), at, side="left"))
    return min(reached, int(np.flatnonzero(probabilities)[-1]))


@dataclass(frozen=True, slots=True)
class ConstrainedPolicy:
    """A trained policy, ready to decide: a row of `theta` for each arm {id, priceUSD, eval, uncertainty}.

    >>> arms = [{"id": "small", "priceUSD": 0.1, "eval": 0.9, "uncertainty": 0.02},
    ...         {"id": "large", "priceUSD": 0.5, "eval": 0.93, "uncertainty": 0.02}]
    >>> policy = ConstrainedPolicy([[0.4, 0.1], [0.1, 0.3]], arms)
    >>> policy.pick("pr-9", [1.0, 2.0]).chosen
    'large'
    >>> policy.pick("pr-9", [1.0, 2.0], allowed=[True, False]).chosen
    'small'
    >>> policy.card("pr-9", [1.0, 2.0], trust=[0.9, 0.4])["card"]["rationale"]
    'picked small: the policy likes it best, with probability 67.1 %; expected eval 0.90 ± 0.02 at $0.10'
    """

    theta: Sequence[Sequence[float]]
    arms: Sequence[Mapping[str, Any]]
    seed: str | None = None
    trust_weight: float | None = None

    def pick(
        self,
        task_id: str,
        x: Sequence[float],
        *,
        allowed: Sequence[bool] | None = None,
        trust: Sequence[float] | None = None,
    ) -> Choice:
        """The arm for a task with these features; all arms are allowed if not said. Raises Malformed with a path."""
        return choose(read_typed(PolicyInputs, self._inputs(x, allowed, trust)), task_id)

    def card(
        self,
        task_id: str,
        x: Sequence[float],
        *,
        allowed: Sequence[bool] | None = None,
        trust: Sequence[float] | None = None,
    ) -> dict[str, Any]:
        """The pick as the predicate's own fields, ready to be signed with `producer` and `decidedAt`."""
        choice = self.pick(task_id, x, allowed=allowed, trust=trust)
        text = rationale(choice, drawn=self.seed is not None)
        return {"method": "cpo", "card": choice.card(task_id, text), "inputs": self._inputs(x, allowed, trust)}

    def _inputs(
        self, x: Sequence[float], allowed: Sequence[bool] | None, trust: Sequence[float] | None
    ) -> dict[str, Any]:
        inputs = {
            "theta": [[float(one) for one in row] for row in self.theta],
            "x": [float(one) for one in x],
            "arms": [dict(arm) for arm in self.arms],
            "allowed": [True] * len(self.arms) if allowed is None else list(allowed),
            "seed": self.seed,
            "trust": None if trust is None else [float(one) for one in trust],
            "trustWeight": self.trust_weight,
        }
        return {name: value for name, value in inputs.items() if value is not None}
