"""Training the constrained policy (method `cpo`): a softmax over arms, learnt from another policy's log under limits.

Maximise E[eval - costWeight cost] subject to E[cost] <= maxCostUSD and E[eval] >= minEval, for pi = softmax(theta x):
  weights     w = min(pi(arm | x) / pBehavior, clip); how many were cut is reported
  estimates   E[r] by SNIPS: sum(w r) / sum(w)
  primal      theta follows the gradient of the Lagrangian, sum(w (A - mean A) grad log pi) / sum(w), with
              A = eval - costWeight cost - m_cost cost / maxCostUSD + m_eval eval, by Adam's steps
  dual        each multiplier grows with the breach of its constraint and shrinks with the slack, never below 0
  choice      of all steps the one that keeps both (tightened) constraints with the highest objective; if none does, the
              one that breaches them least
The constraints are tightened by `margin`, since estimates err. The policy is then evaluated off-policy on episodes it
was not trained on (off_policy.py); `constrained_policy.py` decides with the same theta.
Source: Swaminathan & Joachims (2015) for the estimate; Ionides, Truncated
Importance Sampling (2008); Bertsekas, Nonlinear Programming, for the multipliers; Kingma & Ba (2015) for the steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evidence_api.domain.decisions.constrained_policy import ConstrainedPolicy, softmax
from evidence_api.domain.decisions.off_policy import Column, DeployGate, Episodes, numbers
from evidence_api.domain.decisions.ope_report import statement
from evidence_api.domain.decisions.reperforming import out_of_domain
from evidence_api.domain.decisions.shape import MAX_DIMENSIONS, MAX_REAL

Matrix: TypeAlias = NDArray[np.float64]

_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8  # Adam's
_MOST = 1_000.0  # of a multiplier: constraints that cannot be met must not end in overflow
_LARGEST_FEATURE = 1e6
_RANGES: Mapping[str, tuple[float, float]] = {  # of a training: least, most
    "seed": (0, 2**63),
    "steps": (1, 1_000_000),
    "batch": (1, 50_000_000),
    "rate": (1e-9, 10),
    "dual_rate": (0, 1_000),
    "clip": (1, 1e9),
    "decay": (0, 1_000),
    "margin": (0, 0.99),
    "cost_weight": (0, 1e6),
}


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """What another policy did: features (n x d), the arm taken (n, from 0), and its episode. `observed.target` is not
    read: it is what training is about."""

    x: Matrix
    arm: NDArray[np.int64]
    observed: Episodes

    @classmethod
    def of(cls, x: ArrayLike, arm: ArrayLike, eval: ArrayLike, cost: ArrayLike, behaviour: ArrayLike) -> "Log":  # noqa: A002  the field's own name
        """From rows of one length. Raises Malformed `out_of_domain`."""
        features, taken = numbers(x, "x"), _arms(arm)
        observed = Episodes.of(eval, cost, behaviour, behaviour)
        if features.ndim != 2 or not 1 <= features.shape[1] <= MAX_DIMENSIONS:  # noqa: PLR2004  rows and columns
            raise out_of_domain("x", f"of shape {features.shape}; rows of 1 to {MAX_DIMENSIONS} numbers are needed")
        if not len(observed) or len(features) != len(observed) or taken.shape != (len(observed),):
            raise out_of_domain("arm", f"{len(features)} features and {taken.size} arms for {len(observed)} episodes")
        if not (np.abs(features) <= _LARGEST_FEATURE).all():
            raise out_of_domain("x", f"features are finite and at most {_LARGEST_FEATURE:g} from 0")
        return cls(features, taken, observed)

    def __len__(self) -> int:
        return len(self.arm)


@dataclass(frozen=True, slots=True)
class Constraints:
    """What the policy must keep, on average over episodes."""

    max_cost_usd: float
    min_eval: float


@dataclass(frozen=True, slots=True)
class Training:
    """How to train. The same log, constraints and training give the same policy."""

    seed: int = 0
    steps: int = 300
    batch: int = 4_096  # episodes of one step; all, where there are fewer
    rate: float = 0.05
    dual_rate: float = 0.1
    clip: float = 20.0
    decay: float = 1e-3  # pulls theta to 0: a policy that is sure of nothing the log does not show
    margin: float = 0.01  # of each limit
    cost_weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """One point of the history: estimates on the whole log, multipliers, share of the weights that were cut."""

    step: int
    eval: float
    cost_usd: float
    cost_multiplier: float
    eval_multiplier: float
    clipped: float
    feasible: bool


@dataclass(frozen=True, slots=True, eq=False)
class TrainedPolicy:
    """The policy: theta is k x d, its rows in the order of the arms. `chosen` is the step it is from."""

    theta: Matrix
    constraints: Constraints
    training: Training
    chosen: Step
    history: tuple[Step, ...]

    @property
    def multipliers(self) -> dict[str, float]:
        """What dual ascent settled at: it circles its goal, so the mean of the second half of its steps."""
        late = self.history[len(self.history) // 2 :]
        return {
            "costUSD": sum(step.cost_multiplier for step in late) / len(late),
            "eval": sum(step.eval_multiplier for step in late) / len(late),
        }

    def probabilities(self, x: ArrayLike) -> Matrix:
        """Of each arm, a row for each row of features."""
        return softmax(np.atleast_2d(np.asarray(x, dtype=np.float64)) @ self.theta.T)

    def router(self, arms: Sequence[Mapping[str, Any]], seed: str) -> ConstrainedPolicy:
        """What decides with this theta, over arms {id, priceUSD, eval, uncertainty}. It draws: the likeliest arm each
        time would be another policy than the one that was evaluated."""
        return ConstrainedPolicy(self.theta.tolist(), arms, seed)

    def episodes(self, held_out: Log) -> Episodes:
        """The held-out log with this policy as the target, for estimates or to be uploaded. Raises Malformed
        `out_of_domain` for features or arms that it was not trained on."""
        arms, width = self.theta.shape
        given = held_out.x.shape[1]
        if given != width:
            raise out_of_domain("x", f"rows of {given}, where it was trained on {width}", limit=width, value=given)
        _check_arms(held_out, arms)
        target = _taken(self.probabilities(held_out.x), held_out.arm)
        seen = held_out.observed
        return Episodes(seen.eval, seen.cost, seen.behaviour, target)

    def statement(
        self,
        held_out: Log,
        gate: DeployGate,
        *,
        baseline: tuple[float, float] | None = None,
        artifact: str = "",
    ) -> dict[str, Any]:
        """An `ope-report` ready to be signed. `baseline` is (eval, cost); without it, what the held-out log shows of
        the policy that made it. More than 1,000 episodes must be uploaded: `artifact` is their SHA-256."""
        seen = held_out.observed
        eval_, cost = baseline or (float(seen.eval.mean()), float(seen.cost.mean()))
        return statement(self.episodes(held_out), gate, baseline_eval=eval_, baseline_cost_usd=cost, artifact=artifact)


def train(log: Log, arms: int, constraints: Constraints, training: Training | None = None) -> TrainedPolicy:
    """Learn a policy over `arms` arms. Raises Malformed `out_of_domain`.

    >>> rng = np.random.default_rng(7)
    >>> x, arm = np.ones((900, 1)), rng.integers(0, 2, 900)        # logged by a coin: 0 is good and dear, 1 is cheap
    >>> evals, cost = np.where(arm == 0, 0.95, 0.85), np.where(arm == 0, 0.4, 0.1)
    >>> log = Log.of(x, arm, evals, cost, behaviour=np.full(900, 0.5))
    >>> policy = train(log, 2, Constraints(max_cost_usd=0.29, min_eval=0.9))
    >>> float(policy.probabilities([[1.0]])[0, 0].round(1))         # as much of the good one as the limit allows
    0.6
    >>> policy.statement(log, DeployGate(0.01, 1.2, 100))["deploy"]
    True
    """
    training = training or Training()
    _check(log, arms, constraints, training)
    run = _Run(log, arms, constraints, training)
    return run.policy()


def _check(log: Log, arms: int, constraints: Constraints, training: Training) -> None:
    if arms > MAX_DIMENSIONS:
        raise out_of_domain("arms", f"{arms}, of {MAX_DIMENSIONS} at most", limit=MAX_DIMENSIONS, value=arms)
    _check_arms(log, arms)
    _check_inside("constraints.maxCostUSD", constraints.max_cost_usd, 1 / MAX_REAL, MAX_REAL)
    _check_inside("constraints.minEval", constraints.min_eval, -MAX_REAL, MAX_REAL)
    for name, (least, most) in _RANGES.items():
        _check_inside(f"training.{name}", getattr(training, name), least, most)


def _check_inside(path: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:  # so that NaN is refused with the rest
        said = f"{value}, where a number from {least:g} to {most:g} is needed"
        raise out_of_domain(path, said, limit=most if value > most else least, value=value)


def _check_arms(log: Log, arms: int) -> None:
    last = int(log.arm.max())
    if last >= arms:
        raise out_of_domain("arms", f"{arms}, where the log has arm {last}, from 0", limit=arms - 1, value=last)


def _arms(given: ArrayLike) -> NDArray[np.int64]:
    try:
        taken = np.asarray(given)
    except ValueError as fault:  # ragged
        raise out_of_domain("arm", f"no column of arms ({str(fault)[:100]})") from fault
    most = MAX_DIMENSIONS - 1
    if taken.size and not (np.issubdtype(taken.dtype, np.integer) and taken.min() >= 0 and taken.max() <= most):
        raise out_of_domain("arm", f"arms are whole numbers from 0 to {most}", limit=most)
    return taken.astype(np.int64)


class _Run:
    """One training: theta, Adam's two means of its gradient, and the multipliers as they move."""

    def __init__(self, log: Log, arms: int, constraints: Constraints, training: Training) -> None:
        self._log, self._constraints, self._training = log, constraints, training
        self._random = np.random.default_rng(training.seed)
        self._theta: Matrix = np.zeros((arms, log.x.shape[1]))
        self._means = (np.zeros_like(self._theta), np.zeros_like(self._theta))
        self._cost_multiplier = self._eval_multiplier = 0.0
        self._max_cost = constraints.max_cost_usd * (1 - training.margin)
        self._min_eval = constraints.min_eval + training.margin * abs(constraints.min_eval)
        self._spread = float(log.observed.eval.std()) or 1.0  # the unit of gains and shortfalls of eval

    def policy(self) -> TrainedPolicy:
        history: list[Step] = []
        best: tuple[tuple[bool, float], Matrix, Step] | None = None
        for number in range(1, self._training.steps + 1):
            self._primal(self._sample(), number)
            step = self._dual(number)
            history.append(step)
            standing = self._standing(step)
            if best is None or standing > best[0]:
                best = (standing, self._theta.copy(), step)
        _, theta, chosen = best or ((False, 0.0), self._theta, history[-1])
        return TrainedPolicy(theta, self._constraints, self._training, chosen, tuple(history))

    def _sample(self) -> NDArray[np.int64] | slice:
        size, most = len(self._log), self._training.batch
        return slice(None) if size <= most else self._random.integers(0, size, most)

    def _primal(self, rows: NDArray[np.int64] | slice, number: int) -> None:
        """One step up the Lagrangian."""
        x, arm, seen = self._log.x[rows], self._log.arm[rows], self._log.observed
        shares = softmax(x @ self._theta.T)
        weights = np.minimum(_weights(shares, arm, seen.behaviour[rows]), self._training.clip)
        total = float(weights.sum()) or 1.0
        eval_, cost = seen.eval[rows], seen.cost[rows]
        price = self._training.cost_weight + self._cost_multiplier / self._constraints.max_cost_usd
        advantage = (1 + self._eval_multiplier) * eval_ - price * cost
        advantage -= float((weights * advantage).sum()) / total
        pull = -shares
        pull[np.arange(len(arm)), arm] += 1  # the gradient of log pi by the logits
        gradient = (pull * (weights * advantage)[:, None]).T @ x / total - self._training.decay * self._theta
        self._climb(gradient / (1 + self._cost_multiplier + self._eval_multiplier), number)

    def _climb(self, gradient: Matrix, number: int) -> None:
        first, second = self._means
        first *= _FIRST
        first += (1 - _FIRST) * gradient
        second *= _SECOND
        second += (1 - _SECOND) * gradient**2
        scale = np.sqrt(second / (1 - _SECOND**number)) + _TINY
        self._theta = self._theta + self._training.rate * first / (1 - _FIRST**number) / scale

    def _dual(self, number: int) -> Step:
        """One step of each multiplier, by the estimates on the whole log."""
        log, seen = self._log, self._log.observed
        raw = _weights(softmax(log.x @ self._theta.T), log.arm, seen.behaviour)
        weights = np.minimum(raw, self._training.clip)
        total = float(weights.sum()) or 1.0
        eval_, cost = float((weights * seen.eval).sum()) / total, float((weights * seen.cost).sum()) / total
        rate = self._training.dual_rate
        over, short = cost / self._max_cost - 1, self._min_eval - eval_
        self._cost_multiplier = min(_MOST, max(0.0, self._cost_multiplier + rate * over * self._spread))
        self._eval_multiplier = min(_MOST, max(0.0, self._eval_multiplier + rate * short / self._spread))
        clipped = float((raw > self._training.clip).mean())
        multipliers = (self._cost_multiplier, self._eval_multiplier)
        return Step(number, eval_, cost, *multipliers, clipped, feasible=over <= 0 and short <= 0)

    def _standing(self, step: Step) -> tuple[bool, float]:
        """Steps in order of worth: feasible ones by the objective, the others by how little they breach."""
        if step.feasible:
            return True, step.eval - self._training.cost_weight * step.cost_usd
        breach = max(0.0, step.cost_usd / self._max_cost - 1) + max(0.0, self._min_eval - step.eval)
        return False, -breach


def _weights(shares: Matrix, arm: NDArray[np.int64], behaviour: Column) -> Column:
    """Of each row. What no double holds is infinite, and cut with the rest."""
    with np.errstate(over="ignore"):
        weights: Column = _taken(shares, arm) / behaviour
    return weights


def _taken(shares: Matrix, arm: Sequence[int] | NDArray[np.int64]) -> Column:
    """The probability of the arm that was taken, of each row."""
    taken: Column = shares[np.arange(len(shares)), arm]
    return taken
