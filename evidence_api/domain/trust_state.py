"""The server's trust ledger: what one update does to it, and how well it predicted so far.

An update must begin where the ledger stands: at the last posterior, or, before the first, at a = b = 1 or at whatever
prior it declares as its `genesis`. One that begins elsewhere (or declares a second genesis) leaves the ledger where it
is, or the ledger would have two continuations. What an update is: domain/decisions/trust_update.py.

Predictions are the means of the priors; what they scored is kept as sums, so that a ledger of a million updates is read
as fast as one of ten.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from evidence_api.domain.decisions.reperforming import Difference, Fact, Reperformance, Status, differences
from evidence_api.domain.decisions.trust_update import Beta, Bin, TrustUpdate, bin_of, is_success, posterior, whole

BINS = 10
_CELLS = 3  # of a bin: how many, sum of predictions, successes
UNTRIED: tuple[float, ...] = (0.0,) * (BINS * _CELLS)


@dataclass(frozen=True, slots=True)
class TrustState:
    """One ledger. `context` is canonical JSON text; `updates` moved it, `discontinuities` did not; `squared` and `bins`
    are the sums its scores are made of."""

    arm: str
    context: str
    a: float = 1.0
    b: float = 1.0
    updates: int = 0
    discontinuities: int = 0
    squared: float = 0.0
    bins: tuple[float, ...] = UNTRIED

    @property
    def beta(self) -> Beta:
        """Where it stands; whole counts exactly."""
        return Beta(whole(self.a), whole(self.b))

    @property
    def mean(self) -> float:
        """The expected rate of successes."""
        return self.beta.mean

    @property
    def interval(self) -> tuple[float, float]:
        """From the 5th to the 95th percentile."""
        return self.beta.interval()

    @property
    def brier(self) -> float | None:
        """Mean squared error of its predictions, 0 (perfect) to 1; None before the first update."""
        return self.squared / self.updates if self.updates else None

    @property
    def reliability(self) -> tuple[Bin, ...]:
        """What was predicted beside what came, in ten bins of equal width."""
        cells = (self.bins[at : at + _CELLS] for at in range(0, len(self.bins), _CELLS))
        return tuple(_bin(index / BINS, *cell) for index, cell in enumerate(cells))


@dataclass(frozen=True, slots=True)
class TrustStep:
    """What one update did. `before` is where it had to begin, `claimed` where it says it began, `after` where the
    ledger stands then; it moved only if the update was continuous."""

    continuous: bool
    success: bool
    claimed: Beta
    before: Beta
    after: Beta

    @property
    def difference(self) -> Difference | None:
        """What a discontinuous update claims, and where the ledger stands."""
        return None if self.continuous else Difference("prior", _numbers(self.claimed), _numbers(self.before))


def step(state: TrustState, update: TrustUpdate) -> tuple[TrustState, TrustStep]:
    """The ledger after an update, and what the update did.

    >>> update = TrustUpdate.model_validate({
    ...     "producer": {"id": "maestro", "version": "1"}, "decidedAt": "2026-11-01T10:00:00Z", "arm": "small",
    ...     "context": {}, "prior": {"a": 1, "b": 1}, "outcome": {"contractMet": True, "speclive": "clean"},
    ...     "posterior": {"a": 2, "b": 1}, "mean": 0.6667})
    >>> state, made = step(TrustState("small", "{}"), update)
    >>> made.continuous, state.beta, state.brier
    (True, Beta(a=2, b=1), 0.25)
    >>> step(state, update)[1].difference
    Difference(path='prior', claimed={'a': 1, 'b': 1}, recomputed={'a': 2, 'b': 1})
    """
    claimed = Beta(whole(update.prior.a), whole(update.prior.b))
    success = is_success(update.outcome.contract_met, update.outcome.speclive)
    begins = update.genesis and not state.updates
    before = claimed if begins else state.beta
    if not begins and (update.genesis or any(differences(_numbers(claimed), _numbers(before)))):
        told = TrustStep(continuous=False, success=success, claimed=claimed, before=before, after=before)
        return replace(state, discontinuities=state.discontinuities + 1), told
    after = posterior(before, success)
    told = TrustStep(continuous=True, success=success, claimed=claimed, before=before, after=after)
    return _scored(replace(state, a=after.a, b=after.b, updates=state.updates + 1), before.mean, success), told


def continued(result: Reperformance, made: TrustStep) -> Reperformance:
    """What was found of an update by itself, with what the ledger says of its prior."""
    facts: Mapping[str, Fact] = {**result.facts, "continuous": made.continuous}
    if made.difference is None:
        return replace(result, facts=facts)
    found = tuple(sorted((*result.differences, made.difference), key=lambda one: one.path))
    told = f"the ledger stands at {_told(made.before)}, and the update begins at {_told(made.claimed)}"
    counted: Mapping[str, Fact] = {
        "reperformance": Status.DISAGREES.value.lower(),
        "disagreements": len(found),
        "differing": tuple(one.path for one in found),
    }
    return replace(
        result,
        status=Status.DISAGREES,
        reason=f"{told}; {result.reason}",
        differences=found,
        facts={**facts, **counted},
    )


def _scored(state: TrustState, predicted: float, success: bool) -> TrustState:  # noqa: FBT001  the outcome
    bins, at = list(state.bins), bin_of(predicted, BINS) * _CELLS
    for offset, value in enumerate((1, predicted, success)):
        bins[at + offset] += value
    return replace(state, squared=state.squared + (predicted - success) ** 2, bins=tuple(bins))


def _numbers(beta: Beta) -> dict[str, float]:
    return {"a": beta.a, "b": beta.b}


def _told(beta: Beta) -> str:
    return f"a={beta.a:.10g}, b={beta.b:.10g}"


def _bin(low: float, count: float, predicted: float, successes: float) -> Bin:
    return Bin(low, int(count), predicted / count, successes / count) if count else Bin(low, 0, None, None)
