"""`placement` -> kind `placement`: the region something runs in, of those that are healthy, near and allowed.

score = costUSDPerK + (carbon * 1e-6 if preferLowCarbon) + p95Ms / 5000; the lowest of the regions that are healthy,
have p95Ms <= maxP95Ms, and may hold the country's data by the policy area `residency`, which is asked once for each
region that is healthy and near; no answer is a no. Of equals the one listed first. None: no region, no score, and the
statement says why.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from evidence_api.domain.decisions.listed import check_distinct, counted, first_highest
from evidence_api.domain.decisions.reperforming import (
    DecisionKind,
    Derived,
    Difference,
    Fact,
    Given,
    Json,
    NotReperformable,
    RuleNeed,
)
from evidence_api.domain.decisions.shape import Claim, Part, Predicate, Several, Unsigned, Word
from evidence_api.domain.fact_type import FactType
from evidence_api.domain.typed_json import read_typed

_CARBON, _LATENCY = 1e-6, 5000  # USD a unit of carbon; milliseconds a USD
_MAX_REGIONS = 1000  # each may be a question to policy
_NAMED = 5  # regions in a sentence


class Region(Part):
    """A region as it was measured; `carbon` in the units its maker measures in."""

    id: Word
    p95_ms: Unsigned = Field(description="95th percentile of latency, in milliseconds")
    carbon: Unsigned = Field(description="Carbon, in the units its maker measures in")
    healthy: bool = Field(description="Whether it serves")
    cost_usd_per_k: Unsigned = Field(description="Cost of 1,000 requests, in US dollars")


class PlacementNeed(Part):
    """What is asked of the region."""

    max_p95_ms: Unsigned = Field(description="The most latency, in milliseconds")
    prefer_low_carbon: bool = Field(description="Whether carbon counts")
    country: Word = Field(description="Whose data it is, as the residency policy names it")


class Inputs(Part):
    """What is placed among what."""

    regions: Annotated[Several[Region], Field(max_length=_MAX_REGIONS)]
    need: PlacementNeed

    @property
    def near(self) -> tuple[Region, ...]:
        """The regions that would do if policy allows them."""
        return tuple(one for one in self.regions if one.healthy and one.p95_ms <= self.need.max_p95_ms)


class Placement(Predicate, Inputs):
    """The predicate; `reason` must be there when nothing is chosen."""

    chosen: Word | None = Field(
        description="Derived: the allowed region with the lowest score; null where there is none"
    )
    score: Claim | None = Field(description="costUSDPerK + carbon * 1e-6 if preferred + p95Ms / 5000")
    reason: str | None = Field(default=None, description="Why this one, or why none")


def score(region: Region, *, prefer_low_carbon: bool) -> float:
    """What a region costs, all told: lower is better.

    >>> near = Region(id="eu-west", p95Ms=200.0, carbon=90000.0, healthy=True, costUSDPerK=0.42)
    >>> round(score(near, prefer_low_carbon=False), 3), round(score(near, prefer_low_carbon=True), 3)
    (0.46, 0.55)
    """
    carbon = region.carbon * _CARBON if prefer_low_carbon else 0.0
    return region.cost_usd_per_k + carbon + region.p95_ms / _LATENCY


def place(inputs: Inputs, allowed: Callable[[str], bool]) -> tuple[str, float] | None:
    """The region of the lowest score and that score, or None; `allowed` answers for a region's id."""
    left = [one for one in inputs.near if allowed(one.id)]
    if not left:
        return None
    scores = [score(one, prefer_low_carbon=inputs.need.prefer_low_carbon) for one in left]
    best = first_highest([-one for one in scores])
    return left[best].id, scores[best]


def statement(
    regions: Sequence[Mapping[str, Any]],
    need: Mapping[str, Any],
    allowed: Callable[[str, str], bool],
    *,
    reason: str = "",
) -> dict[str, Any]:
    """The predicate's own fields, from regions and need as they stand in it. `allowed` is asked (country, region), as
    `POST /v1/decide/residency` is. Raises Malformed with a dotted path.

    >>> regions = [
    ...     {"id": "us-east", "p95Ms": 120, "carbon": 4e5, "healthy": True, "costUSDPerK": 0.3},
    ...     {"id": "eu-west", "p95Ms": 180, "carbon": 9e4, "healthy": True, "costUSDPerK": 0.42},
    ... ]
    >>> need = {"maxP95Ms": 250, "preferLowCarbon": True, "country": "DE"}
    >>> made = statement(regions, need, lambda country, region: region.startswith("eu-"))
    >>> made["chosen"], round(made["score"], 3)
    ('eu-west', 0.546)
    >>> statement(regions, need, lambda country, region: False)["reason"]
    'no region: us-east and eu-west may not hold DE data'
    """
    given = {"regions": [dict(region) for region in regions], "need": dict(need)}
    inputs = read_typed(Inputs, given)
    check_distinct((one.id for one in inputs.regions), "regions.{}.id")
    found = place(inputs, lambda region: allowed(inputs.need.country, region))
    chosen, lowest = found or (None, None)
    said = reason or (f"the lowest score, {lowest:.4g}, of those allowed" if found else _why_none(inputs))
    return {**given, "chosen": chosen, "score": lowest, "reason": said}


def _why_none(inputs: Inputs) -> str:
    """Why no region was left, as one sentence of the inputs."""
    if not inputs.regions:
        return "no region: none was offered"
    if not any(one.healthy for one in inputs.regions):
        return "no region: none is healthy"
    if not inputs.near:
        return f"no region: none that is healthy is within {inputs.need.max_p95_ms:.6g} ms"
    names = [one.id for one in inputs.near]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    listed = " and ".join(names) if len(names) <= 2 else ", ".join(names[:_NAMED]) + more  # noqa: PLR2004  a pair
    return f"no region: {listed} may not hold {inputs.need.country} data"


def _need(predicate: Placement) -> RuleNeed | None:
    country = predicate.need.country
    questions = {one.id: {"country": country, "region": one.id} for one in predicate.near}
    return RuleNeed("residency", questions) if questions else None


def _derive(predicate: Placement, given: Given) -> Derived:
    check_distinct((one.id for one in predicate.regions), "regions.{}.id")
    if given.allowed is None and predicate.near:
        raise NotReperformable("the residency rule was not asked which regions it allows")
    answers = given.allowed or {}
    found = place(predicate, lambda region: answers.get(region, False))
    chosen, lowest = found or (None, None)
    unexplained = found is None and not (predicate.reason or "").strip()
    also = (Difference("reason", predicate.reason, _why_none(predicate)),) if unexplained else ()
    return Derived({"chosen": chosen, "score": lowest}, also)


def _facts(predicate: Placement, derived: Json) -> Mapping[str, Fact | None]:
    facts: dict[str, Fact | None] = {"country": predicate.need.country, "regions": len(predicate.regions)}
    if derived:
        facts |= {"placed": derived["chosen"] is not None, "chosen": derived["chosen"], "score": derived["score"]}
    return facts


def _explain(predicate: Placement, derived: Json) -> str:
    if derived["chosen"] is None:
        return _why_none(predicate)
    need = predicate.need
    carbon = ", carbon counted" if need.prefer_low_carbon else ""
    near = f"{counted(len(predicate.near), 'healthy region')} within {need.max_p95_ms:.6g} ms"
    lowest = f"{derived['chosen']} has the lowest score, {derived['score']:.4g}"
    return f"{lowest}, of those that may hold {need.country} data among {near}{carbon}"


KIND = DecisionKind(
    name="placement",
    kind="placement",
    title="Region chosen by health, latency, residency, cost and carbon",
    model=Placement,
    derive=_derive,
    facts_of=_facts,
    explain=_explain,
    facts={
        "placed": FactType.BOOLEAN,
        "chosen": FactType.WORD,
        "country": FactType.WORD,
        "score": FactType.NUMBER,
        "regions": FactType.NUMBER,
    },
    series=lambda predicate: predicate.need.country,
    claims=("chosen", "score", "reason"),
    need=_need,
    deferred=lambda _: True,
)
