"""The closed table of evidence kinds and the typed facts each publishes to `where`.

A kind is what a catalog query names. Every kind that comes from a predicate has exactly one row per
piece of evidence; `attest` is derived: one row per subject of the release (domain/facts.py).
"""

from collections.abc import Mapping

from evidence_api.domain.action_request import EVERY_ACTION
from evidence_api.domain.decisions import DECISIONS, DEFERRABLE
from evidence_api.domain.fact_type import FactType, Kind

__all__ = ["COMMON", "KINDS", "FactType", "Kind", "kinds_touched_by"]

B, N, W, T, L = FactType.BOOLEAN, FactType.NUMBER, FactType.WORD, FactType.TIME, FactType.WORDS
D = FactType.DURATION

# Vulnerabilities by severity; `unrated` counts those nobody gave one, which are in none of the others.
_COUNTS = {"criticals": N, "highs": N, "mediums": N, "lows": N, "unrated": N}

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "provenance",
            "SLSA build provenance",
            {
                "builder": W,
                "build_type": W,
                "version": W,
                "source.uri": W,
                "source.ref": W,
                "source.digest": W,
                "invocation": W,
                "materials": N,
                "started": T,
                "finished": T,
            },
        ),
        Kind(
            "sbom",
            "Software bill of materials (CycloneDX, SPDX)",
            {
                "format": W,
                "spec_version": W,
                "components": N,
                "dependencies": N,
                "with_purl": N,
                "with_hash": N,
                "with_licence": N,
                "licences": L,
                "analysed": B,
                **_COUNTS,
            },
            words={"format": ("cyclonedx", "spdx")},
        ),
        Kind("vulns", "Vulnerability scan", {"scanner": W, "database": W, "total": N, **_COUNTS}),
        Kind(
            "test_result",
            "Test result",
            {
                "result": W,
                "configuration": L,
                "passed": N,
                "failed": N,
                "warned": N,
                "skipped": N,
                "errors": N,
                "unlisted": N,
                "suites": N,
                "duration": D,
            },
            words={"result": ("passed", "failed", "warned")},
        ),
        Kind(
            "static_analysis",
            "Static analysis (SARIF)",
            {
                "tool": W,
                "tools": L,
                "successful": B,
                "rules": N,
                "results": N,
                "errors": N,
                "warnings": N,
                "notes": N,
                "none": N,
                "suppressed": N,
                "new": N,
                "violated": L,
            },
        ),
        Kind(
            "vex",
            "What is said about vulnerabilities (OpenVEX)",
            {
                "author": W,
                "statements": N,
                "not_affected": N,
                "affected": N,
                "fixed": N,
                "under_investigation": N,
                "vulnerabilities": L,
                "open": L,
                "products": L,
            },
        ),
        Kind(
            "advisory",
            "Vulnerability record (OSV)",
            {
                "id": W,
                "aliases": L,
                "severity": W,
                "withdrawn": B,
                "published": T,
                "modified": T,
                "affected": N,
                "ecosystems": L,
                "packages": L,
            },
            words={"severity": ("critical", "high", "medium", "low", "info", "none")},
        ),
        Kind(
            "vsa",
            "Verification summary (SLSA, in-toto)",
            {
                "verifier": W,
                "resource": W,
                "result": W,
                "levels": L,
                "policy": W,
                "policy_digest": W,
            },
            words={"result": ("passed", "failed")},
        ),
        Kind(
            "github_checks",
            "GitHub checks of a commit",
            {
                "required": W,
                "checks": N,
                "passed": N,
                "failed": N,
                "required_checks": N,
                "required_passed": N,
                "names": L,
            },
            words={"required": ("pass", "fail", "pending", "none")},
        ),
        Kind(
            "opa",
            "Policy decision (Rego)",
            {
                "rule": W,
                "result": W,
                "denies": N,
                "reasons": L,
                "policy_bundle": W,
                "input_digest": W,
                "area": W,
                "rules": L,
            },
            words={"result": ("allow", "deny")},
        ),
        Kind("release", "Release statement", {"name": W, "version": W, "subjects": N}),
        Kind(
            "override",
            "Override: a control or rule accepted as not met, for a while, by somebody named",
            {
                "control": W,
                "rule": W,
                "scope": W,
                "reason": W,
                "owner": W,
                "requester": W,
                "approver": W,
                "from": T,
                "until": T,
            },
        ),
        Kind(
            "action",
            "Action taken, by whom and why",
            {"action": W, "actor": W, "target": W, "justification": W},
            words={
                "action": (
                    "retry_alt_arm",
                    "downshift",
                    "escalate_tests",
                    "open_incident",
                    "rollback",
                    "quarantine",
                    "raise_budget",
                    "file_adr",
                )
            },
        ),
        Kind(
            "action_request",
            "Request for an action, a pack or an override: who asked and what policy said (recorded by the server)",
            {
                "action": W,
                "actor": W,
                "target": W,
                "justification": W,
                "request": W,
                "about": W,
                "decided": W,
                "rules": L,
            },
            words={"action": EVERY_ACTION, "decided": ("allow", "deny")},
        ),
        Kind(
            "plugin_review",
            "Review of a plugin",
            {
                "plugin": W,
                "version": W,
                "rubric": W,
                "stars": N,
                "verdict": W,
                "permissions": L,
                "reviewer": W,
            },
            words={"verdict": ("approve", "reject")},
        ),
        Kind(
            "incident",
            "Incident",
            {
                "id": W,
                "title": W,
                "severity": W,
                "status": W,
                "plugin": W,
                "opened": T,
                "resolved": T,
                "time_to_resolve": D,
                "root_cause": W,
            },
            words={"severity": ("low", "medium", "high", "critical"), "status": ("open", "mitigated", "resolved")},
        ),
        Kind(
            "sbom_drift",
            "What changed in the SBOM since the last green release (derived by the server)",
            {
                "status": W,
                "analysed": B,
                "baseline": W,
                "advisories": W,
                "components": N,
                "added": N,
                "removed": N,
                "upgraded": N,
                "downgraded": N,
                "changed": N,
                "rehashed": N,
                "supplier_changed": N,
                "licence_changed": N,
                "risky_added": N,
                **_COUNTS,
                **{f"new_{name}": N for name in _COUNTS},
                "fixed": N,
                "suppressed": N,
                "undecided": N,
            },
            words={"status": ("none", "drift", "risky", "no_baseline")},
        ),
        Kind(
            "dependency_debt",
            "Dependency debt: age, vulnerabilities and place in the graph (derived by the server)",
            {
                "components": N,
                "dated": N,
                "outdated": N,
                "oldest_days": N,
                "vulnerable": N,
                "ranked": B,
                "total": N,
                "highest": N,
                "top": L,
            },
        ),
        Kind(
            "reproducible_build",
            "Reproducible build: independent builds of one source compared (derived by the server)",
            {
                "status": W,
                "builds": N,
                "builders": N,
                "rebuilds": N,
                "matching": N,
                "subjects": N,
                "mismatched": L,
                "source.digest": W,
                "build_type": W,
            },
            words={"status": ("reproduced", "partial", "differs", "single")},
        ),
        Kind(
            "reperformance",
            "A decision reperformed: what the server found of one that only it can tell of (derived by the server)",
            {"of": W, "kind": W, "reperformance": W, "disagreements": N, "differing": L, "continuous": B},
            words={"reperformance": ("agrees", "disagrees", "not_reperformable")},
        ),
        Kind(
            "access_audit",
            "Who read what: a run of the audit of access, committed to (derived by the server)",
            {"first": N, "last": N, "rows": N, "refusals": N, "since": T, "until": T},
        ),
        Kind(
            "attest",
            "What is attested about each artifact of the release",
            {
                "subject": W,
                "provenance": W,
                "builder": W,
                "source.digest": W,
                "signers": L,
                "sbom.present": B,
                "sbom.components": N,
                **{f"sbom.{name}": N for name in _COUNTS},
                **{f"vulns.{name}": N for name in _COUNTS},
                "sbom_drift.status": W,
                "sbom_drift.risky_added": N,
            },
            derived=True,
            words={
                "provenance": ("verified", "unverified"),
                "sbom_drift.status": ("none", "drift", "risky", "no_baseline"),
            },
        ),
        *(decision.catalog_kind for decision in DECISIONS.values()),
        Kind("signature", "Signature over an artifact, without a statement", {"algorithm": W}),
        Kind("statement", "A statement whose predicate type has no reader yet", {"predicate_type": W}),
    )
}

# Facts every row has, whatever its kind.
COMMON: Mapping[str, FactType] = {"signer": W, "verified": B, "predicate_type": W}


def kinds_touched_by(kind: str) -> frozenset[str]:
    """The kinds whose rows may change when evidence of `kind` is appended, so that no control is left unassessed.

    `attest` shows the signers of all verified evidence. Provenance also links other evidence to the release, and
    a release statement says which artifacts there are: after these, every kind may differ. What the server found of a
    decision is shown with the decision.
    """
    if kind in {"provenance", "release"}:
        return frozenset(KINDS)
    return frozenset({kind, "attest"}) | (DEFERRABLE if kind == "reperformance" else frozenset())
