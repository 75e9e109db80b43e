"""`dp-dataset` -> kind `dp`: the privacy a dataset has spent, and whether that is within its limit.

Basic composition: mechanisms run on the same data spend the sum of their epsilons. Epsilons are decimal text and
added exactly: ten times "0.1" is "1", and a total that meets the limit is within it.
Source: Dwork and Roth, The Algorithmic Foundations of Differential Privacy (2014), theorem 3.16.
"""

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, localcontext
from typing import Any

from pydantic import Field

from evidence_api.domain.decisions.listed import counted
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json
from evidence_api.domain.decisions.shape import Count, Money, MoneyClaim, Part, Predicate, Rows, Word
from evidence_api.domain.fact_type import FactType

_EXACT = Context(prec=60)  # 18 digits before the point, 18 behind it, 10,000 times


class Mechanism(Part):
    """One differentially private release of the data."""

    name: Word
    epsilon: Money = Field(description="What it spends, as decimal text")


class DpDataset(Predicate):
    """The predicate."""

    episodes: Count | None = Field(None, description="Rows of the dataset")
    pii_findings: Count | None = Field(None, description="Personal data still found in it")
    mechanisms: Rows[Mechanism]
    epsilon_total: MoneyClaim = Field(description="Sum of the epsilons, as decimal text")
    limit: Money = Field(description="What may be spent in all, as decimal text")
    within_limit: bool = Field(description="Whether the total is at most the limit")


def epsilon_total(epsilons: Iterable[str | Decimal]) -> Decimal:
    """What is spent in all, exactly.

    >>> epsilon_total(["0.1"] * 10)
    Decimal('1.0')
    """
    with localcontext(_EXACT):
        return sum(map(Decimal, epsilons), start=Decimal(0))


def statement(
    mechanisms: Iterable[tuple[str, str]],
    limit: str,
    *,
    episodes: int | None = None,
    pii_findings: int | None = None,
) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`.

    >>> made = statement([("counts", "0.5"), ("means", "0.5"), ("quantiles", "0.6")], limit="1.5", episodes=100_000)
    >>> made["epsilonTotal"], made["withinLimit"]
    ('1.6', False)
    """
    listed = list(mechanisms)
    total = epsilon_total(epsilon for _, epsilon in listed)
    counted = {"episodes": episodes, "piiFindings": pii_findings}
    return {
        **{name: count for name, count in counted.items() if count is not None},
        "mechanisms": [{"name": name, "epsilon": epsilon} for name, epsilon in listed],
        "epsilonTotal": f"{total:f}",
        "limit": limit,
        "withinLimit": total <= Decimal(limit),
    }


def _derive(predicate: DpDataset, _: Given) -> Derived:
    total = epsilon_total(one.epsilon for one in predicate.mechanisms)
    return Derived({"epsilonTotal": total, "withinLimit": total <= Decimal(predicate.limit)})


def _facts(predicate: DpDataset, derived: Json) -> Mapping[str, Fact | None]:
    return {
        "mechanisms": len(predicate.mechanisms),
        "epsilon_total": float(derived["epsilonTotal"]) if derived else None,
        "limit": float(predicate.limit),
        "within_limit": derived.get("withinLimit"),
        "episodes": predicate.episodes,
        "pii_findings": predicate.pii_findings,
    }


def _explain(predicate: DpDataset, derived: Json) -> str:
    said = "within" if derived["withinLimit"] else "over"
    mechanisms = counted(len(predicate.mechanisms), "mechanism")
    return f"epsilon {derived['epsilonTotal']:f} is spent by {mechanisms}, {said} the limit of {predicate.limit}"


KIND = DecisionKind(
    name="dp-dataset",
    kind="dp",
    title="Privacy spent by a dataset (differential privacy, basic composition)",
    model=DpDataset,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "mechanisms": FactType.NUMBER,
        "epsilon_total": FactType.NUMBER,
        "limit": FactType.NUMBER,
        "within_limit": FactType.BOOLEAN,
        "episodes": FactType.NUMBER,
        "pii_findings": FactType.NUMBER,
    },
)
