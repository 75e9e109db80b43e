"""Rows by which every control that is shipped passes: one of each kind, and one decision of each policy area."""

from collections.abc import Mapping

from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.evidence import Fact
from tests.support.catalogs import DIGESTS, row

_AREAS = (
    "authorisation", "model_call", "write_paths", "dependencies", "residency", "export", "marketplace", "rollout",
)  # fmt: skip
_SUITES = (
    "policy-test", "policy-fuzz", "secret-scan", "penetration-test", "model-eval", "agent-red-team", "rollback-drill",
    "canary", "pii-scan", "restore-drill", "failover-drill", "load-test", "incident-exercise",
)  # fmt: skip
_VERIFIED = (
    "ACCESS_REVIEWED", "MFA_ENFORCED", "LEAVERS_REMOVED", "CODE_REVIEWED", "BRANCH_PROTECTED", "SLSA_BUILD_LEVEL_3",
    "RETENTION_ENFORCED", "ENCRYPTION_ENFORCED", "BACKUP_VERIFIED", "SUPPLIERS_REVIEWED",
)  # fmt: skip
_DECISIONS = tuple(kind.kind for kind in DECISIONS.values())
_GOOD: Mapping[str, Mapping[str, Fact]] = {
    "github_checks": {"required": "pass", "required_checks": 2, "failed": 0, "names": ("build", "code-review")},
    "release": {"name": "payments", "version": "2.4.0", "subjects": 2},
    "test_result": {"result": "passed", "passed": 9, "failed": 0, "warned": 0, "configuration": _SUITES},
    "vsa": {"result": "passed", "levels": _VERIFIED},
    "static_analysis": {"tools": ("gitleaks",), "errors": 0, "warnings": 0, "notes": 0},
    "vex": {"affected": 0, "under_investigation": 0},
    "sbom_drift": {
        "status": "none",
        **dict.fromkeys(("risky_added", "rehashed", "supplier_changed", "licence_changed"), 0),
        **dict.fromkeys(("added", "upgraded", "downgraded", "changed", "new_criticals", "new_highs"), 0),
    },
    "reproducible_build": {"status": "reproduced"},
    "dependency_debt": {"oldest_days": 30},
    "override": {**dict.fromkeys(("reason", "owner", "requester", "approver"), "x"), "until": "2026-10-01T00:00:00Z"},
    "action": {"action": "escalate_tests", "actor": "a", "target": "t", "justification": "j"},
    "plugin_review": {"verdict": "approve", "stars": 5, "permissions": ("read",)},
    "incident": {"severity": "high", "status": "resolved", "plugin": "p", "root_cause": "c"},
    "vulns": {"scanner": "s", "criticals": 0, "highs": 0, "unrated": 0},
    "provenance": {"builder": "b", "build_type": "t", "materials": 1},
    "sbom": {
        "format": "cyclonedx",
        "components": 9,
        "with_purl": 9,
        "with_licence": 9,
        "dependencies": 8,
        "licences": ("MIT",),
        "analysed": True,
    },
    "attest": {
        "provenance": "verified",
        "signers": ("key ci",),
        "sbom.present": True,
        "sbom.criticals": 0,
        "vulns.criticals": 0,
        "source.digest": "sha1:ab",
    },
}
_ALLOWED: dict[str, Fact] = {"result": "allow", "denies": 0, "rule": "r", "policy_bundle": "b", "input_digest": "d"}
# What decisions say beside that they came out as claimed when they were computed again.
_DECIDED: Mapping[str, Mapping[str, Fact]] = {
    "router": {"method": "linucb", "safe": True},
    "budget": {"level": "ok"},
    "ope": {"deploy": True},
    "contract": {"met": True},
    "speclive": {"sustained": False},
    "drift": {"level": "none"},
    "rollout": {"action": "promote"},
    "shadow": {"verdict": "match"},
    "test_selection": {"method": "graph", "uncovered": 0},
    "flakes": {"flake_rate": 0.0},
    "slo": {"alert": False},
    "dp": {"within_limit": True, "pii_findings": 0},
    "trust": {"continuous": True},
}
_AGREED: dict[str, Fact] = {"reperformance": "agrees", "disagreements": 0}
GOOD = tuple(
    row(kind, facts, number=number, subjects=DIGESTS)
    for number, (kind, facts) in enumerate(
        (
            *_GOOD.items(),
            *(("opa", _ALLOWED | {"area": area}) for area in _AREAS),
            *((kind, _AGREED | dict(_DECIDED.get(kind, {}))) for kind in (*_DECISIONS, "reperformance")),
        )
    )
)
