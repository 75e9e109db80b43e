"""What the shipped controls make of evidence that speaks of several things at once: each looks at its own rows only."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from evidence_api.domain.evidence import Fact
from evidence_api.domain.facts import Row
from evidence_api.use_cases.own_evidence import KEY_NAME
from tests.support.catalogs import DIGESTS, assess, row, shipped_catalog

SVR = "https://in-toto.io/attestation/svr/v0.1"
VSA = "https://slsa.dev/verification_summary/v1"
Facts = Mapping[str, Fact]


def drill(name: str, result: str = "passed") -> Facts:
    return {"result": result, "passed": 1, "configuration": (name,)}


def decision(area: str, result: str = "allow") -> Facts:
    return {"area": area, "result": result, "denies": int(result == "deny"), "rule": area}


def rows_of(
    kind: str, *facts: Facts, predicate_type: str = "urn:test", age: timedelta = timedelta(hours=1)
) -> list[Row]:
    return [
        row(kind, one, number=number, predicate_type=predicate_type, age=age, subjects=DIGESTS)
        for number, one in enumerate(facts, 1)
    ]


def outcome(control: str, rows: list[Row]) -> str:
    found = assess(shipped_catalog(), rows)
    return next(str(finding.outcome) for finding in found.findings if finding.control == control)


DENIED: Facts = {**decision("residency", "deny"), "rules": ("residency.elsewhere",)}
UNSAID: Facts = {"result": "deny", "denies": 1, "rule": "authz/allow"}  # of a log that knows no areas
RESOLVED: Facts = {"id": "I-1", "severity": "high", "status": "resolved"}


@pytest.mark.parametrize(
    ("control", "kind", "facts", "expected"),
    [
        # decisions: each area for itself
        ("IG-DAT-1", "opa", (decision("residency"), decision("export", "deny")), "pass"),
        ("IG-DAT-2", "opa", (decision("residency"), decision("export", "deny")), "fail"),
        ("IG-AGT-1", "opa", (decision("residency"), decision("export", "deny")), "not_applicable"),
        ("IG-AUT-1", "opa", (decision("residency"),), "missing"),
        ("IG-DAT-1", "opa", (decision("residency"), DENIED), "fail"),
        ("IG-DAT-1", "opa", (decision("residency"), UNSAID), "pass"),
        ("IG-POL-1", "opa", (decision("residency"), UNSAID), "fail"),
        # drills, scans and exercises: each by its name
        ("IG-RES-1", "test_result", (drill("restore-drill"), drill("unit", "failed")), "pass"),
        ("IG-RES-1", "test_result", (drill("restore-drill", "failed"), drill("unit")), "fail"),
        ("IG-RES-1", "test_result", (drill("unit"),), "missing"),
        ("IG-TST-1", "test_result", (drill("restore-drill", "failed"), drill("unit")), "fail"),
        ("IG-AUT-8", "test_result", (drill("secret-scan"),), "pass"),
        # incidents
        ("IG-RES-5", "incident", ({"severity": "low", "status": "open"},), "not_applicable"),
        ("IG-RES-5", "incident", ({"severity": "high", "status": "open"}, RESOLVED), "fail"),
        ("IG-RES-5", "incident", ({"severity": "low", "status": "open"}, RESOLVED), "pass"),
        ("IG-RES-6", "incident", (RESOLVED,), "missing"),
        ("IG-RES-6", "incident", ({**RESOLVED, "root_cause": "a cable"},), "pass"),
        ("IG-VEN-4", "incident", (RESOLVED,), "not_applicable"),
        ("IG-VEN-4", "incident", ({"severity": "low", "status": "open", "plugin": "p"}, RESOLVED), "fail"),
        # plugins and actions
        ("IG-VEN-1", "plugin_review", ({"verdict": "approve", "stars": 4}, {"verdict": "reject", "stars": 1}), "fail"),
        ("IG-VEN-3", "plugin_review", ({"verdict": "approve", "permissions": ("read", "*")},), "fail"),
        ("IG-VEN-3", "plugin_review", ({"verdict": "reject", "permissions": ("*",)},), "not_applicable"),
        ("IG-EXP-3", "action", ({"action": "escalate_tests"}, {"action": "rollback"}), "fail"),
        ("IG-EXP-3", "action", ({"action": "escalate_tests"},), "pass"),
        # what the server derives
        ("IG-SC-10", "sbom_drift", ({"status": "no_baseline"},), "missing"),
        ("IG-SC-10", "sbom_drift", ({"status": "no_baseline", "risky_added": 0},), "pass"),
        ("IG-SC-10", "sbom_drift", ({"status": "risky", "risky_added": 1},), "fail"),
        ("IG-SC-11", "sbom_drift", ({"status": "no_baseline"},), "not_applicable"),
        ("IG-SC-11", "sbom_drift", ({"status": "drift", "rehashed": 1},), "fail"),
        ("IG-SC-13", "reproducible_build", ({"status": "single"},), "missing"),
        ("IG-SC-13", "reproducible_build", ({"status": "differs"},), "fail"),
        ("IG-SC-16", "dependency_debt", ({"oldest_days": 731},), "fail"),
        ("IG-SC-16", "dependency_debt", ({"components": 9},), "missing"),
        ("IG-VUL-6", "vex", ({"affected": 0, "under_investigation": 1},), "fail"),
        # analyses: one that says it broke off found nothing there; many do not say how they ended
        ("IG-TST-5", "static_analysis", ({"errors": 0},), "pass"),
        ("IG-TST-5", "static_analysis", ({"errors": 0, "successful": True},), "pass"),
        ("IG-TST-5", "static_analysis", ({"errors": 0}, {"errors": 0, "successful": False}), "fail"),
        # a review that was refused is not made good by required checks of other names
        ("IG-CHG-7", "github_checks", ({"required": "pass", "failed": 0, "names": ("code-review", "test")},), "pass"),
        ("IG-CHG-7", "github_checks", ({"required": "pass", "failed": 1, "names": ("code-review", "ci")},), "missing"),
        ("IG-CHG-7", "github_checks", ({"required": "pass", "failed": 0, "names": ("test",)},), "missing"),
        ("IG-SC-7", "sbom", ({"with_licence": 2, "licences": ("AGPL-3.0", "MIT")},), "fail"),
        ("IG-SC-7", "sbom", ({"with_licence": 2, "licences": ("ISC", "MIT")},), "pass"),
    ],
)  # fmt: skip
def test_a_control_looks_at_its_own_rows(control: str, kind: str, facts: tuple[Facts, ...], expected: str) -> None:
    assert outcome(control, rows_of(kind, *facts)) == expected


@pytest.mark.parametrize(
    ("facts", "predicate_type", "age", "expected"),
    [
        ({"levels": ("ACCESS_REVIEWED",)}, SVR, timedelta(days=1), "pass"),
        ({"levels": ("ACCESS_REVIEWED",)}, SVR, timedelta(days=93), "stale"),
        ({"levels": ("ACCESS_REVIEWED",), "result": "passed"}, VSA, timedelta(days=1), "pass"),
        ({"levels": ("ACCESS_REVIEWED",), "result": "failed"}, VSA, timedelta(days=1), "fail"),
        ({"levels": ("ACCESS_REVIEWED",)}, "urn:else", timedelta(days=1), "missing"),
        ({"levels": ("MFA_ENFORCED",)}, SVR, timedelta(days=1), "missing"),
    ],
)
def test_a_review_counts_when_it_was_verified_and_is_not_old(
    facts: Facts, predicate_type: str, age: timedelta, expected: str
) -> None:
    assert outcome("IG-AUT-5", rows_of("vsa", facts, predicate_type=predicate_type, age=age)) == expected


def test_a_scanner_that_found_a_secret_is_not_outvoted() -> None:
    scan = rows_of("test_result", drill("secret-scan"))
    found: dict[str, Fact] = {"errors": 0, "warnings": 1, "notes": 0}
    for tools, expected in ((("gitleaks",), "fail"), (("gitleaks", "ruff"), "fail"), (("ruff",), "pass")):
        one = {"tool": tools[0]} if len(tools) == 1 else {}  # as of a log of several tools
        rows = rows_of("static_analysis", {**found, **one, "tools": tools})
        assert outcome("IG-AUT-8", [*scan, *rows]) == expected, tools


def test_a_build_level_is_asked_for_each_artifact() -> None:
    level: Facts = {"levels": ("SLSA_BUILD_LEVEL_3",), "result": "passed"}
    (whole,) = rows_of("vsa", level)
    assert outcome("IG-SC-14", [whole]) == "pass"
    assert outcome("IG-SC-14", [row("vsa", level, subjects=DIGESTS[:1])]) == "missing"
    own = row("vsa", level, subjects=DIGESTS, signer=f"key {KEY_NAME}")
    assert outcome("IG-SC-14", [own]) == "missing"
    assert outcome("IG-SC-14", [own, whole]) == "pass"


def test_what_came_in_was_allowed_or_nothing_came_in() -> None:
    nothing: Facts = {"status": "none", **dict.fromkeys(("added", "upgraded", "downgraded", "changed"), 0)}
    added: Facts = {**nothing, "status": "drift", "added": 1}
    assert outcome("IG-SC-15", rows_of("sbom_drift", nothing)) == "pass"
    assert outcome("IG-SC-15", rows_of("sbom_drift", added)) == "missing"
    assert outcome("IG-SC-15", [*rows_of("sbom_drift", added), *rows_of("opa", decision("dependencies"))]) == "pass"
    denied = rows_of("opa", decision("dependencies", "deny"))
    assert outcome("IG-SC-15", [*rows_of("sbom_drift", added), *denied]) == "fail"


@pytest.mark.parametrize(
    ("control", "kind", "facts", "days"),
    [("IG-VUL-3", "vulns", {"scanner": "s"}, 8), ("IG-SC-9", "sbom", {"components": 1}, 91)],
)
def test_each_artifact_was_looked_at_lately(control: str, kind: str, facts: Facts, days: int) -> None:
    """A new scan of one artifact makes the old one of another no younger."""
    first = row(kind, facts, number=1, subjects=DIGESTS[:1])
    old, new = (
        row(kind, facts, number=2, subjects=DIGESTS[1:], age=age) for age in (timedelta(days=days), timedelta(days=1))
    )
    assert outcome(control, [first]) == "missing"
    assert outcome(control, [first, old]) == "stale"
    assert outcome(control, [first, new]) == "pass"


def test_checks_of_every_commit_are_recent() -> None:
    fresh, old = (
        row("github_checks", {"required": "pass"}, number=number, age=timedelta(days=days), subjects=DIGESTS)
        for number, days in ((1, 1), (2, 31))
    )
    assert outcome("IG-CHG-6", [fresh]) == "pass"
    assert outcome("IG-CHG-6", [fresh, old]) == "stale"
