from datetime import UTC, datetime
from typing import Any

import pytest

from evidence_api.domain.action_request import EVERY_ACTION, Asked, usd_of
from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.formats.predicates import normalise
from evidence_api.formats.predicates.action_request import ACTION_REQUEST, request_predicate
from evidence_api.formats.statement import read_statement
from tests.support import statements

WHEN = datetime(2026, 11, 21, 8, tzinfo=UTC)
ASKED = Asked("rollback", "widget@1.0.0", "Error rate doubled.", key="k", request_id="r-1", about="sha256:" + "a" * 64)
DENIED = Decision.of("action", b"{}", "sha256:" + "b" * 64, {"allow": False, "rules": ["a.b"], "reasons": ["no\n"]})


def read(predicate: dict[str, Any]) -> Normalised:
    return normalise(read_statement(statements.statement(ACTION_REQUEST, statements.ARTIFACT, predicate)), 1)


@pytest.mark.parametrize("decision", [DENIED, None])
def test_a_request_says_who_what_why_and_what_policy_said(decision: Decision | None) -> None:
    predicate = request_predicate(ASKED, "id-1", "token:t-1", WHEN, decision)
    found = read(predicate)
    assert (found.kind, found.effective) == ("action_request", WHEN)
    assert found.facts["actor"] == "token:t-1"
    assert found.facts["decided"] == ("allow" if decision is None else "deny")
    assert (found.facts["target"], found.facts["justification"]) == (ASKED.target, ASKED.justification)
    assert found.facts["about"] == ASKED.about
    if decision is not None:
        assert predicate["decision"]["id"] == decision.id
        assert (found.facts["rules"], predicate["decision"]["reasons"]) == (("a.b",), ["no\N{REPLACEMENT CHARACTER}"])


def test_each_request_stands_for_itself() -> None:
    first, second = (read(request_predicate(ASKED, name, "token:t", WHEN, None)) for name in ("one", "two"))
    assert first.series != second.series


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"action": "file_adr"}, "predicate.action"),
        ({"actor": ""}, "predicate.actor"),
        ({"decision": {"area": "action", "result": "perhaps"}}, "predicate.decision.result"),
        ({"more": 1}, "predicate.more"),
        ({"about": "x"}, "predicate.about"),
    ],
)
def test_what_is_no_request_is_refused(change: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refused:
        read({**request_predicate(ASKED, "id", "token:t", WHEN, None), **change})
    assert refused.value.fields["path"] == path


def test_every_action_is_one_the_predicate_takes() -> None:
    for action in EVERY_ACTION:
        asked = Asked(action, "t", "j", key="k", request_id="r")
        assert read(request_predicate(asked, "id", "token:t", WHEN, None)).facts["action"] == action


@pytest.mark.parametrize(
    ("text", "amount"),
    [("750", 750.0), ("99.50", 99.5), ("0", 0.0), ("", None), ("1e3", None), ("-1", None), ("01", None)],
)
def test_amounts_are_written_plainly(text: str, amount: float | None) -> None:
    found = usd_of(text)
    assert (None if found is None else float(found)) == amount
