"""Deriving, last step: a drift as the predicate of a statement, and as one sentence for people.

The predicate holds no clock reading and every list in it is sorted, so that the same drift gives the same canonical
bytes. Lists are bounded; `counts` are not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from evidence_api.domain.drift import (
    DERIVATION,
    AttributeChange,
    ComponentVulnerability,
    Drift,
    KnownVulnerability,
    VersionChange,
)
from evidence_api.formats.severity import severity_counts, severity_of_word
from evidence_api.formats.vulnerability_claims import at_least, worst

SBOM_DRIFT = "urn:evidence-api:sbom-drift:v1"
PRODUCER = "evidence-api/sbom-drift"
MAX_LISTED = 20_000  # entries of one list; a release that changes more is told by its counts

_SHOWN = 3  # packages a sentence names


def drift_predicate(drift: Drift, *, supersedes: str = "") -> dict[str, Any]:
    """The predicate. `supersedes` is the evidence id of the drift it replaces, so that results that come back to what
    they were are still a later statement ("" if there is none)."""
    predicate: dict[str, Any] = {
        "producer": {"id": PRODUCER, "version": str(DERIVATION)},
        "status": drift.status,
        "analysed": drift.analysed,
        "inputs": {
            "baseline": None if drift.baseline is None else list(drift.baseline),
            "current": list(drift.current),
            "advisories": drift.advisories,
            "scans": list(drift.scans),
            "vex": list(drift.vex),
        },
        "policy": {"severity": drift.policy.severity, "licences": list(drift.policy.licences)},
        "counts": _counts(drift),
        **{name: _listed(entries) for name, entries in (*_version_lists(drift), *_attribute_lists(drift))},
        "vulnerabilities": _listed(drift.vulnerabilities),
        "new": _listed(drift.new),
        "fixed": _listed(drift.fixed),
        "suppressed": _listed(drift.suppressed),
        "undecided": _listed(drift.undecided),
        "risky": _listed(drift.risky),
    }
    return predicate | ({"supersedes": supersedes} if supersedes else {})


def known_vulnerabilities(predicate: Mapping[str, Any]) -> tuple[KnownVulnerability, ...]:
    """What a drift statement recorded of its release, for the release whose baseline it becomes."""
    return tuple(
        KnownVulnerability(one["package"], tuple(one["names"]), one["severity"]) for one in predicate["vulnerabilities"]
    )


def explain(drift: Drift) -> str:
    """One sentence: what changed, what is known to be wrong, and what to take instead."""
    changed = [
        f"{len(listed)} {word}"
        for word, listed in (*_version_lists(drift), *(("rehashed", drift.rehashed),))
        if listed and drift.baseline is not None
    ]
    changed += [f"{len(listed)} with another {word}" for word, listed in _words(drift) if listed]
    if drift.baseline is None:
        start = f"No earlier release to compare with; {drift.components} components"
    elif not changed:
        start = f"No component changed since the baseline; {drift.components} components"
    else:
        start = f"Since the baseline: {', '.join(changed)}; {drift.components} components"
    return f"{start}; {_told_vulnerabilities(drift)}{_told_risks(drift)}."


def count_vulnerabilities(found: Iterable[tuple[str, str | None]]) -> dict[str, int]:
    """(id, severity) of each component's vulnerabilities -> how many there are by severity, each id once however many
    components have it, by the worst that is said of it."""
    by_id: dict[str, list[str | None]] = {}
    for name, severity in found:
        by_id.setdefault(name, []).append(severity)
    rated = (worst(severities) for severities in by_id.values())
    return severity_counts(None if one is None else severity_of_word(one) for one in rated)


def _rated(found: Iterable[ComponentVulnerability]) -> Iterable[tuple[str, str | None]]:
    return ((one.id, one.severity) for one in found)


def _counts(drift: Drift) -> dict[str, int]:
    """Without a baseline nothing is said about changes; where nothing spoke of vulnerabilities, nothing about them; and
    no risk found means none only if nothing was left undecided."""
    counts = {"components": drift.components}
    if drift.baseline is not None:
        counts |= {name: len(listed) for name, listed in (*_version_lists(drift), *_attribute_lists(drift))}
    if drift.risky or (drift.analysed and not _may_be_risky(drift)):
        counts["risky"] = len(drift.risky)
    if drift.analysed:
        counts |= count_vulnerabilities(_rated(drift.vulnerabilities))
        counts |= {f"new_{name}": number for name, number in count_vulnerabilities(_rated(drift.new)).items()}
        counts |= {
            "fixed": len({one.names for one in drift.fixed}),
            "suppressed": len(drift.suppressed),
            "undecided": len(drift.undecided),
        }
    return counts


def _may_be_risky(drift: Drift) -> bool:
    """Whether an advisory that would make a change risky could not be decided: then none found is not none."""
    return any(one.change != "unchanged" and at_least(one.severity, drift.policy.severity) for one in drift.undecided)


def _version_lists(drift: Drift) -> tuple[tuple[str, Sequence[VersionChange]], ...]:
    return (
        ("added", drift.added),
        ("removed", drift.removed),
        ("upgraded", drift.upgraded),
        ("downgraded", drift.downgraded),
        ("changed", drift.changed),
    )


def _attribute_lists(drift: Drift) -> tuple[tuple[str, Sequence[AttributeChange]], ...]:
    return (
        ("rehashed", drift.rehashed),
        ("supplier_changed", drift.supplier_changed),
        ("licence_changed", drift.licence_changed),
    )


def _listed(entries: Sequence[Any]) -> list[dict[str, Any]]:
    """The first entries as they are: their members by name, tuples as lists."""
    return [
        {
            field.name: list(value) if isinstance(value := getattr(one, field.name), tuple) else value
            for field in fields(one)
        }
        for one in entries[:MAX_LISTED]
    ]


def _words(drift: Drift) -> tuple[tuple[str, Sequence[AttributeChange]], ...]:
    return (("supplier", drift.supplier_changed), ("licence", drift.licence_changed))


def _told_vulnerabilities(drift: Drift) -> str:
    if not drift.analysed:
        return "nothing says which vulnerabilities they have"
    counts = count_vulnerabilities(_rated(drift.vulnerabilities))
    told = [f"{counts[name]} {word}" for name, word in _SEVERITY_WORDS if counts[name]]
    standing = f"known vulnerabilities: {', '.join(told)}" if told else "no known vulnerability"
    untouched = sum(1 for one in drift.new if one.change == "unchanged")
    news = f" ({len(drift.new)} new, {untouched} of them in components that did not change)" if drift.new else ""
    ruled_out = f"; {len(drift.suppressed)} ruled out by VEX" if drift.suppressed else ""
    return standing + news + ruled_out


_SEVERITY_WORDS = (
    ("criticals", "critical"),
    ("highs", "high"),
    ("mediums", "medium"),
    ("lows", "low"),
    ("unrated", "unrated"),
)


def _told_risks(drift: Drift) -> str:
    if not drift.risky:
        return ""
    shown = [_told_risk(one.package, one.after, one.unaffected, one.licences) for one in drift.risky[:_SHOWN]]
    more = f" and {len(drift.risky) - _SHOWN} more" if len(drift.risky) > _SHOWN else ""
    return f"; risky: {', '.join(shown)}{more}"


def _told_risk(package: str, version: str, unaffected: str | None, licences: Sequence[str]) -> str:
    reason = f"licence {' and '.join(licences)}" if licences else f"nearest unaffected {unaffected or 'none known'}"
    return f"{package} {version} ({reason})"
