"""What is attested about one artifact: the facts of kind `attest`, derived from the evidence directly about it.

Only verified evidence contributes, but for the one word that says a provenance statement is there and is not
verified. Where several statements speak, the facts are the ones that help least: the most
vulnerabilities, the fewest components; a builder or source they do not agree on stays unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evidence_api.domain.evidence import Evidence, Fact
from evidence_api.domain.verification import Verified

SEVERITIES = ("criticals", "highs", "mediums", "lows", "unrated")
_SOURCES = ("provenance", "sbom", "vulns", "sbom_drift")
_DRIFT_WORST_FIRST = ("risky", "no_baseline", "drift", "none")


@dataclass(frozen=True, slots=True)
class Attested:
    """The facts, the evidence they rest on (signers come from all verified evidence), and whether
    any of it is withheld, in which case the facts may lack what the withheld body said."""

    facts: Mapping[str, Fact]
    evidence: tuple[Evidence, ...]
    withheld: bool


def attested(artifact: str, evidence: Sequence[Evidence]) -> Attested:
    """`artifact` is the digest shown; `evidence` the current evidence with the artifact as subject, in leaf order."""
    relevant = tuple(one for one in evidence if one.kind in _SOURCES)
    readable = [one for one in evidence if not one.erased]
    verified = [one for one in readable if isinstance(one.verification, Verified)]
    facts: dict[str, Fact] = {"subject": artifact}
    facts |= _signers(verified)
    facts |= _provenance(readable, [one for one in verified if one.kind == "provenance"])
    drifts = [one.facts for one in verified if one.kind == "sbom_drift"]
    facts |= _sbom([one.facts for one in verified if one.kind == "sbom"], drifts)
    facts |= _drift(drifts)
    facts |= _counts("vulns", [one.facts for one in verified if one.kind == "vulns"])
    return Attested(facts, relevant, any(one.erased for one in relevant))


def _signers(verified: Sequence[Evidence]) -> dict[str, Fact]:
    labels = {one.verification.signer.label for one in verified if isinstance(one.verification, Verified)}
    return {"signers": tuple(sorted(labels))} if labels else {}


def _provenance(readable: Sequence[Evidence], verified: Sequence[Evidence]) -> dict[str, Fact]:
    """Nothing at all leaves no fact: absent is not `unverified`."""
    if not verified:
        return {"provenance": "unverified"} if any(one.kind == "provenance" for one in readable) else {}
    facts: dict[str, Fact] = {"provenance": "verified"}
    for path in ("builder", "source.digest"):
        said = {one.facts.get(path) for one in verified}
        agreed = said.pop() if len(said) == 1 else None
        if agreed is not None:
            facts[path] = agreed
    return facts


def _sbom(documents: Sequence[Mapping[str, Fact]], drifts: Sequence[Mapping[str, Fact]]) -> dict[str, Fact]:
    """A document without a component list (a VEX) is no bill of materials, and must not speak for one. What the
    server found by advisories and scans about the components listed counts as much as what the SBOM says itself."""
    boms = [facts for facts in documents if "components" in facts]
    if not boms:
        return {}
    return {
        "sbom.present": True,
        "sbom.components": min(_numbers("components", boms)),
        **_counts("sbom", [*boms, *drifts]),
    }


def _drift(drifts: Sequence[Mapping[str, Fact]]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    statuses = {one.get("status") for one in drifts}
    if worst := next((status for status in _DRIFT_WORST_FIRST if status in statuses), None):
        facts["sbom_drift.status"] = worst
    if risky := _numbers("risky_added", drifts):
        facts["sbom_drift.risky_added"] = max(risky)
    return facts


def _counts(prefix: str, documents: Sequence[Mapping[str, Fact]]) -> dict[str, Fact]:
    """The most of each severity any document counted; absent where none counted."""
    counted = {severity: _numbers(severity, documents) for severity in SEVERITIES}
    return {f"{prefix}.{severity}": max(numbers) for severity, numbers in counted.items() if numbers}


def _numbers(path: str, documents: Sequence[Mapping[str, Fact]]) -> list[int | float]:
    stated = (facts.get(path) for facts in documents)
    return [number for number in stated if isinstance(number, int | float)]
