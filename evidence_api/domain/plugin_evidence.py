"""What the log has verified about one digest, as the policy area `marketplace` is given it: reviews, incidents, SBOMs.

Only what a trusted signature stands behind, and of that what nothing later supersedes; a review is superseded by its
own signer alone, or whoever may sign could hide what a reviewer rejects. What cannot be read any more (its body was
erased) never helps: such an SBOM is left out, such a review rejects, such an incident counts as critical and open.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from evidence_api.domain.evidence import Evidence
from evidence_api.domain.facts import current
from evidence_api.domain.verification import Verified

REVIEW, INCIDENT, SBOM = "plugin_review", "incident", "sbom"
PLUGIN_KINDS = (REVIEW, INCIDENT, SBOM)
_DAY = timedelta(days=1)


def plugin_evidence(found: Iterable[Evidence], at: datetime) -> dict[str, list[dict[str, Any]]]:
    """`{"reviews", "incidents", "sboms"}`, each in the order of the log; ages in days at `at`.

    A review's `reviewer` is who signed it, as verified; what it says of itself is not asked.
    """
    said: dict[str, list[Evidence]] = {}
    for one in found:
        if isinstance(one.verification, Verified):
            said.setdefault(one.verification.signer.label if one.kind == REVIEW else "", []).append(one)
    standing = sorted((one for own in said.values() for one in current(own)), key=lambda one: one.leaf_index)
    told: dict[str, list[dict[str, Any]]] = {"reviews": [], "incidents": [], "sboms": []}
    for one in standing:
        common: dict[str, Any] = {"evidence": one.id, "age_days": _age(one, at)}
        if one.kind == INCIDENT:
            told["incidents"].append(common | _incident(one))
        elif one.kind == REVIEW:
            told["reviews"].append(common | _review(one))
        elif one.kind == SBOM and not one.erased:
            told["sboms"].append(common)
    return told


def _review(one: Evidence) -> dict[str, Any]:
    reviewer = one.verification.signer.label if isinstance(one.verification, Verified) else ""
    if one.erased:
        return {"reviewer": reviewer, "rubric": "", "stars": 1, "verdict": "reject", "permissions": []}
    permissions = one.facts.get("permissions", ())
    return {
        "reviewer": reviewer,
        **{name: one.facts.get(name, "") for name in ("rubric", "stars", "verdict")},
        "permissions": list(permissions) if isinstance(permissions, tuple) else [],
    }


def _incident(one: Evidence) -> dict[str, Any]:
    if one.erased:
        return {"id": "erased", "severity": "critical", "status": "open"}
    return {name: one.facts.get(name, "") for name in ("id", "severity", "status")}


def _age(one: Evidence, at: datetime) -> float:
    """Nothing is younger than its arrival: a date in the future makes no evidence fresh."""
    return max(0.0, round((at - min(one.effective or one.received, one.received)) / _DAY, 4))
