"""`ab-test` -> kind `ab_test`: whether variant b is better than a, by Welch's unequal-variances t interval.

lift = mean(b) - mean(a); standard error = sqrt(sd_a^2 / n_a + sd_b^2 / n_b); degrees of freedom after Welch and
Satterthwaite; b is adopted when the whole 95 % interval of the lift lies above 0. Two arms that never vary have no
error: the interval is the lift itself. Source: Welch (1947).
"""

from collections.abc import Mapping
from math import hypot, sqrt
from typing import Annotated, Any, NamedTuple

from pydantic import Field
from scipy.special import stdtrit

from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json
from evidence_api.domain.decisions.shape import Claim, Count, Part, Predicate, Real, Rows, Unsigned, Word
from evidence_api.domain.fact_type import FactType

_UPPER = 0.975  # of a two-sided 95 % interval


class Sample(Part):
    """One arm: how many values, their mean and their standard deviation (n - 1 in its denominator)."""

    n: Annotated[Count, Field(ge=2)] = Field(description="How many values")
    mean: Real
    sd: Unsigned = Field(description="Standard deviation, n - 1 in its denominator")


class AbTest(Predicate):
    """The predicate: b against a, more being better."""

    metric: Word | None = Field(None, description="What was measured; more is better")
    a: Sample
    b: Sample
    lift: Claim = Field(description="Derived: mean of b minus mean of a")
    interval95: Rows[Claim] = Field(description="Derived: 95 % interval of the lift, low and high")
    adopt: bool = Field(description="Derived: whether b is surely better")


class Arm(NamedTuple):
    """What a producer knows of one arm."""

    n: int
    mean: float
    sd: float


class Comparison(NamedTuple):
    """What the two arms come to."""

    lift: float
    interval: tuple[float, float]
    adopt: bool


def welch(a: Arm, b: Arm) -> Comparison:
    """The lift of b over a, its 95 % interval, and whether b is adopted. Needs n >= 2 and sd >= 0.

    >>> found = welch(Arm(100, 0.90, 0.05), Arm(100, 0.93, 0.05))
    >>> [round(end, 4) for end in found.interval], found.adopt
    ([0.0161, 0.0439], True)
    """
    lift = b.mean - a.mean
    error_a, error_b = a.sd / sqrt(a.n), b.sd / sqrt(b.n)
    error = hypot(error_a, error_b)
    if error == 0:
        return Comparison(lift, (lift, lift), lift > 0)
    share = (error_a / error) ** 2  # as shares of the whole, for squares of squares over- and underflow
    freedom = 1 / (share**2 / (a.n - 1) + (1 - share) ** 2 / (b.n - 1))
    reach = float(stdtrit(freedom, _UPPER)) * error
    return Comparison(lift, (lift - reach, lift + reach), lift - reach > 0)


def statement(metric: str, a: Arm, b: Arm) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`.

    >>> statement("evalScore", Arm(400, 0.90, 0.05), Arm(380, 0.89, 0.05))["adopt"]
    False
    """
    found = welch(a, b)
    return {
        "metric": metric,
        "a": dict(a._asdict()),
        "b": dict(b._asdict()),
        "lift": found.lift,
        "interval95": list(found.interval),
        "adopt": found.adopt,
    }


def _arm(sample: Sample) -> Arm:
    return Arm(sample.n, sample.mean, sample.sd)


def _derive(predicate: AbTest, _: Given) -> Derived:
    found = welch(_arm(predicate.a), _arm(predicate.b))
    return Derived({"lift": found.lift, "interval95": list(found.interval), "adopt": found.adopt})


def _facts(predicate: AbTest, derived: Json) -> Mapping[str, Fact | None]:
    interval = derived.get("interval95")
    return {
        "metric": predicate.metric,
        "samples": predicate.a.n + predicate.b.n,
        "lift": derived.get("lift"),
        "lower": interval[0] if interval else None,
        "upper": interval[1] if interval else None,
        "adopt": derived.get("adopt"),
    }


def _explain(predicate: AbTest, derived: Json) -> str:
    lower, upper = derived["interval95"]
    return (
        f"{predicate.metric or 'the metric'}: b is {derived['lift']:+.4g} against a, "
        f"95 % interval {lower:.4g} to {upper:.4g} from {predicate.a.n} and {predicate.b.n} samples: "
        f"{'adopt' if derived['adopt'] else 'do not adopt'}"
    )


KIND = DecisionKind(
    name="ab-test",
    kind="ab_test",
    title="Comparison of two variants (Welch's t interval)",
    model=AbTest,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "metric": FactType.WORD,
        "samples": FactType.NUMBER,
        "lift": FactType.NUMBER,
        "lower": FactType.NUMBER,
        "upper": FactType.NUMBER,
        "adopt": FactType.BOOLEAN,
    },
    series=lambda predicate: predicate.metric or "",
)
