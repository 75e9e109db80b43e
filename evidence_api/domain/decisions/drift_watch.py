"""`drift-watch` -> kind `drift`: how far a distribution has moved, as population stability index over binned counts.

PSI = sum((q - p) ln(q / p)) over the bins, where p and q are the expected and observed shares after 0.5 is added to
each bin (so that an empty bin has no infinite weight). Below 0.1 nothing moved, from 0.25 on much did.
Source: Siddiqi, Credit Risk Scorecards (2006), for the two limits.
"""

from collections.abc import Mapping, Sequence
from math import log
from typing import Any, Literal

from pydantic import Field

from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json, out_of_domain
from evidence_api.domain.decisions.shape import Claim, Count, Predicate, Rows, Word, WordClaim
from evidence_api.domain.fact_type import FactType

_ADDED = 0.5
_MODERATE, _MAJOR = 0.1, 0.25


class DriftWatch(Predicate):
    """The predicate: counts a bin, in one order."""

    feature: Word | None = Field(None, description="Whose distribution")
    expected: Rows[Count] = Field(min_length=1, description="Counts of each bin at first")
    observed: Rows[Count] = Field(min_length=1, description="Counts of the same bins now")
    psi: Claim = Field(description="Derived: population stability index")
    level: WordClaim = Field(description="Derived: none below 0.1, moderate below 0.25, else major")


def psi(expected: Sequence[int], observed: Sequence[int]) -> float:
    """The index of two histograms over the same bins, 0 or more.

    >>> round(psi([10, 20, 30], [12, 25, 23]), 4)
    0.0531
    """
    before, after = _shares(expected), _shares(observed)
    return sum((q - p) * log(q / p) for p, q in zip(before, after, strict=True))


def level(index: float) -> Literal["none", "moderate", "major"]:
    """What an index means."""
    return "none" if index < _MODERATE else "moderate" if index < _MAJOR else "major"


def statement(feature: str, expected: Sequence[int], observed: Sequence[int]) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`.

    >>> statement("prompt_tokens", [10, 20, 30], [12, 25, 23])["level"]
    'none'
    """
    index = psi(expected, observed)
    return {
        "feature": feature,
        "expected": list(expected),
        "observed": list(observed),
        "psi": index,
        "level": level(index),
    }


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts) + _ADDED * len(counts)
    return [(count + _ADDED) / total for count in counts]


def _derive(predicate: DriftWatch, _: Given) -> Derived:
    if len(predicate.expected) != len(predicate.observed):
        said = f"{len(predicate.observed)} bins, where `expected` has {len(predicate.expected)}"
        raise out_of_domain("observed", said, limit=len(predicate.expected), value=len(predicate.observed))
    index = psi(predicate.expected, predicate.observed)
    return Derived({"psi": index, "level": level(index)})


def _facts(predicate: DriftWatch, derived: Json) -> Mapping[str, Fact | None]:
    return {"feature": predicate.feature, "psi": derived.get("psi"), "level": derived.get("level")}


def _explain(predicate: DriftWatch, derived: Json) -> str:
    feature = predicate.feature or "the feature"
    return f"{feature} moved by PSI {derived['psi']:.3f} over {len(predicate.expected)} bins: {derived['level']}"


KIND = DecisionKind(
    name="drift-watch",
    kind="drift",
    title="Drift of a feature's distribution (population stability index)",
    model=DriftWatch,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={"feature": FactType.WORD, "psi": FactType.NUMBER, "level": FactType.WORD},
    words={"level": ("none", "moderate", "major")},
    series=lambda predicate: predicate.feature or "",
)
