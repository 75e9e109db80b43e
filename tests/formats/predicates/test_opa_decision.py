from typing import Any

import pytest

from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.formats.documents import document_type
from tests.support.documents import document_bytes, opa_decision


def read(event: dict[str, Any]) -> Normalised:
    return document_type("opa-decision").read(document_bytes(event)).normalised


def test_an_event_is_read_whole() -> None:
    normalised = read(opa_decision())
    assert normalised.facts == {
        "rule": "widget/gate/allow",
        "policy_bundle": "gate@r7",
        "input_digest": digest_of(canonical({"user": "bob"})),
        "result": "allow",
        "denies": 0,
        "reasons": (),
    }
    assert normalised.effective is not None
    assert normalised.effective.microsecond == 123456


def test_a_decision_of_our_own_policies_names_area_and_rules() -> None:
    denied = {"allow": False, "rules": ["residency.region", 7], "reasons": ["not there"]}
    facts = read(opa_decision("evidence/policy/residency/decision", result=denied)).facts
    assert (facts["area"], facts["rules"], facts["denies"]) == ("residency", ("residency.region",), 1)
    for odd in ({"allow": False}, {"allow": False, "rules": "x"}):
        assert read(opa_decision("evidence/policy/residency/decision", result=odd)).facts["rules"] == ()
    hidden = read(opa_decision("evidence/policy/residency/decision", result=denied, erased=["/result/rules"])).facts
    assert "rules" not in hidden
    for path in (
        "policy/residency/decision",
        "evidence/policy/residency/decision/allow",
        "evidence/policy/a/b/decision",
    ):
        assert not {"area", "rules"} & read(opa_decision(path, result=denied)).facts.keys()


@pytest.mark.parametrize(
    ("path", "result", "denies", "reasons"),
    [
        ("a/allow", True, 0, ()),
        ("a/allow", False, 1, ()),
        ("a/allow", None, 1, ()),
        ("a/deny", [], 0, ()),
        ("a/deny", ["no review", {"msg": "no tests"}, {"code": 7}], 3, ("no review", "no tests")),
        ("a/violations", [{"code": 7}], 1, ()),
        ("a/deny", False, 0, ()),
        ("a/deny", True, 1, ()),
        ("a/main", {"allow": True}, 0, ()),
        ("a/main", {"allow": True, "reasons": ["fine"]}, 0, ()),
        ("a/main", {"allow": False, "reasons": ["old", "old"]}, 1, ("old",)),
        ("a/main", {"allow": True, "deny": ["late"]}, 1, ("late",)),
        ("a/allow", {"allowed": True, "headers": {}}, 0, ()),
        (
            "system/main",
            {"kind": "AdmissionReview", "response": {"allowed": False, "status": {"message": "no owner"}}},
            1,
            ("no owner",),
        ),
    ],
)
def test_what_a_result_means(path: str, result: object, denies: int, reasons: tuple[str, ...]) -> None:
    facts = read(opa_decision(path, result=result)).facts
    assert (facts["result"], facts["denies"]) == ("deny" if denies else "allow", denies)
    assert facts["reasons"] == reasons


@pytest.mark.parametrize(
    "members",
    [
        {"path": "a/score", "result": 7},
        {"path": "a/allow", "result": "true"},
        {"path": "a/allow", "result": ["x"]},
        {"path": "a/deny", "result": None},
        {"path": "a/main", "result": {"score": 7}},
        {"path": "a/main", "result": {"allow": {"deep": True}}},
        {"result": True, "error": {"code": "eval_conflict_error"}},
        {"result": True, "erased": ["/result"]},
        {"result": True, "masked": ["/result/allow"]},
    ],
)
def test_what_cannot_be_told_is_unknown(members: dict[str, Any]) -> None:
    assert not {"result", "denies", "reasons"} & read(opa_decision() | members).facts.keys()


def test_an_input_that_was_masked_or_has_no_canonical_form_has_no_digest() -> None:
    for members in ({"erased": ["/input/password"]}, {"masked": ["/input"]}, {"input": {"n": 2**63}}):
        assert "input_digest" not in read(opa_decision(**members)).facts
    assert "input_digest" in read(opa_decision(erased=["/inputs"], masked=["/nd_builtin_cache"])).facts
    without = opa_decision()
    del without["input"]
    assert "input_digest" not in read(without).facts


def test_the_policy_is_every_bundle_or_the_old_revision() -> None:
    several = read(opa_decision(bundles={"b": {"revision": "2"}, "a": {}})).facts
    assert several["policy_bundle"] == "a, b@2"
    assert read(opa_decision(bundles=None, revision="r1")).facts["policy_bundle"] == "r1"


def test_an_ad_hoc_query_is_its_own_rule() -> None:
    event = opa_decision(query="data.a.b = x", result=[{"x": 1}])
    del event["path"]
    assert read(event).facts["rule"] == "data.a.b = x"


def test_no_event_takes_the_place_of_another() -> None:
    assert read(opa_decision()).series != read(opa_decision(decision_id="other")).series


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"timestamp": "today"}, "timestamp"),
        ({"labels": {"id": 7}}, "labels.id"),
        ({"bundles": {"gate": {"revision": 7}}}, "bundles.gate.revision"),
        ({"erased": ["/a", 7]}, "erased.1"),
    ],
)
def test_refusals_say_where(members: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(opa_decision(**members))
    assert caught.value.fields["path"] == path
