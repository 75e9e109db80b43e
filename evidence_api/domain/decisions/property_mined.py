"""`property-mined` -> kind `property`: a bound that samples show to hold for a share of all values, with confidence.

Distribution-free upper tolerance bound: of n independent samples the r-th smallest, for the least r with
P(X <= r - 1) >= confidence for X ~ Binomial(n, quantile). Whatever the distribution, at least the share `quantile` of
it lies at or below that sample with the stated confidence. Too few samples: no bound, null.
Source: Wilks (1941); Hahn, Meeker and Escobar, Statistical Intervals (2017), 5.3.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from pydantic import Field
from scipy.special import betainc, betaincc

from evidence_api.domain.decisions.exact import exact
from evidence_api.domain.decisions.guards import Guard, always, guard
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json, out_of_domain
from evidence_api.domain.decisions.shape import MAX_REAL, MAX_ROWS, Claim, Inside, Predicate, Real, Rows, Word
from evidence_api.domain.fact_type import FactType

_ROUNDING = 1e-12  # a distribution function that meets the confidence exactly may be computed this share short of it


class PropertyMined(Predicate):
    """The predicate: samples in any order."""

    metric: Word | None = Field(None, description="What was measured")
    quantile: Inside = Field(description="Share of all values the bound shall hold")
    confidence: Inside = Field(description="How sure that is")
    samples: Rows[Real] = Field(description="What was seen, in any order")
    bound: Claim | None = Field(
        description="Derived: the least sample that holds so much so surely; null where there are too few"
    )


def tolerance_rank(count: int, quantile: float, confidence: float) -> int | None:
    """The least r, from 1, for which the r-th smallest of `count` samples is a bound; None where not even the largest.

    >>> tolerance_rank(299, 0.99, 0.95), tolerance_rank(298, 0.99, 0.95), tolerance_rank(1000, 0.99, 0.95)
    (299, None, 996)
    """
    low, high = 1, count + 1  # the distribution function rises with r
    while low < high:
        middle = (low + high) // 2
        if _reached(middle, count, quantile, confidence):
            high = middle
        else:
            low = middle + 1
    return low if low <= count else None


def tolerance_bound(samples: Sequence[float], quantile: float, confidence: float) -> float | None:
    """The bound that `samples` show.

    >>> tolerance_bound([0.5, 9.0, 1.5, 2.0, 3.0], quantile=0.5, confidence=0.95)
    9.0
    """
    rank = tolerance_rank(len(samples), quantile, confidence)
    return None if rank is None else sorted(samples)[rank - 1]


def _reached(rank: int, count: int, quantile: float, confidence: float) -> bool:
    """P(X <= rank - 1) >= confidence, from whichever tail is the smaller: next to 1 there are no digits left."""
    a, b = float(rank), float(count - rank + 1)
    if confidence > 0.5:  # noqa: PLR2004  a half
        return float(betainc(a, b, quantile)) <= (1 - confidence) * (1 + _ROUNDING)
    return float(betaincc(a, b, quantile)) >= confidence * (1 - _ROUNDING)


def statement(metric: str, samples: Sequence[float], quantile: float, confidence: float) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`.

    >>> statement("retry_jitter_ms", [12.0, 7.5, 31.0], quantile=0.99, confidence=0.95)["bound"] is None
    True
    """
    return {
        "metric": metric,
        "quantile": quantile,
        "confidence": confidence,
        "samples": list(samples),
        "bound": tolerance_bound(samples, quantile, confidence),
    }


class PropertyMiner:
    """Learns a bound from what it observes, the latest 10,000 values, and makes a guard of it. For several threads.

    >>> miner = PropertyMiner("retry_jitter_ms", quantile=0.9, confidence=0.95)
    >>> for value in range(100):
    ...     miner.observe(value / 2)
    >>> miner.bound()
    47.5
    >>> jitter = miner.guard()
    >>> @jitter
    ... def pause(attempt):
    ...     return 10.0 * attempt
    >>> [pause(attempt) for attempt in range(6)], jitter.tally().breaches
    ([0.0, 10.0, 20.0, 30.0, 40.0, 50.0], 1)
    """

    def __init__(self, metric: str, *, quantile: float, confidence: float) -> None:
        self.metric = metric
        self._quantile, self._confidence = quantile, confidence
        self._samples: deque[float] = deque(maxlen=MAX_ROWS)
        self._lock = Lock()

    def observe(self, value: float) -> None:
        """Remember a value. Raises Malformed `out_of_domain` for what a predicate could not hold."""
        if not abs(value) <= MAX_REAL:  # so that NaN is refused with the rest
            raise out_of_domain("samples", f"{value} is no number within {MAX_REAL:g}", limit=MAX_REAL, value=value)
        with self._lock:
            self._samples.append(float(value))

    def bound(self) -> float | None:
        """The bound so far; None until there are samples enough."""
        return tolerance_bound(self._copied(), self._quantile, self._confidence)

    def then(self) -> Callable[..., bool]:
        """The bound as what must hold of a result that is a number. Raises Malformed `out_of_domain` without one."""
        bound = self.bound()
        if bound is None:
            seen = len(self._samples)
            raise out_of_domain("samples", f"{seen} are too few to bound {self.metric}", value=seen)
        limit: float = bound
        return lambda result, *_, **__: result <= limit

    def guard(self, when: Callable[..., bool] = always, *, alpha: float = 0.01) -> Guard:
        """A guard of functions that return the metric: as many breaches are allowed as the quantile leaves out."""
        allowed = float(1 - exact(self._quantile))
        return guard(when, self.then(), name=self.metric, allowed_breach_rate=allowed, alpha=alpha)

    def statement(self) -> dict[str, Any]:
        """The predicate's own fields, ready to be signed with `producer` and `decidedAt`."""
        return statement(self.metric, self._copied(), self._quantile, self._confidence)

    def _copied(self) -> list[float]:
        with self._lock:
            return list(self._samples)


def _derive(predicate: PropertyMined, _: Given) -> Derived:
    return Derived({"bound": tolerance_bound(predicate.samples, predicate.quantile, predicate.confidence)})


def _facts(predicate: PropertyMined, derived: Json) -> Mapping[str, Fact | None]:
    return {
        "metric": predicate.metric,
        "quantile": predicate.quantile,
        "confidence": predicate.confidence,
        "samples": len(predicate.samples),
        "bound": derived.get("bound"),
        "bounded": derived["bound"] is not None if "bound" in derived else None,
    }


def _explain(predicate: PropertyMined, derived: Json) -> str:
    metric = predicate.metric or "the metric"
    if derived["bound"] is None:
        said = f"{len(predicate.samples)} samples are too few to bound {metric}"
    else:
        said = f"{len(predicate.samples)} samples bound {metric} by {derived['bound']:.6g}"
    return f"{said} in {predicate.quantile * 100:.6g} % of cases with {predicate.confidence * 100:.6g} % confidence"


KIND = DecisionKind(
    name="property-mined",
    kind="property",
    title="Bound mined from samples (distribution-free tolerance bound)",
    model=PropertyMined,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "metric": FactType.WORD,
        "quantile": FactType.NUMBER,
        "confidence": FactType.NUMBER,
        "samples": FactType.NUMBER,
        "bound": FactType.NUMBER,
        "bounded": FactType.BOOLEAN,
    },
    series=lambda predicate: f"{predicate.metric or ''}/{predicate.quantile}",
)
