"""The cards of `evidence-api release`: what stands against a verdict, what is for it, and what waives it."""

from typing import Any

import pytest

from evidence_api.cli.release_cards import show_finding

SBOM, TESTS, OVERRIDE = (f"sha256:{digit * 64}" for digit in "123")
_SAID: dict[str, Any] = {
    "status": "VERIFIED",
    "verification": {"signer": {"label": "key ci"}},
    "effective": None,
    "received": "2026-09-01T12:00:00Z",
    "subjects": [],
    "erased": False,
    "body": {"size": 10, "mediaType": "application/json"},
    "decision": None,
}
_QUERY: dict[str, Any] = {
    "name": "analysed",
    "kind": "sbom",
    "where": "analysed",
    "outcome": "FAIL",
    "population": 1,
    "tested": 1,
    "because": "",
    "absent": [],
    "lacking": [],
    **{rows: [] for rows in ("matched", "failed", "unknown", "stale", "withheld", "unverified")},
}


def waived() -> dict[str, Any]:
    kinds = {SBOM: "sbom", TESTS: "test_result", OVERRIDE: "override"}
    return {
        "controlRef": "IG-VUL-4",
        "outcome": "WAIVED",
        "raw": "FAIL",
        "because": "Waived.",
        "fix": "",
        "code": None,
        "facts": {},
        "waiver": OVERRIDE,
        "waivedBy": None,
        "control": None,
        "queries": [{**_QUERY, "failed": [SBOM]}],
        "evidence": {
            "edges": [{"node": {"evidenceId": name, "kind": kind, **_SAID}} for name, kind in kinds.items()],
            "pageInfo": {"hasNextPage": False},
        },
    }


def test_what_waives_a_control_is_not_said_to_satisfy_it(capsys: pytest.CaptureFixture[str]) -> None:
    show_finding({"name": "widget", "version": "", "assessment": {"evaluatedAt": "2026-09-01T12:00:00Z"}}, waived())
    shown = capsys.readouterr().out
    satisfying, _, waiving = shown.partition("evidence that satisfies it")[2].partition("evidence that waives it")
    assert TESTS in satisfying
    assert OVERRIDE not in satisfying
    assert OVERRIDE in waiving


def test_a_decision_is_told_in_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    finding = waived()
    decision = {
        "kind": "rollout-gate",
        "method": "wald",
        "explanation": "roll back",
        "reperformance": {
            "status": "DISAGREES",
            "sentence": "Recomputed and disagrees: roll back.",
            "differences": [{"path": "action", "claimed": "promote", "recomputed": "rollback"}] * 12,
            "checkedBy": {"evidenceId": OVERRIDE},
        },
    }
    for edge in finding["evidence"]["edges"][:2]:
        edge["node"]["decision"] = decision
    show_finding({"name": "widget", "version": "", "assessment": {"evaluatedAt": "2026-09-01T12:00:00Z"}}, finding)
    against, _, satisfying = capsys.readouterr().out.partition("evidence that satisfies it")
    assert "rollout-gate (wald)" in against
    assert against.count("action is claimed as promote and comes to rollback") == 10
    assert "and 2 more" in against
    assert OVERRIDE in against
    assert "Recomputed and disagrees: roll back." in satisfying
