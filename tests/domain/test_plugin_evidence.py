"""What a policy is given about a plugin: verified, standing, and never better for being erased or dated ahead."""

from datetime import timedelta
from typing import Any

from evidence_api.domain.evidence import Evidence
from evidence_api.domain.plugin_evidence import plugin_evidence
from tests.support import statements
from tests.support.evidence import EPOCH, erased, evidence_of

PLUGIN = "sha256:" + "ab" * 32
OWN = {"producer": {"id": "p", "version": "1"}}


def review(leaf: int, verdict: str = "approve", *, decided: str = "2025-12-01T00:00:00Z", **more: Any) -> Evidence:  # noqa: ANN401  of evidence_of
    said = {"plugin": "linter", "version": "1", "rubric": "r", "stars": 3, "permissions": ["b", "a"], "reviewer": "me"}
    predicate = {**OWN, "decidedAt": decided, "verdict": verdict, **said}
    return evidence_of(statements.statement("urn:evidence-api:plugin-review:v1", PLUGIN, predicate), leaf, **more)


def incident(leaf: int, status: str = "open") -> Evidence:
    predicate = {
        **OWN,
        "decidedAt": "2025-12-01T00:00:00Z",
        "id": "INC-1",
        "title": "It leaked",
        "severity": "low",
        "status": status,
        "opened": "2025-11-01T00:00:00Z",
    }
    return evidence_of(statements.statement("urn:evidence-api:incident:v1", PLUGIN, predicate), leaf)


def test_a_review_is_by_who_signed_it_and_the_last_of_a_series_stands() -> None:
    told = plugin_evidence([review(1), review(2, "reject", decided="2025-12-22T12:00:00Z")], EPOCH)
    (shown,) = told["reviews"]
    assert (shown["reviewer"], shown["verdict"], shown["permissions"], shown["age_days"]) == (
        "key ci",
        "reject",
        ["a", "b"],
        9.5,
    )
    assert (told["incidents"], told["sboms"]) == ([], [])


def test_nobody_hides_what_another_signer_rejects() -> None:
    """Who wrote a review is what it says itself, so a later one may bear the same name."""
    theirs = review(2, decided="2025-12-22T12:00:00Z", signer="mallory")
    told = plugin_evidence([review(1, "reject"), theirs], EPOCH)
    assert [(one["reviewer"], one["verdict"]) for one in told["reviews"]] == [
        ("key ci", "reject"),
        ("key mallory", "approve"),
    ]


def test_what_nobody_trusted_signed_does_not_count() -> None:
    found = [review(1, verified=False), evidence_of(statements.sbom(PLUGIN), 2, verified=False)]
    assert plugin_evidence(found, EPOCH) == {"reviews": [], "incidents": [], "sboms": []}


def test_erasing_never_helps() -> None:
    gone = [erased(review(1)), erased(evidence_of(statements.sbom(PLUGIN), 2)), erased(incident(3, "mitigated"))]
    told = plugin_evidence(gone, EPOCH)
    assert told["sboms"] == []
    (shown,) = told["reviews"]
    assert (shown["reviewer"], shown["verdict"], shown["permissions"]) == ("key ci", "reject", [])
    (shown,) = told["incidents"]
    assert (shown["severity"], shown["status"]) == ("critical", "open")


def test_an_incident_is_told_as_it_stands() -> None:
    (shown,) = plugin_evidence([incident(1), incident(2, "mitigated")], EPOCH)["incidents"]
    assert (shown["id"], shown["severity"], shown["status"]) == ("INC-1", "low", "mitigated")


def test_nothing_is_younger_than_its_arrival() -> None:
    told = plugin_evidence([review(0, decided="2030-01-01T00:00:00Z")], EPOCH + timedelta(days=3))
    assert told["reviews"][0]["age_days"] == 3
    told = plugin_evidence([review(10)], EPOCH - timedelta(days=400))
    assert told["reviews"][0]["age_days"] == 0
