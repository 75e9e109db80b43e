"""LinUCB with safety bounds: how `router-decision`, method `linucb`, is decided (linucb_router.py learns and decides).

Per arm, theta = A^-1 b, mean = x.theta, width = alpha sqrt(x.A^-1 x). An arm is safe when its price is within `maxUSD`
and mean - width reaches `minEval`; of the safe arms the one with the highest mean + width is chosen, the first listed
of equals. Where none is safe, `fallback: "cheapest"` takes the lowest price and says why; without a fallback none is
chosen. A holds the ridge already. Source: Li, Chu, Langford, Schapire, A Contextual-Bandit Approach (WWW
2010); the bounds and the fallback are additions to it.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from evidence_api.domain.decisions.arrays import Floats, Matrix, Reals
from evidence_api.domain.decisions.decision_card import Choice, Told, check_ids, check_length
from evidence_api.domain.decisions.rationale import dollars, give_or_take, number
from evidence_api.domain.decisions.reperforming import out_of_domain
from evidence_api.domain.decisions.shape import Real, Rows, Unsigned, Word

Numbers: TypeAlias = Floats | float

_NOT_DEFINITE = "singular, or not positive definite"
TIED = 1e-9  # bounds this close are equal: no two ways of solving tell them apart
_ASYMMETRY = 1e-9  # of the largest entry
_SINGULAR = 1e-13  # a pivot this small beside its diagonal entry: what is left of it is rounding


class Safety(Told):
    """The bounds an arm must keep: its price in US dollars, and what may be expected of it at least."""

    max_usd: Unsigned = Field(description="The most an arm may cost, in US dollars")
    min_eval: Real = Field(description="What mu - alpha * sigma must reach")


class LinUCBArm(Told):
    """One arm with its regression so far: A is d x d, b has length d."""

    id: Word
    price_usd: Unsigned = Field(description="What one use costs, in US dollars")
    gram: Matrix = Field(
        alias="A", description="d x d, symmetric: lambda * I plus the sum of x x^T over the observed tasks"
    )
    response: Reals = Field(alias="b", description="Sum of reward * x over the observed tasks; length d")


class LinUCBState(Told):
    """What has been learned, and how it is used. `fallback` absent, null or "none": no safe arm, no arm."""

    alpha: Unsigned = Field(description="How many standard deviations are explored")
    arms: Rows[LinUCBArm] = Field(min_length=1, description="In the order that decides ties")
    safety: Safety
    fallback: Literal["cheapest", "none"] | None = Field(
        default=None, description="What to take when no arm is safe: the `cheapest`, or `none`"
    )


class LinUCBInputs(LinUCBState):
    """What a pick was made from: that, and the features of the task."""

    x: Reals = Field(description="Features of the task; length d")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is expected of each arm: mean and width of the confidence bound, both of length k."""

    mean: Floats
    width: Floats


def bounds(state: LinUCBState, x: Floats) -> Bounds:
    """The bounds of each arm. Raises Malformed `out_of_domain` with the path of the arm."""
    size = len(x)
    for index, arm in enumerate(state.arms):
        if arm.gram.shape != (size, size):
            shape = " x ".join(map(str, arm.gram.shape))
            raise out_of_domain(f"inputs.arms.{index}.A", f"{shape}, where x asks for {size} x {size}")
        check_length(f"inputs.arms.{index}.b", len(arm.response), size, "x")
    response = np.array([arm.response for arm in state.arms])
    return solved_bounds(np.array([arm.gram for arm in state.arms]), response, x, state.alpha)


def solved_bounds(gram: Floats, response: Floats, x: Floats, alpha: float) -> Bounds:
    """The same of arrays (k x d x d, k x d, d), by Cholesky factors of all arms at once: with A = L L',
    mean = (L^-1 b).(L^-1 x) and width = alpha |L^-1 x|. Raises Malformed `out_of_domain` with the path of the arm."""
    sides = np.empty((*response.shape, 2))
    sides[:, :, 0] = response
    sides[:, :, 1] = x
    with np.errstate(all="ignore"):  # what comes out infinite is named below
        solved = np.linalg.solve(_factors(gram), sides)
        mean = (solved[:, :, 0] * solved[:, :, 1]).sum(axis=1)
        width = alpha * np.sqrt((solved[:, :, 1] ** 2).sum(axis=1))
    _first_bad(~np.isfinite(mean + width), "", "its estimate is not finite")
    return Bounds(mean, width)


def choose(inputs: LinUCBInputs, found: Bounds) -> Choice:
    """The definition's pick. Raises Malformed `out_of_domain` for arms of one name."""
    ids = tuple(arm.id for arm in inputs.arms)
    check_ids(ids)
    prices = np.array([arm.price_usd for arm in inputs.arms])
    return choose_within(ids, prices, found, inputs.safety, inputs.fallback)


def choose_within(ids: tuple[str, ...], prices: Floats, found: Bounds, safety: Safety, fallback: str | None) -> Choice:
    """The pick from bounds however they were come by."""
    safe = is_safe(prices, found.mean - found.width, safety)
    upper = found.mean + found.width
    if safe.any():
        highest = upper[safe].max()
        arm = int(np.argmax(safe & (upper >= highest - TIED * max(1.0, abs(highest)))))
        return _chosen(ids, prices, found, arm)
    if fallback != "cheapest":
        return Choice(ids, None, None, None, None)
    reason = (
        f"no arm is within {dollars(safety.max_usd)} and sure of an eval of {number(safety.min_eval)}, "
        "so the cheapest was taken"
    )
    return _chosen(ids, prices, found, int(np.argmin(prices)), reason)


def is_safe(price: Numbers, lower: Numbers, safety: Safety) -> NDArray[np.bool_]:
    """Whether prices and lower confidence bounds keep the safety bounds."""
    least = safety.min_eval - TIED * max(1.0, abs(safety.min_eval))
    return np.logical_and(price <= safety.max_usd, lower >= least)


def rationale(choice: Choice, prices: Floats, found: Bounds, safety: Safety) -> str:
    """Why, in a sentence made of the card's and the inputs' own numbers."""
    if choice.arm is None:
        return (
            f"picked none: no arm is within {dollars(safety.max_usd)} and sure of an eval of "
            f"{number(safety.min_eval)}, and no fallback is named"
        )
    picked = (
        f"{choice.chosen}: expected eval {give_or_take(found.mean[choice.arm], found.width[choice.arm])} "
        f"at {dollars(prices[choice.arm])}"
    )
    if choice.fell_back:
        return f"fell back to {picked}; {choice.fallback_reason}"
    return f"picked {picked}{_best_other(choice, prices, found, safety)}"


def _best_other(choice: Choice, prices: Floats, found: Bounds, safety: Safety) -> str:
    """The most promising of the others, and what stood against it."""
    if len(choice.ids) == 1:
        return "; there is no other arm"
    upper = found.mean + found.width
    reached = upper[choice.arm]
    upper[choice.arm] = -np.inf
    other = int(np.argmax(upper))
    name, price = choice.ids[other], dollars(prices[other])
    if upper[other] <= reached:
        return f"; {name} at {price} promised no more"
    if prices[other] > safety.max_usd:
        return f"; {name} promised more but at {price} is over the {dollars(safety.max_usd)} cap"
    if is_safe(prices[other], found.mean[other] - found.width[other], safety):
        return f"; {name} at {price} promised the same"
    return f"; {name} at {price} promised more but is not sure of an eval of {number(safety.min_eval)}"


def _chosen(ids: tuple[str, ...], prices: Floats, found: Bounds, arm: int, reason: str = "") -> Choice:
    return Choice(ids, arm, float(found.mean[arm]), float(prices[arm]), float(found.width[arm]), fallback_reason=reason)


def _factors(gram: Floats) -> Floats:
    """The lower Cholesky factor of each matrix. Raises Malformed `out_of_domain` for one that is not symmetric and
    positive definite, or so nearly singular that nothing it yields could be computed again."""
    asymmetry = np.abs(gram - gram.swapaxes(1, 2)).max(axis=(1, 2))
    _first_bad(asymmetry > _ASYMMETRY * np.abs(gram).max(axis=(1, 2)), ".A", "not symmetric")
    try:
        factors: Floats = np.linalg.cholesky(gram).astype(np.float64, copy=False)
    except np.linalg.LinAlgError:
        _first_bad(np.array([not _factored(one) for one in gram]), ".A", _NOT_DEFINITE)
        raise
    pivots = np.diagonal(factors, axis1=1, axis2=2) ** 2
    _first_bad((pivots <= _SINGULAR * np.diagonal(gram, axis1=1, axis2=2)).any(axis=1), ".A", _NOT_DEFINITE)
    return factors


def _factored(gram: Floats) -> bool:
    try:
        np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        return False
    return True


def _first_bad(bad: NDArray[np.bool_] | np.bool_, member: str, why: str) -> None:
    if np.any(bad):
        raise out_of_domain(f"inputs.arms.{int(np.argmax(bad))}{member}", why)
