"""Raw documents of every type as plain JSON-able dicts (and JUnit as bytes), for tests of any layer.

Each builder gives a small valid document; keyword arguments replace or add members at the top.
"""

import json
from collections.abc import Mapping
from typing import Any

COMMIT = "c0" * 20
DIGEST = "ab" * 32
PURL = "pkg:oci/widget@sha256%3A" + DIGEST
WHEN = "2026-01-31T12:00:00Z"
COMMIT_SUBJECT = f"sha1:{COMMIT}"

Document = dict[str, Any]


def document_bytes(document: Mapping[str, Any]) -> bytes:
    """The file."""
    return json.dumps(document).encode()


def sarif_result(rule_id: str = "", **members: Any) -> Document:  # noqa: ANN401  any JSON
    """One result, about a rule by id."""
    return {"message": {"text": "found"}, **({"ruleId": rule_id} if rule_id else {}), **members}


def sarif_run(*results: Document, tool: str = "scanner", **members: Any) -> Document:  # noqa: ANN401  any JSON
    """One run: rule `strict` is set to error, `lax` to note, `plain` to nothing."""
    rules = [
        {"id": "strict", "guid": "11111111-1111-4111-8111-111111111111", "defaultConfiguration": {"level": "error"}},
        {"id": "lax", "defaultConfiguration": {"level": "note"}},
        {"id": "plain"},
    ]
    return {"tool": {"driver": {"name": tool, "rules": rules}}, "results": list(results), **members}


def sarif(*runs: Document, **members: Any) -> Document:  # noqa: ANN401  any JSON
    """A log; without runs given, one that states every fact."""
    complete = sarif_run(
        sarif_result("strict", baselineState="new"),
        sarif_result("lax"),
        sarif_result("plain"),
        sarif_result(kind="pass"),
        sarif_result("strict", suppressions=[{"kind": "inSource"}]),
        invocations=[{"executionSuccessful": True, "startTimeUtc": WHEN, "endTimeUtc": WHEN}],
        automationDetails={"id": "nightly/1"},
        versionControlProvenance=[{"repositoryUri": "https://example.org/widget", "revisionId": COMMIT}],
    )
    return {"version": "2.1.0", "runs": list(runs) or [complete], **members}


def junit(cases: str = "", *, name: str = "unit", attributes: str = "") -> bytes:
    """A report of one suite; without cases given, one passed, one failed, one broken, one skipped."""
    shown = cases or (
        '<testcase classname="a.B" name="one" time="0.5"/>'
        '<testcase classname="a.B" name="two"><failure message="no">1 != 2</failure></testcase>'
        '<testcase classname="a.C" name="three"><error/></testcase>'
        '<testcase classname="a.C" name="four"><skipped/></testcase>'
    )
    suite = f'<testsuite name="{name}" {attributes} timestamp="{WHEN}">{shown}</testsuite>'
    return f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites>{suite}</testsuites>'.encode()


def vex_statement(vulnerability: str = "CVE-2026-0001", status: str = "fixed", **members: Any) -> Document:  # noqa: ANN401  any JSON
    """A statement about one container image."""
    return {"vulnerability": {"name": vulnerability}, "products": [{"@id": PURL}], "status": status, **members}


def openvex(*statements: Document, **members: Any) -> Document:  # noqa: ANN401  any JSON
    """A document; without statements given, one of each status."""
    every = (
        vex_statement("CVE-2026-0001", "fixed"),
        vex_statement("CVE-2026-0002", "not_affected", justification="component_not_present"),
        vex_statement("CVE-2026-0003", "affected", action_statement="Upgrade."),
        vex_statement("CVE-2026-0004", "under_investigation"),
    )
    return {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.org/vex/1",
        "author": "Example",
        "timestamp": WHEN,
        "version": 1,
        "statements": list(statements or every),
        **members,
    }


def osv_range(*events: Document, kind: str = "ECOSYSTEM", **members: Any) -> Document:  # noqa: ANN401  any JSON
    """A range; without events given, from the beginning to before 1.2.3."""
    return {"type": kind, "events": list(events) or [{"introduced": "0"}, {"fixed": "1.2.3"}], **members}


def osv(**members: Any) -> Document:  # noqa: ANN401  any JSON
    """An advisory about one package of PyPI."""
    return {
        "schema_version": "1.7.0",
        "id": "GHSA-aaaa-bbbb-cccc",
        "modified": WHEN,
        "published": WHEN,
        "aliases": ["CVE-2026-0001"],
        "summary": "Widgets overflow",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [{"package": {"ecosystem": "PyPI", "name": "widget"}, "ranges": [osv_range()]}],
        "references": [{"type": "WEB", "url": "https://example.org/1"}],
        **members,
    }


TRIVY: Document = {
    "SchemaVersion": 2,
    "Results": [
        {
            "Target": "widget (debian 12)",
            "Vulnerabilities": [
                {"VulnerabilityID": "CVE-2026-0001", "PkgName": "a", "InstalledVersion": "1", "Severity": "CRITICAL"},
                {"VulnerabilityID": "CVE-2026-0001", "PkgName": "b", "InstalledVersion": "1", "Severity": "UNKNOWN"},
            ],
        },
        {"Target": "go.mod"},
    ],
}
GRYPE: Document = {
    "matches": [
        {"vulnerability": {"id": "CVE-2026-0001", "severity": "High"}, "artifact": {"name": "a", "version": "1"}},
        {"vulnerability": {"id": "CVE-2026-0002", "severity": "Negligible"}, "artifact": {"name": "a", "version": "1"}},
    ]
}


def cosign_vuln(result: Any = TRIVY, **scanner: Any) -> Document:  # noqa: ANN401  any JSON
    """A scan; `scanner` replaces or adds members of the scanner."""
    return {
        "invocation": {"parameters": None, "uri": "", "event_id": "", "builder.id": ""},
        "scanner": {
            "uri": "pkg:github/example/scanner@1.2.3",
            "version": "1.2.3",
            "db": {"uri": "https://example.org/db", "version": "7"},
            "result": result,
            **scanner,
        },
        "metadata": {"scanStartedOn": WHEN, "scanFinishedOn": WHEN},
    }


def check_run(number: int, name: str = "test", conclusion: str | None = "success", **members: Any) -> Document:  # noqa: ANN401  any JSON
    """One run of a commit."""
    return {
        "id": number,
        "name": name,
        "head_sha": COMMIT,
        "status": "completed" if conclusion else "in_progress",
        "conclusion": conclusion,
        "started_at": WHEN,
        "completed_at": WHEN if conclusion else None,
        "check_suite": {"id": 1},
        "app": {"id": 15368, "slug": "github-actions"},
        **members,
    }


def check_runs(*runs: Document, **members: Any) -> Document:  # noqa: ANN401  any JSON
    """GitHub's answer; without runs given, one passed and one failed."""
    held = list(runs) or [check_run(1, "build"), check_run(2, "test", "failure")]
    return {"total_count": len(held), "check_runs": held, **members}


def opa_decision(path: str = "widget/gate/allow", **members: Any) -> Document:  # noqa: ANN401  any JSON
    """One event of a decision log."""
    return {
        "labels": {"id": "1780d507-aea2-45cc-ae50-fa153c8e4a5a", "version": "1.0.0"},
        "decision_id": "4ca636c1-55e4-417a-b1d8-4aceb67960d1",
        "bundles": {"gate": {"revision": "r7"}},
        "path": path,
        "input": {"user": "bob"},
        "result": True,
        "requested_by": "10.0.0.1:40000",
        "timestamp": "2026-01-31T12:00:00.123456789Z",
        "metrics": {"timer_rego_query_eval_ns": 31_000},
        **members,
    }


SUMMARY = {
    "verifier": {"id": "https://example.org/verifier"},
    "timeVerified": WHEN,
    "resourceUri": "https://example.org/widget",
    "policy": {"uri": "https://example.org/policy", "digest": {"sha1": "b" * 40, "sha256": "a" * 64}},
    "inputAttestations": [{"uri": "u", "digest": {"sha256": "c" * 64}}],
    "verificationResult": "PASSED",
    "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
    "slsaVersion": "1.0",
}


def every_document() -> dict[str, bytes]:
    """One of each type that is not an SBOM, by the type's name."""
    return {
        "sarif": document_bytes(sarif()),
        "junit": junit(),
        "openvex": document_bytes(openvex()),
        "cosign-vuln": document_bytes(cosign_vuln()),
        "check-runs": document_bytes(check_runs()),
        "opa-decision": document_bytes(opa_decision()),
        "osv": document_bytes(osv()),
    }
