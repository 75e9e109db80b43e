"""`urn:evidence-api:sbom-drift:v1` -> kind `sbom_drift`: what changed since the last green release. Server-derived.

The counts are the facts; where a list was not cut short it must be as long as its count says.
"""

from typing import Literal

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Fact, Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.drift_predicate import MAX_LISTED, count_vulnerabilities
from evidence_api.formats.predicates.shape import Count, Own, Producer, Several, Sha256, known_facts, read_model

Severity = Literal["critical", "high", "medium", "low", "info", "none"]


class Inputs(Own):
    """What it was derived from, by evidence id."""

    baseline: Several[Sha256] | None
    current: Several[Sha256]
    advisories: Sha256 | None
    scans: Several[Sha256]
    vex: Several[Sha256]


class Policy(Own):
    """What counted as risky."""

    severity: Severity
    licences: Several[str]


class Changed(Own):
    """A component that came, went or has another version."""

    package: str
    before: str | None
    after: str | None


class Attribute(Own):
    """Another change of a component."""

    package: str
    version: str
    before: Several[str]
    after: Several[str]


class Vulnerability(Own):
    """One vulnerability of one component."""

    package: str
    version: str
    id: str
    names: Several[str]
    severity: Severity | None
    sources: Several[str]
    change: Literal["added", "upgraded", "downgraded", "changed", "unchanged"]


class Fixed(Own):
    """One that the baseline had."""

    package: str
    names: Several[str]
    severity: Severity | None


class Suppressed(Own):
    """One that VEX rules out."""

    package: str
    version: str
    id: str
    status: str
    statement: str


class Undecided(Own):
    """An advisory that may be about the component."""

    package: str
    version: str
    advisory: str
    severity: Severity | None
    change: Literal["added", "upgraded", "downgraded", "changed", "unchanged"]


class Risky(Own):
    """A risky change and what to take instead."""

    package: str
    before: str | None
    after: str
    vulnerabilities: Several[str]
    licences: Several[str]
    unaffected: str | None


class SbomDrift(Own):
    """The predicate."""

    producer: Producer
    status: Literal["none", "drift", "risky", "no_baseline"]
    analysed: bool
    inputs: Inputs
    policy: Policy
    counts: dict[str, Count]
    added: Several[Changed]
    removed: Several[Changed]
    upgraded: Several[Changed]
    downgraded: Several[Changed]
    changed: Several[Changed]
    rehashed: Several[Attribute]
    supplier_changed: Several[Attribute]
    licence_changed: Several[Attribute]
    vulnerabilities: Several[Vulnerability]
    new: Several[Vulnerability]
    fixed: Several[Fixed]
    suppressed: Several[Suppressed]
    undecided: Several[Undecided]
    risky: Several[Risky]
    supersedes: Sha256 | None = None


_SHOWN = 8  # SBOMs the fact names
_LISTED = (
    *("added", "removed", "upgraded", "downgraded", "changed", "rehashed", "supplier_changed", "licence_changed"),
    *("suppressed", "undecided", "risky"),
)
# Counted only where something spoke of vulnerabilities; what a scan states may be listed all the same.
_MAY_BE_UNKNOWN = frozenset({"suppressed", "undecided"})
_SEVERITIES = ("criticals", "highs", "mediums", "lows", "unrated")
_COUNTED = frozenset({"components", "fixed", *_LISTED, *_SEVERITIES, *(f"new_{one}" for one in _SEVERITIES)})


def read_sbom_drift(statement: Statement) -> Normalised:
    """Read a drift. Raises Malformed with the path."""
    predicate = read_model(SbomDrift, statement.predicate)
    _check_counts(predicate)
    facts: dict[str, Fact] = known_facts(
        {
            "status": predicate.status,
            "analysed": predicate.analysed,
            "baseline": _shown(predicate.inputs.baseline or ()),
            "advisories": predicate.inputs.advisories,
        }
    )
    named = {"risky": "risky_added"}
    return Normalised(
        "sbom_drift", facts | {named.get(name, name): number for name, number in predicate.counts.items()}
    )


def _shown(sboms: tuple[str, ...]) -> str:
    more = f" and {len(sboms) - _SHOWN} more" if len(sboms) > _SHOWN else ""
    return ", ".join(sboms[:_SHOWN]) + more


def _check_counts(predicate: SbomDrift) -> None:
    """Each count is that of its list, unless the list was cut short."""
    unknown = sorted(predicate.counts.keys() - _COUNTED)
    if unknown:
        path = f"predicate.counts.{unknown[0]}"
        raise Malformed(f"{path}: nothing of that name is counted", path=path)
    expected = {name: len(getattr(predicate, name)) for name in _LISTED}
    for prefix, listed in (("", predicate.vulnerabilities), ("new_", predicate.new)):
        if len(listed) < MAX_LISTED:
            expected |= {prefix + name: count for name, count in _by_severity(listed).items()}
    for name, listed_now in expected.items():
        counted = predicate.counts.get(name)
        if min(counted or 0, MAX_LISTED) != listed_now and not (counted is None and name in _MAY_BE_UNKNOWN):
            path = f"predicate.counts.{name}"
            raise Malformed(f"{path}: {listed_now} are listed", path=path, limit=listed_now, value=counted)


def _by_severity(listed: tuple[Vulnerability, ...]) -> dict[str, int]:
    return count_vulnerabilities((one.id, one.severity) for one in listed)
