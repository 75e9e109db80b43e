"""Overrides, actions, plugin reviews and incidents: what is read, what supersedes what, and each defect's place."""

from datetime import UTC, datetime
from typing import Any

import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import read_statement
from tests.support import statements
from tests.support.facts import assert_facts_fit

DECIDED = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = "2026-02-01T00:00:00Z"


def read(document: statements.Statement) -> Normalised:
    normalised = normalise(read_statement(document), 1)
    assert_facts_fit(normalised.kind, normalised.facts)
    return normalised


def changed(document: statements.Statement, **members: Any) -> statements.Statement:  # noqa: ANN401  any JSON
    """With these members; those that are ... are left out."""
    predicate = {**document["predicate"], **members}
    return {**document, "predicate": {name: one for name, one in predicate.items() if one is not ...}}


def test_an_override_names_a_control() -> None:
    override = read(statements.override(scope="widget@1.0.0"))
    assert override.facts == {
        "control": "IG-SC-5",
        "scope": "widget@1.0.0",
        "reason": "Only in the test image.",
        "owner": "o.wner",
        "requester": "r.equester",
        "approver": "a.pprover",
        "from": "2026-01-01T00:00:00Z",
        "until": "2026-03-01T00:00:00Z",
    }
    assert (override.kind, override.effective, override.series) == ("override", DECIDED, "control IG-SC-5 widget@1.0.0")


def test_an_override_names_a_rule() -> None:
    override = read(statements.override(rule="write_paths.outside"))
    assert override.facts["rule"] == "write_paths.outside"
    assert {"control", "scope"}.isdisjoint(override.facts)
    assert override.series == "rule write_paths.outside"


def test_days_count_whole_in_utc() -> None:
    facts = read(statements.override(starts="2026-01-01", until="2026-01-31")).facts
    assert (facts["from"], facts["until"]) == ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z")
    one_day = read(statements.override(starts="2026-01-01", until="2026-01-01")).facts
    assert one_day["until"] == "2026-01-02T00:00:00Z"


def test_justification_and_expires_are_other_names() -> None:
    other = changed(
        statements.override(), reason=..., justification="because", until=..., expires="2026-02-01T00:00:00+02:00"
    )
    facts = read(other).facts
    assert (facts["reason"], facts["until"]) == ("because", "2026-01-31T22:00:00Z")


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"control": ...}, "predicate"),
        ({"rule": "also.this"}, "predicate"),
        ({"control": ""}, "predicate.control"),
        ({"control": "  "}, "predicate.control"),
        ({"control": 5}, "predicate.control"),
        ({"scope": "two words"}, "predicate.scope"),
        ({"scope": None}, "predicate.scope"),
        ({"reason": ...}, "predicate.reason"),
        ({"reason": " "}, "predicate.reason"),
        ({"reason": "a\nb"}, "predicate.reason"),
        ({"justification": "twice"}, "predicate.justification"),
        ({"owner": ...}, "predicate.owner"),
        ({"owner": ""}, "predicate.owner"),
        ({"requester": ...}, "predicate.requester"),
        ({"approver": ...}, "predicate.approver"),
        ({"approver": "\t"}, "predicate.approver"),
        ({"from": ...}, "predicate.from"),
        ({"from": "soon"}, "predicate.from"),
        ({"from": "2026-02-30"}, "predicate.from"),
        ({"until": ...}, "predicate.until"),
        ({"until": None}, "predicate.until"),
        ({"until": "9999-12-31"}, "predicate.until"),
        ({"until": "2026-01-01T00:00:00Z"}, "predicate"),
        ({"until": "2025-12-31"}, "predicate"),
        ({"expires": "2026-03-01"}, "predicate.expires"),
        ({"producer": ...}, "predicate.producer"),
        ({"decidedAt": ...}, "predicate.decidedAt"),
        ({"approved": True}, "predicate.approved"),
    ],
)
def test_an_override_is_strict(members: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(changed(statements.override(), **members))
    assert caught.value.fields["path"] == path


def test_a_later_override_of_the_same_thing_takes_its_place() -> None:
    first = read(statements.override())
    assert read(statements.override(approver="somebody", until=LATER, decided=LATER)).series == first.series
    assert read(statements.override(scope="widget")).series != first.series
    assert read(statements.override(control="IG-SC-6")).series != first.series
    assert read(statements.override(rule="IG-SC-5")).series != first.series


def test_an_action_stands_for_itself() -> None:
    action = read(statements.action())
    assert action.facts == {
        "action": "rollback",
        "actor": "release-bot",
        "target": "widget",
        "justification": "error rate over the limit",
    }
    assert action.effective == DECIDED
    assert read(statements.action(decided=LATER)).series != action.series


@pytest.mark.parametrize(
    ("document", "members", "path"),
    [
        (statements.action(), {"action": "reboot"}, "predicate.action"),
        (statements.action(), {"actor": ...}, "predicate.actor"),
        (statements.action(), {"target": ""}, "predicate.target"),
        (statements.action(), {"justification": ...}, "predicate.justification"),
        (statements.action(), {"decidedAt": ...}, "predicate.decidedAt"),
        (statements.action(), {"extra": 1}, "predicate.extra"),
        (statements.plugin_review(), {"plugin": ...}, "predicate.plugin"),
        (statements.plugin_review(), {"version": ...}, "predicate.version"),
        (statements.plugin_review(), {"rubric": ...}, "predicate.rubric"),
        (statements.plugin_review(), {"stars": 0}, "predicate.stars"),
        (statements.plugin_review(), {"stars": 6}, "predicate.stars"),
        (statements.plugin_review(), {"stars": "5"}, "predicate.stars"),
        (statements.plugin_review(), {"stars": True}, "predicate.stars"),
        (statements.plugin_review(), {"verdict": "maybe"}, "predicate.verdict"),
        (statements.plugin_review(), {"permissions": ...}, "predicate.permissions"),
        (statements.plugin_review(), {"permissions": ["read", 1]}, "predicate.permissions.1"),
        (statements.plugin_review(), {"reviewer": ...}, "predicate.reviewer"),
        (statements.plugin_review(), {"producer": None}, "predicate.producer"),
        (statements.incident(), {"id": ...}, "predicate.id"),
        (statements.incident(), {"title": ""}, "predicate.title"),
        (statements.incident(), {"severity": "terrible"}, "predicate.severity"),
        (statements.incident(), {"status": "closed"}, "predicate.status"),
        (statements.incident(), {"opened": ...}, "predicate.opened"),
        (statements.incident(), {"opened": "yesterday"}, "predicate.opened"),
        (statements.incident(), {"resolved": ...}, "predicate"),
        (statements.incident(), {"status": "mitigated"}, "predicate"),
        (statements.incident(), {"resolved": "2026-01-29T00:00:00Z"}, "predicate"),
        (statements.incident(), {"rootCause": 7}, "predicate.rootCause"),
        (statements.incident(), {"root_cause": "x"}, "predicate.root_cause"),
        (statements.incident(), {"producer": {"id": "x"}}, "predicate.producer.version"),
    ],
)
def test_the_others_are_strict(document: statements.Statement, members: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(changed(document, **members))
    assert caught.value.fields["path"] == path


def test_a_review_says_what_was_judged() -> None:
    review = read(statements.plugin_review(permissions=("write", "read", "read")))
    assert review.facts == {
        "plugin": "widget-plugin",
        "version": "1.0.0",
        "rubric": "marketplace-2026",
        "stars": 4,
        "verdict": "approve",
        "permissions": ("read", "write"),
        "reviewer": "r.eviewer",
    }
    assert review.effective == DECIDED
    assert read(statements.plugin_review(verdict="reject", stars=1, decided=LATER)).series == review.series
    assert read(statements.plugin_review(reviewer="another")).series != review.series
    assert read(statements.plugin_review(version="1.0.1")).series != review.series
    assert read(statements.plugin_review(permissions=())).facts["permissions"] == ()


def test_an_incident_says_how_long_it_took() -> None:
    incident = read(statements.incident(plugin="widget-plugin"))
    assert incident.facts == {
        "id": "INC-1",
        "title": "Checkout is down",
        "severity": "high",
        "status": "resolved",
        "plugin": "widget-plugin",
        "opened": "2026-01-30T10:00:00Z",
        "resolved": "2026-01-30T12:30:00Z",
        "time_to_resolve": 9000,
        "root_cause": "expired certificate",
    }


def test_an_open_incident_says_less_and_is_about_its_newest_time() -> None:
    opened = read(statements.incident(status="open", resolved=None, root_cause=None, opened=LATER))
    assert set(opened.facts) == {"id", "title", "severity", "status", "opened"}
    assert opened.effective == datetime(2026, 2, 1, tzinfo=UTC)
    later = read(statements.incident(resolved="2026-02-02T00:00:00Z"))
    assert later.effective == datetime(2026, 2, 2, tzinfo=UTC)
    assert later.series == opened.series
    assert read(statements.incident(name="INC-2")).series != opened.series
