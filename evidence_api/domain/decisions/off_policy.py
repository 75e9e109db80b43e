"""Off-policy evaluation: what a policy would have earned, from episodes that another policy logged.

With w = pTarget / pBehavior for each logged episode and r its eval or cost:
  IPS = mean(w r), unbiased, heavy-tailed; SNIPS = sum(w r) / sum(w), biased by O(1/n), far steadier;
  ESS = (sum w)^2 / sum(w^2), of how many episodes of the target policy itself the estimate is worth.
Source: Swaminathan & Joachims, The Self-Normalized Estimator for Counterfactual Learning (2015).

Sums are exact to the last digits (`fsum`), taken over runs of rows, so that fifty million episodes that lie in a file
need no memory to speak of. Weights are taken relative to the largest, so that their squares cannot overflow.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum, isclose, isfinite
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evidence_api.domain.decisions.reperforming import out_of_domain
from evidence_api.domain.decisions.shape import MAX_REAL

Column: TypeAlias = NDArray[np.float64]

ROWS_AT_ONCE = 65_536
SMALLEST = 5e-324  # the least number above 0
COLUMNS: Sequence[tuple[str, float, float]] = (  # name in the document, least, most
    ("eval", -MAX_REAL, MAX_REAL),
    ("costUSD", 0.0, MAX_REAL),
    ("pBehavior", SMALLEST, 1.0),
    ("pTarget", 0.0, 1.0),
)
_TIE = 1e-12  # relative; a sum and a threshold that differ by their last digits are the same number


@dataclass(frozen=True, slots=True, eq=False)
class Episodes:
    """Logged episodes, a row each: `eval` and `cost` (USD) as observed, and how likely each policy was to take the
    arm that was taken: `behaviour` in (0, 1], `target` in [0, 1]."""

    eval: Column
    cost: Column
    behaviour: Column
    target: Column

    def __len__(self) -> int:
        return len(self.eval)

    @classmethod
    def of(
        cls,
        eval: ArrayLike,  # noqa: A002  the field's own name for it
        cost: ArrayLike,
        behaviour: ArrayLike,
        target: ArrayLike,
    ) -> "Episodes":
        """From four columns of one length. Raises Malformed `out_of_domain` with row and column."""
        given = zip(COLUMNS, (eval, cost, behaviour, target), strict=True)
        columns = [numbers(column, f"episodes.{name}") for (name, _, _), column in given]
        for (name, _, _), column in zip(COLUMNS, columns, strict=True):
            if column.shape != columns[0].shape or column.ndim != 1:
                said = f"of shape {column.shape}, where a column of {columns[0].size} is needed"
                raise out_of_domain(f"episodes.{name}", said)
        fault = first_fault(columns)
        if fault is not None:
            raise out_of_domain(f"episodes.{fault.row}.{fault.column}", fault.why)
        return cls(*columns)


def numbers(given: ArrayLike, path: str) -> NDArray[np.float64]:
    """As doubles. Raises Malformed `out_of_domain` for what is no number, or ragged."""
    try:
        return np.asarray(given, dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as fault:
        raise out_of_domain(path, f"no array of numbers ({str(fault)[:100]})") from fault


@dataclass(frozen=True, slots=True)
class RowFault:
    """The first value that is outside its range; rows count from 0, `column` is the document's name of it."""

    row: int
    column: str
    why: str


def first_fault(columns: Sequence[Column]) -> RowFault | None:
    """The first row whose numbers are no episode, the columns in the order of COLUMNS; None: all are."""
    inside = [(least <= column) & (column <= most) for (_, least, most), column in zip(COLUMNS, columns, strict=True)]
    every = np.logical_and.reduce(inside)
    if every.all():
        return None
    row = int(np.argmin(every))
    index = next(index for index, one in enumerate(inside) if not one[row])
    name, least, most = COLUMNS[index]
    value = float(columns[index][row])
    if not isfinite(value):
        return RowFault(row, name, f"{value} is no finite number")
    bounds = f"more than 0 and at most {most:g}" if least == SMALLEST else f"from {least:g} to {most:g}"
    return RowFault(row, name, f"{value:g}, where {bounds} is needed")


@dataclass(frozen=True, slots=True)
class Estimate:
    """One quantity under the target policy, both ways."""

    ips: float
    snips: float


@dataclass(frozen=True, slots=True)
class Estimates:
    """What the target policy would have earned and spent an episode, and what that rests on."""

    eval: Estimate
    cost_usd: Estimate
    effective_sample_size: float
    largest_weight: float


@dataclass(frozen=True, slots=True)
class DeployGate:
    """When a policy may be deployed. `max_cost_ratio` is of the baseline's cost."""

    min_eval_gain: float
    max_cost_ratio: float
    min_effective_sample_size: float


def estimate(episodes: Episodes, at: str = "episodes") -> Estimates:
    """Both estimates of both quantities. Raises Malformed `out_of_domain` (path `at`) where there are no episodes, all
    weights are zero (SNIPS and ESS are 0/0 then: nothing logged says anything of the target policy) or one overflows.

    >>> logged = Episodes.of(eval=[0.9, 0.6], cost=[0.3, 0.1], behaviour=[0.5, 0.5], target=[0.8, 0.2])
    >>> found = estimate(logged)
    >>> round(found.eval.snips, 4), round(found.cost_usd.snips, 4), round(found.effective_sample_size, 4)
    (0.84, 0.26, 1.4706)
    """
    if not len(episodes):
        raise out_of_domain(at, "there are no episodes")
    largest = max(float(_weights(rows, at, start).max()) for start, rows in _runs(episodes))
    if largest == 0:
        raise out_of_domain(at, "every weight is zero: the target policy takes no arm that was logged")
    relative = fsum(_sums(episodes, largest, lambda weights, _: weights))
    squared = fsum(_sums(episodes, largest, lambda weights, _: weights * weights))

    def both(column: Callable[[Episodes], Column], path: str) -> Estimate:
        total = fsum(_sums(episodes, largest, lambda weights, rows: weights * column(rows)))
        ips = total / len(episodes) * largest
        if not isfinite(ips):
            raise out_of_domain(at, f"the weighted mean of {path} is not finite")
        return Estimate(ips=ips, snips=total / relative)

    return Estimates(
        eval=both(lambda rows: rows.eval, "eval"),
        cost_usd=both(lambda rows: rows.cost, "costUSD"),
        effective_sample_size=relative * relative / squared,
        largest_weight=largest,
    )


def may_deploy(found: Estimates, gate: DeployGate, baseline_eval: float, baseline_cost_usd: float) -> bool:
    """Whether the estimates are good enough, all three. A threshold met exactly is met, rounding set aside.

    >>> logged = Episodes.of([0.9, 0.6], [0.3, 0.1], [0.5, 0.5], [0.8, 0.2])
    >>> may_deploy(estimate(logged), DeployGate(0.04, 0.9, 1), baseline_eval=0.8, baseline_cost_usd=0.3)
    True
    """
    return (
        _reaches(found.eval.snips, baseline_eval + gate.min_eval_gain)
        and _reaches(gate.max_cost_ratio * baseline_cost_usd, found.cost_usd.snips)
        and _reaches(found.effective_sample_size, gate.min_effective_sample_size)
    )


def _reaches(value: float, limit: float) -> bool:
    return value >= limit or isclose(value, limit, rel_tol=_TIE, abs_tol=0)


def _runs(episodes: Episodes) -> Iterator[tuple[int, Episodes]]:
    """The rows, as many at once as stay in a processor's cache, and where each run starts."""
    columns = (episodes.eval, episodes.cost, episodes.behaviour, episodes.target)
    for start in range(0, len(episodes), ROWS_AT_ONCE):
        yield start, Episodes(*(column[start : start + ROWS_AT_ONCE] for column in columns))


def _weights(rows: Episodes, at: str, start: int) -> Column:
    with np.errstate(over="ignore", divide="ignore"):  # looked for, and told by its row
        weights: Column = rows.target / rows.behaviour
    finite = np.isfinite(weights)
    if not finite.all():
        row = start + int(np.argmin(finite))
        raise out_of_domain(f"{at}.{row}.pBehavior", "so small that the weight of the episode is not finite")
    return weights


def _sums(episodes: Episodes, largest: float, of: Callable[[Column, Episodes], Column]) -> Iterator[float]:
    for _, rows in _runs(episodes):
        with np.errstate(under="ignore"):
            yield fsum(of(rows.target / rows.behaviour / largest, rows).tolist())
