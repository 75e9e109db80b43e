"""`speclive-result` -> kind `speclive`: whether a guard's breaches are more than chance allows.

A guard may fail at most at the rate p; it was checked n times and failed k times. pValue = P(X >= k) for X ~
Binomial(n, p), exactly; the breach is sustained when pValue < alpha, so that a few failures within what is allowed
raise no alarm. Source: Clopper and Pearson (1934).
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from scipy.special import betainc

from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json, out_of_domain
from evidence_api.domain.decisions.shape import Claim, Count, Inside, Predicate, Probability, Word
from evidence_api.domain.fact_type import FactType


class SpecliveResult(Predicate):
    """The predicate: what one guard counted."""

    guard: Word | None = Field(None, description="Which guard")
    allowed_breach_rate: Probability = Field(description="Share of checks that may breach")
    checks: Count = Field(description="How often it was checked")
    breaches: Count = Field(description="How often it did not hold")
    alpha: Inside = Field(description="Significance level")
    p_value: Claim = Field(description="Derived: P(X >= breaches) at the allowed rate, exact binomial")
    sustained: bool = Field(description="Derived: whether pValue < alpha")


def p_value(allowed_breach_rate: float, checks: int, breaches: int) -> float:
    """P(X >= breaches) for X ~ Binomial(checks, allowed_breach_rate): as the regularised incomplete beta function,
    which neither sums nor cancels. Needs 0 <= breaches <= checks.

    >>> round(p_value(0.01, checks=1000, breaches=12), 6)
    0.30265
    """
    if breaches == 0:
        return 1.0
    return float(betainc(float(breaches), float(checks - breaches + 1), allowed_breach_rate))


def statement(guard: str, allowed_breach_rate: float, checks: int, breaches: int, alpha: float) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`.

    >>> statement("retry-jitter", 0.01, checks=1000, breaches=25, alpha=0.01)["sustained"]
    True
    """
    chance = p_value(allowed_breach_rate, checks, breaches)
    return {
        "guard": guard,
        "allowedBreachRate": allowed_breach_rate,
        "checks": checks,
        "breaches": breaches,
        "alpha": alpha,
        "pValue": chance,
        "sustained": chance < alpha,
    }


def _derive(predicate: SpecliveResult, _: Given) -> Derived:
    if predicate.breaches > predicate.checks:
        said = f"{predicate.breaches} breaches in {predicate.checks} checks"
        raise out_of_domain("breaches", said, limit=predicate.checks, value=predicate.breaches)
    chance = p_value(predicate.allowed_breach_rate, predicate.checks, predicate.breaches)
    return Derived({"pValue": chance, "sustained": chance < predicate.alpha})


def _facts(predicate: SpecliveResult, derived: Json) -> Mapping[str, Fact | None]:
    return {
        "guard": predicate.guard,
        "allowed_breach_rate": predicate.allowed_breach_rate,
        "alpha": predicate.alpha,
        "checks": predicate.checks,
        "breaches": predicate.breaches,
        "p_value": derived.get("pValue"),
        "sustained": derived.get("sustained"),
    }


def _explain(predicate: SpecliveResult, derived: Json) -> str:
    said = "a sustained breach" if derived["sustained"] else "within what is allowed"
    return (
        f"{predicate.guard or 'the guard'} failed {predicate.breaches} of {predicate.checks} checks where "
        f"{predicate.allowed_breach_rate * 100:.4g} % may fail, p = {derived['pValue']:.3g} against "
        f"{predicate.alpha:g}: {said}"
    )


KIND = DecisionKind(
    name="speclive-result",
    kind="speclive",
    title="Breaches of a runtime guard (exact one-sided binomial test)",
    model=SpecliveResult,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "guard": FactType.WORD,
        "allowed_breach_rate": FactType.NUMBER,
        "alpha": FactType.NUMBER,
        "checks": FactType.NUMBER,
        "breaches": FactType.NUMBER,
        "p_value": FactType.NUMBER,
        "sustained": FactType.BOOLEAN,
    },
    series=lambda predicate: predicate.guard or "",
)
