"""Deriving dependency debt: each component's age and worst vulnerability, weighed by how much depends on it.

score = rank · (1 - (1 - s)(1 - a)): s is the severity's weight, a = 1 - 2^(-days behind / 365), rank the component's
PageRank times the number of components. An unknown age adds nothing, and is told by `dated`. Release dates come with
the inputs; there is no clock, so age is counted to the newest release known of the package.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from evidence_api.domain.dependency_debt import ComponentDebt, DependencyDebt
from evidence_api.domain.drift import DERIVATION, ComponentVulnerability, Drift, Inventory
from evidence_api.domain.page_rank import page_rank
from evidence_api.formats.packages import package_of
from evidence_api.formats.vulnerability_claims import worst

DEPENDENCY_DEBT = "urn:evidence-api:dependency-debt:v1"
PRODUCER = "evidence-api/dependency-debt"
MAX_LISTED = 1_000  # components; the others owe no more than the last of these
WEIGHTS: Mapping[str, float] = {"critical": 1.0, "high": 0.7, "medium": 0.4, "low": 0.1, "info": 0.0, "none": 0.0}
UNRATED = 0.4  # a vulnerability nobody rated weighs as a medium one
HALF_LIFE = 365.0  # days behind after which half of what age can add is added
_DECIMALS = 6  # beyond these, machines may differ

Released = Mapping[str, Mapping[str, date]]  # package key -> version -> day of its release
_Place = tuple[str, str]


def derive_debt(current: Inventory, drift: Drift, released: Released | None = None) -> DependencyDebt:
    """The debt of a release; `drift` is its own, for the vulnerabilities that count."""
    placed = list(_placed(current))
    places = sorted({place for place, _ in placed})
    ranks = page_rank(len(places), _edges(current, placed, places)) if places else []
    found: dict[_Place, list[ComponentVulnerability]] = {}
    for one in drift.vulnerabilities:
        found.setdefault((one.package, one.version), []).append(one)
    components = [
        _component(place, found.get(place, ()), _days_behind(place, released or {}), rank * len(places))
        for place, rank in zip(places, ranks, strict=True)
    ]
    components.sort(key=lambda one: (-one.score, one.package, one.version))
    return DependencyDebt(
        sboms=drift.current,
        advisories=drift.advisories,
        analysed=drift.analysed,
        ranked=any(sbom.edges is not None for _, sbom in current.sboms),
        components=tuple(components),
    )


def debt_predicate(debt: DependencyDebt, *, supersedes: str = "") -> dict[str, Any]:
    """The predicate; the same debt gives the same canonical bytes."""
    indebted = [one for one in debt.components if one.score > 0]
    behind = [one.days_behind for one in debt.components if one.days_behind is not None]
    totals: dict[str, Any] = {
        "components": len(debt.components),
        "dated": len(behind),
        "outdated": sum(1 for days in behind if days > 0),
    }
    if behind:
        totals["oldest_days"] = max(behind)
    if debt.analysed:
        totals["vulnerable"] = sum(1 for one in debt.components if one.vulnerabilities)
        totals["total"] = round(sum(one.score for one in indebted), _DECIMALS)
        totals["highest"] = indebted[0].score if indebted else 0
    predicate: dict[str, Any] = {
        "producer": {"id": PRODUCER, "version": str(DERIVATION)},
        "inputs": {"sboms": list(debt.sboms), "advisories": debt.advisories},
        "analysed": debt.analysed,
        "ranked": debt.ranked,
        "totals": totals,
        "components": [
            {
                "package": one.package,
                "version": one.version,
                "severity": one.severity,
                "vulnerabilities": one.vulnerabilities,
                "days_behind": one.days_behind,
                "rank": one.rank,
                "score": one.score,
            }
            for one in indebted[:MAX_LISTED]
        ],
    }
    return predicate | ({"supersedes": supersedes} if supersedes else {})


def _component(
    place: _Place, vulnerabilities: Iterable[ComponentVulnerability], days: int | None, rank: float
) -> ComponentDebt:
    found = list(vulnerabilities)
    severity = worst(one.severity for one in found)
    weight = WEIGHTS[severity] if severity is not None else UNRATED if found else 0.0
    age = 0.0 if days is None else 1.0 - 2.0 ** (-days / HALF_LIFE)
    score = round(rank * (1.0 - (1.0 - weight) * (1.0 - age)), _DECIMALS)
    return ComponentDebt(*place, severity, len(found), days, round(rank, _DECIMALS), score)


def _days_behind(place: _Place, released: Released) -> int | None:
    versions = released.get(place[0], {})
    own = versions.get(place[1])
    return None if own is None else (max(versions.values()) - own).days


def _placed(current: Inventory) -> Iterable[tuple[_Place, tuple[str, str]]]:
    """Each component's (package, version), and its reference as (evidence id, ref)."""
    for source, sbom in current.sboms:
        for component in sbom.components:
            package = package_of(component)
            yield (package.key, package.version), (source, component.ref)


def _edges(
    current: Inventory, placed: Iterable[tuple[_Place, tuple[str, str]]], places: list[_Place]
) -> Iterable[tuple[int, int]]:
    """The dependency graph by position; references to what is no component (the product itself) are left out."""
    number = {place: position for position, place in enumerate(places)}
    position = {reference: number[place] for place, reference in placed if reference[1]}
    for source, sbom in current.sboms:
        for giver, taker in sbom.edges or ():
            left, right = position.get((source, giver)), position.get((source, taker))
            if left is not None and right is not None:
                yield left, right
