from datetime import UTC, datetime
from typing import Any

import pytest

from evidence_api.domain.decision import Decision
from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.formats.predicates import normalise
from evidence_api.formats.predicates.policy_decision import POLICY_DECISION, decision_predicate
from evidence_api.formats.statement import read_statement
from tests.support import statements


def read(document: statements.Statement) -> Normalised:
    return normalise(read_statement(document), 1)


def changed(document: statements.Statement, **members: Any) -> statements.Statement:  # noqa: ANN401  any JSON
    return {**document, "predicate": {**document["predicate"], **members}}


@pytest.mark.parametrize(
    ("conclusions", "verdict"),
    [
        ((), "none"),
        (("success",), "pass"),
        (("success", "neutral", "skipped"), "pass"),
        (("success", None), "pending"),
        (("failure", None), "fail"),
        (("cancelled",), "fail"),
        (("timed_out", "success"), "fail"),
        (("action_required",), "fail"),
    ],
)
def test_required_checks(conclusions: tuple[str | None, ...], verdict: str) -> None:
    assert read(statements.github_checks(conclusions=conclusions)).facts["required"] == verdict


def test_checks_that_are_not_required_do_not_decide() -> None:
    facts = read(statements.github_checks(conclusions=("failure", "success"), required=False)).facts
    assert facts["required"] == "none"
    assert (facts["checks"], facts["passed"], facts["failed"], facts["required_checks"]) == (2, 1, 1, 0)
    mixed = statements.github_checks(conclusions=("success",))
    mixed["predicate"]["checks"].append({"name": "optional", "conclusion": "failure", "required": False})
    assert read(mixed).facts["required"] == "pass"


@pytest.mark.parametrize("result", ["allow", "deny"])
def test_one_statement_is_one_decision(result: str) -> None:
    facts = read(statements.policy_decision(result=result, reasons=("a", "b"))).facts
    assert facts["denies"] == (1 if result == "deny" else 0)
    assert facts["reasons"] == ("a", "b")


def test_decisions_of_two_rules_stand_side_by_side() -> None:
    first, second = (read(statements.policy_decision(rule=rule)) for rule in ("data.a", "data.b"))
    assert first.series != second.series


def test_a_later_answer_replaces_that_to_the_same_question_of_an_area_alone() -> None:
    asked: dict[str, Any] = {"area": "residency", "rules": ["residency.region"]}
    denied = read(statements.policy_decision(rule="residency.region", result="deny", **asked))
    assert (denied.facts["area"], denied.facts["rules"]) == ("residency", ("residency.region",))
    assert read(statements.policy_decision(rule="residency", **asked)).series == denied.series
    other = read(statements.policy_decision(**asked, inputDigest=digest_of(b"other")))
    assert other.series != denied.series
    same: dict[str, Any] = {**asked, "questionDigest": digest_of(b"asked")}
    first, second = (read(statements.policy_decision(**same, inputDigest=digest_of(at))) for at in (b"1", b"2"))
    assert first.series == second.series != denied.series


def test_what_a_policy_says_is_made_fit_for_a_statement() -> None:
    answer = {"allow": False, "rules": ["", "one\n.rule"], "reasons": ["", "a\tb", "x" * 5000]}
    decision = Decision.of("one", b"{}", digest_of(b"policy"), answer)
    predicate = decision_predicate(decision, datetime(2026, 1, 1, tzinfo=UTC), question_digest=decision.input_digest)
    facts = read(statements.statement(POLICY_DECISION, statements.COMMIT, predicate)).facts
    assert (facts["rule"], facts["rules"]) == ("one\ufffd.rule", ("one\ufffd.rule",))
    assert facts["reasons"] == ("a\ufffdb", "x" * 1024)
    nothing = Decision.of("one", b"{}", digest_of(b"policy"), {"allow": False, "rules": [], "reasons": []})
    predicate = decision_predicate(nothing, datetime(2026, 1, 1, tzinfo=UTC), question_digest=digest_of(b"asked"))
    assert (predicate["rule"], predicate["questionDigest"]) == ("undefined", digest_of(b"asked"))


def test_release_names_itself() -> None:
    normalised = read(statements.release([statements.ARTIFACT, statements.COMMIT], name="widget", version="1.0"))
    assert normalised.facts == {"name": "widget", "version": "1.0", "subjects": 2}


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"name": ""}, "predicate.name"),
        ({"name": "a@b"}, "predicate.name"),
        ({"name": "a b"}, "predicate.name"),
        ({"name": "a\n"}, "predicate.name"),
        ({"name": None}, "predicate.name"),
        ({"version": ""}, "predicate.version"),
        ({"version": "1 0"}, "predicate.version"),
        ({"version": 1}, "predicate.version"),
        ({"extra": 1}, "predicate.extra"),
        ({"decidedAt": "now"}, "predicate.decidedAt"),
        ({"decided": "2026-01-31T12:00:00Z"}, "predicate.decided"),
        ({"producer": {"id": "x"}}, "predicate.producer.version"),
    ],
)
def test_release_is_strict(members: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(changed(statements.release(), **members))
    assert caught.value.fields["path"] == path


@pytest.mark.parametrize(
    ("document", "members", "path"),
    [
        (statements.github_checks(), {"producer": None}, "predicate.producer"),
        (statements.github_checks(), {"decidedAt": None}, "predicate.decidedAt"),
        (statements.github_checks(), {"checks": [{"name": "a"}]}, "predicate.checks.0.required"),
        (
            statements.github_checks(),
            {"checks": [{"name": "a", "required": True, "conclusion": "fine"}]},
            "predicate.checks.0.conclusion",
        ),
        (statements.policy_decision(), {"result": "maybe"}, "predicate.result"),
        (statements.policy_decision(), {"inputDigest": "abc"}, "predicate.inputDigest"),
        (statements.policy_decision(), {"reasons": ["a", 1]}, "predicate.reasons.1"),
        (statements.policy_decision(), {"area": "", "rules": []}, "predicate.area"),
        (statements.policy_decision(), {"area": "a", "rules": "r"}, "predicate.rules"),
        (statements.test_result(), {"result": "passed"}, "predicate.result"),
        (statements.test_result(), {"configuration": [{}]}, "predicate.configuration.0"),
        (statements.test_result(), {"failedTests": "none"}, "predicate.failedTests"),
    ],
)
def test_refusals_say_where(document: statements.Statement, members: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(changed(document, **members))
    assert caught.value.fields["path"] == path


def test_test_results_count_only_lists_that_are_there() -> None:
    document = statements.test_result(result="FAILED", failed=("a", "b"))
    assert read(document).facts["failed"] == 2
    del document["predicate"]["failedTests"]
    assert "failed" not in read(document).facts
    assert read(document).facts["result"] == "failed"


def test_suites_of_other_configuration_stand_side_by_side() -> None:
    first, second = (read(statements.test_result(configuration=name)) for name in ("unit.yml", "e2e.yml"))
    assert first.series != second.series
