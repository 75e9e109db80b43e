"""`ownership` -> kind `ownership`: who owns a file, as far as its reviews tell.

A reviewer's weight is count * 2^(-age / half-life), age being the days since the last review; their share p is the
weight over the sum of all weights. The owners are the k with the highest; of equals, who is listed first. Where nobody
has any weight, nobody is an owner. Ages are taken from the newest one, which changes no share and keeps a file nobody
has touched for years from losing all its owners to rounding.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from evidence_api.domain.decisions.listed import check_distinct, counted, highest_first
from evidence_api.domain.decisions.reperforming import DecisionKind, Derived, Fact, Given, Json
from evidence_api.domain.decisions.shape import (
    MAX_REAL,
    Claim,
    Count,
    Part,
    Predicate,
    Rows,
    Unsigned,
    Word,
)
from evidence_api.domain.fact_type import FactType


class Review(Part):
    """What one person has reviewed of the file."""

    user: Word
    count: Count = Field(description="How many reviews")
    last_review_days: Unsigned = Field(description="Age of the newest of them, in days")


class Owner(Part):
    """One owner, with their share."""

    user: Word
    p: Claim = Field(description="Share of all reviewers' weight, 0 to 1")


class Ownership(Predicate):
    """The predicate."""

    file: Word | None = Field(None, description="The file, folder or component it is about")
    reviews: Rows[Review]
    half_life_days: Annotated[float, Field(gt=0, le=MAX_REAL, allow_inf_nan=False)] = Field(
        description="Days after which a review counts half"
    )
    k: Count = Field(description="How many owners there are at most")
    owners: Rows[Owner] = Field(description="The k reviewers with the highest shares, highest first")


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A reviewer: how many reviews, and the age of the newest in days."""

    user: str
    count: int
    last_review_days: float


def shares(reviews: Sequence[Reviewed], half_life_days: float) -> list[float]:
    """Everybody's share, in listed order; all 0 where nobody has any weight.

    >>> shares([Reviewed("ada", 4, 90), Reviewed("bob", 2, 0)], half_life_days=90)
    [0.5, 0.5]
    """
    newest = min((one.last_review_days for one in reviews if one.count), default=0.0)
    weights = [
        one.count * 2.0 ** -((one.last_review_days - newest) / half_life_days) if one.count else 0.0 for one in reviews
    ]
    total = sum(weights)
    return [weight / total for weight in weights] if total else weights


def owners(reviews: Sequence[Reviewed], half_life_days: float, k: int) -> list[tuple[str, float]]:
    """The k with the highest shares, highest first; of equals, who is listed first.

    >>> owners([Reviewed("ada", 1, 90), Reviewed("bob", 2, 0), Reviewed("eve", 2, 0)], half_life_days=90, k=2)
    [('bob', 0.4444444444444444), ('eve', 0.4444444444444444)]
    """
    found = shares(reviews, half_life_days)
    return [(reviews[index].user, found[index]) for index in highest_first(found)[:k]] if any(found) else []


def statement(
    file: str, reviews: Iterable[tuple[str, int, float]], *, half_life_days: float = 90, k: int = 2
) -> dict[str, Any]:
    """The predicate's own fields, ready to be signed with `producer` and `decidedAt`.

    >>> made = statement("server/a.py", [("ada", 4, 90), ("bob", 2, 0), ("eve", 1, 900)], half_life_days=90, k=2)
    >>> [(owner["user"], round(owner["p"], 3)) for owner in made["owners"]]
    [('ada', 0.5), ('bob', 0.5)]
    """
    listed = [Reviewed(*one) for one in reviews]
    return {
        "file": file,
        "reviews": [{"user": one.user, "count": one.count, "lastReviewDays": one.last_review_days} for one in listed],
        "halfLifeDays": half_life_days,
        "k": k,
        "owners": _told(owners(listed, half_life_days, k)),
    }


def _told(found: Iterable[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"user": user, "p": share} for user, share in found]


def _derive(predicate: Ownership, _: Given) -> Derived:
    check_distinct((one.user for one in predicate.reviews), "reviews.{}.user")
    listed = [Reviewed(one.user, one.count, one.last_review_days) for one in predicate.reviews]
    return Derived({"owners": _told(owners(listed, predicate.half_life_days, predicate.k))})


def _facts(predicate: Ownership, derived: Json) -> Mapping[str, Fact | None]:
    told = derived.get("owners")
    return {
        "file": predicate.file,
        "reviewers": sum(one.count > 0 for one in predicate.reviews),
        "owners": None if told is None else tuple(one["user"] for one in told),
        "top": told[0]["user"] if told else None,
        "share": told[0]["p"] if told else None,
    }


def _explain(predicate: Ownership, derived: Json) -> str:
    about = predicate.file or "it"
    shown = ", ".join(f"{one['user']} ({one['p']:.1%})" for one in derived["owners"][:5])
    if not shown:
        why = "it has no reviews" if predicate.k else "no owners were asked for"
        return f"nobody owns {about}: {why}"
    more = f" and {len(derived['owners']) - 5} more" if len(derived["owners"]) > 5 else ""  # noqa: PLR2004  as shown
    return f"{about} is owned by {shown}{more}, of {counted(len(predicate.reviews), 'reviewer')}"


KIND = DecisionKind(
    name="ownership",
    kind="ownership",
    title="Owners of a file, by its reviews",
    model=Ownership,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "file": FactType.WORD,
        "reviewers": FactType.NUMBER,
        "owners": FactType.WORDS,
        "top": FactType.WORD,
        "share": FactType.NUMBER,
    },
    series=lambda predicate: predicate.file or "",
)
