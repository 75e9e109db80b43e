"""Decisions: named by their question and policy, and a denial unless the answer is exactly an allow."""

import pytest

from evidence_api.domain.decision import Decision, decision_id
from evidence_api.domain.digest import digest_of

POLICY = "sha256:" + "0" * 64
ALLOW = {"allow": True, "rules": [], "reasons": []}


def test_id_is_of_area_input_and_policy() -> None:
    one = Decision.of("admission", b"{}", POLICY, ALLOW)
    assert one.id == decision_id("admission", digest_of(b"{}"), POLICY)
    assert one.input_digest == digest_of(b"{}")
    ids = {
        one.id,
        Decision.of("residency", b"{}", POLICY, ALLOW).id,
        Decision.of("admission", b'{"a":1}', POLICY, ALLOW).id,
        Decision.of("admission", b"{}", "sha256:" + "1" * 64, ALLOW).id,
    }
    assert len(ids) == 4


def test_answers_are_read() -> None:
    assert Decision.of("a", b"{}", POLICY, ALLOW).allow
    denied = Decision.of("a", b"{}", POLICY, {"allow": False, "rules": ["a.b"], "reasons": ["because"]})
    assert (denied.allow, denied.rules, denied.reasons) == (False, ("a.b",), ("because",))


@pytest.mark.parametrize(
    "answer",
    [
        None,
        True,
        {},
        [ALLOW],
        {"allow": True},
        {"allow": 1, "rules": [], "reasons": []},
        {"allow": "true", "rules": [], "reasons": []},
        {"allow": True, "rules": "", "reasons": []},
        {"allow": True, "rules": [1], "reasons": []},
        {"allow": True, "rules": [], "reasons": [None]},
        {"allow": True, "rules": [], "reasons": [], "but": "not really"},
    ],
)
def test_anything_else_denies(answer: object) -> None:
    decision = Decision.of("a", b"{}", POLICY, answer)
    assert (decision.allow, decision.rules) == (False, ("undefined",))
    assert len(decision.reasons) == 1
