"""`trust-update` -> kind `trust`: one outcome moves the trust in an arm, in one context, by one Beta-Bernoulli step.

A success is a contract met with SpecLive `clean`; any other outcome is a failure. The posterior of Beta(a, b) is
Beta(a + 1, b) after a success and Beta(a, b + 1) after a failure, its mean a / (a + b). Whole counts are compared
exactly, for at a million of them one more is within the tolerance of floats.
Whether `prior` is where the ledger stands is for the server, which keeps one per (tenant, arm, context).
Source: Brier (1950) for the score of its predictions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import floor, sqrt
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema
from scipy.special import betaincinv

from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json
from evidence_api.domain.decisions.shape import MAX_COUNT, Claim, Part, Predicate, Word
from evidence_api.domain.digest import canonical
from evidence_api.domain.fact_type import FactType

CLEAN = "clean"
MAX_CONTEXT, MAX_NAME, MAX_TEXT = 32, 128, 1024  # members; characters of a name; of a text
MAX_CONTEXT_TEXT = 4096  # bytes of the whole, canonical: it names a ledger
MIN_WEIGHT = 1e-6  # of a prior: below it the quantiles of the distribution leave the range of doubles
LEVEL = 0.9  # of the intervals shown: from the 5th to the 95th percentile

Scalar: TypeAlias = bool | int | float | str | None
LedgerKey: TypeAlias = tuple[str, str]
_SCALAR_SCHEMA = {
    "type": "object",
    "propertyNames": {"minLength": 1, "maxLength": MAX_NAME},
    "additionalProperties": {
        "type": ["boolean", "number", "string", "null"],
        "minimum": -MAX_COUNT,
        "maximum": MAX_COUNT,
        "maxLength": MAX_TEXT,
    },
    "maxProperties": MAX_CONTEXT,
}


def _checked(context: dict[str, Any]) -> dict[str, Scalar]:
    if len(context) > MAX_CONTEXT:
        raise ValueError(f"more than {MAX_CONTEXT} members")
    for name, value in context.items():
        if not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise ValueError(f"a name has 1 to {MAX_NAME} printable characters")
        if not _is_scalar(value):
            raise ValueError(f"{name[:MAX_NAME]!r} is no plain value (a text, a number, true, false or null)")
    if len(canonical(context)) > MAX_CONTEXT_TEXT:
        raise ValueError(f"more than {MAX_CONTEXT_TEXT} bytes as canonical JSON")
    return context


def _is_scalar(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT and value.isprintable()
    if isinstance(value, int | float):
        return -MAX_COUNT <= value <= MAX_COUNT  # false of NaN
    return value is None


Context: TypeAlias = Annotated[dict[str, Any], AfterValidator(_checked), WithJsonSchema(_SCALAR_SCHEMA)]
Weight: TypeAlias = Annotated[float, Field(ge=MIN_WEIGHT, le=MAX_COUNT, allow_inf_nan=False)]


class Prior(Part):
    """Where the ledger stood: successes and failures so far, each with what was assumed at first."""

    a: Weight = Field(description="Successes, with those assumed at first")
    b: Weight = Field(description="Failures, with those assumed at first")


class Outcome(Part):
    """What came of the arm's work."""

    contract_met: bool = Field(description="Whether the work met the post-conditions of its contract")
    speclive: Word = Field(description="What the runtime guards found: `clean`, or anything else for a breach")


class Posterior(Part):
    """Where the ledger is said to stand now."""

    a: Claim
    b: Claim


class TrustUpdate(Predicate):
    """The predicate."""

    arm: Word = Field(description="Whose trust this is: the model, agent or tool that did the work")
    context: Context = Field(description="For what kind of work; together with the arm it names the ledger")
    prior: Prior
    outcome: Outcome
    genesis: bool = Field(default=False, description="Begins a ledger at `prior`, instead of at a = b = 1")
    posterior: Posterior
    mean: Claim = Field(description="Expected rate of successes: a / (a + b) of the posterior")


@dataclass(frozen=True, slots=True)
class Beta:
    """Trust as a distribution over the rate of successes.

    >>> Beta(9, 1).mean
    0.9
    >>> low, high = Beta(9, 1).interval()
    >>> (round(low, 3), round(high, 3))
    (0.717, 0.994)
    """

    a: float = 1
    b: float = 1

    @property
    def mean(self) -> float:
        """The expected rate of successes."""
        return self.a / (self.a + self.b)

    @property
    def sd(self) -> float:
        """Its standard deviation."""
        return sqrt(self.mean * (1 - self.mean) / (self.a + self.b + 1))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """The central interval that holds the rate with probability `level`."""
        tail = (1 - level) / 2
        return float(betaincinv(self.a, self.b, tail)), float(betaincinv(self.a, self.b, 1 - tail))


@dataclass(frozen=True, slots=True)
class Bin:
    """One row of a reliability table: predictions from `low` on; the means are None where nothing was predicted."""

    low: float
    count: int
    predicted: float | None
    observed: float | None


def is_success(contract_met: bool, speclive: str) -> bool:  # noqa: FBT001  the two halves of an outcome, in its order
    """Contract met, and nothing breached at run time."""
    return contract_met and speclive == CLEAN


def posterior(prior: Beta, success: bool) -> Beta:  # noqa: FBT001  the observation
    """Where one outcome moves it. Whole numbers stay exact up to 2^53.

    >>> posterior(Beta(9, 1), False)
    Beta(a=9, b=2)
    """
    return Beta(prior.a + success, prior.b + (not success))


def ledger_key(arm: str, context: Mapping[str, Scalar]) -> LedgerKey:
    """What a ledger goes by: the arm, and the context as canonical JSON text. Raises Malformed.

    >>> ledger_key("impl@small", {"riskBand": "low", "files": 3.0})
    ('impl@small', '{"files":3,"riskBand":"low"}')
    """
    return arm, canonical(dict(context)).decode()


def brier(pairs: Iterable[tuple[float, bool]]) -> float | None:
    """Mean squared error of predicted probabilities, 0 (perfect) to 1; None without any.

    >>> brier([(0.5, True), (0.9, True)])
    0.13
    """
    squares = [(predicted - observed) ** 2 for predicted, observed in pairs]
    return sum(squares) / len(squares) if squares else None


def bin_of(predicted: float, bins: int = 10) -> int:
    """Which row of the reliability table a prediction belongs to; 1 belongs to the last."""
    return min(floor(predicted * bins), bins - 1)


def reliability(pairs: Iterable[tuple[float, bool]], bins: int = 10) -> tuple[Bin, ...]:
    """What was predicted beside what came, in bins of equal width: well calibrated is where the two are alike.

    >>> reliability([(0.5, True), (0.5, False), (0.9, True)], bins=2)[1]
    Bin(low=0.5, count=3, predicted=0.6333333333333333, observed=0.6666666666666666)
    """
    rows: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for predicted, observed in pairs:
        rows[bin_of(predicted, bins)].append((predicted, observed))
    return tuple(_bin(index / bins, row) for index, row in enumerate(rows))


def _bin(low: float, row: list[tuple[float, bool]]) -> Bin:
    if not row:
        return Bin(low, 0, None, None)
    predicted, observed = (sum(values) / len(row) for values in zip(*row, strict=True))
    return Bin(low, len(row), predicted, observed)


def statement(  # noqa: PLR0913  the members of an update
    arm: str,
    context: Mapping[str, Scalar],
    prior: Beta,
    *,
    contract_met: bool,
    speclive: str,
    genesis: bool = False,
) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`.

    >>> made = statement("impl@small", {"riskBand": "low"}, Beta(1, 1), contract_met=True, speclive="clean")
    >>> made["posterior"]
    {'a': 2, 'b': 1}
    """
    after = posterior(prior, is_success(contract_met, speclive))
    return {
        "arm": arm,
        "context": dict(context),
        "prior": {"a": prior.a, "b": prior.b},
        "outcome": {"contractMet": contract_met, "speclive": speclive},
        **({"genesis": True} if genesis else {}),
        "posterior": {"a": after.a, "b": after.b},
        "mean": after.mean,
    }


def whole(number: float) -> int | float:
    """A count that is whole as the integer it is, so that it is compared exactly."""
    return int(number) if float(number).is_integer() else number


def _after(predicate: TrustUpdate) -> Beta:
    prior = Beta(whole(predicate.prior.a), whole(predicate.prior.b))
    return posterior(prior, _success(predicate))


def _success(predicate: TrustUpdate) -> bool:
    return is_success(predicate.outcome.contract_met, predicate.outcome.speclive)


def _derive(predicate: TrustUpdate, _: Given) -> Derived:
    after = _after(predicate)
    return Derived({"posterior": {"a": after.a, "b": after.b}, "mean": after.mean})


def _facts(predicate: TrustUpdate, derived: Json) -> Mapping[str, Fact | None]:
    arm, context = ledger_key(predicate.arm, predicate.context)
    return {
        "arm": arm,
        "context": context,
        "success": _success(predicate),
        "genesis": predicate.genesis,
        "mean": derived.get("mean"),
        "lower": _after(predicate).interval()[0] if derived else None,
    }


def _explain(predicate: TrustUpdate, derived: Json) -> str:
    prior, after = Beta(predicate.prior.a, predicate.prior.b), _after(predicate)
    low, high = after.interval()
    kept = "met its contract" if predicate.outcome.contract_met else "did not meet its contract"
    return (
        f"{predicate.arm} {kept} with SpecLive {predicate.outcome.speclive}: trust {derived['mean']:.3f} "
        f"({LEVEL:.0%} interval {low:.3f} to {high:.3f}), from {prior.mean:.3f}"
    )


KIND = DecisionKind(
    name="trust-update",
    kind="trust",
    title="Trust in an arm, updated by an outcome (Beta-Bernoulli)",
    model=TrustUpdate,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "arm": FactType.WORD,
        "context": FactType.WORD,
        "success": FactType.BOOLEAN,
        "genesis": FactType.BOOLEAN,
        "mean": FactType.NUMBER,
        "lower": FactType.NUMBER,
        "continuous": FactType.BOOLEAN,  # told by the server, which keeps the ledger (domain/trust_state.py)
    },
    series=lambda predicate: " ".join(ledger_key(predicate.arm, predicate.context)),
    deferred=lambda _: True,
)
