"""Remediation: which action answers what, the gravest first, tries that end, and actions that can be signed."""

from typing import Any, get_args

import pytest

from evidence_api.domain.decisions.remediation import GRAVEST_FIRST, remediate
from evidence_api.domain.errors import Malformed
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.action import Action, read_action
from tests.support.decision_examples import signed


def decided(post: dict[str, Any], measured: dict[str, Any], **choices: Any) -> dict[str, str]:  # noqa: ANN401  options
    done = remediate("node-impl-42", post, measured, actor="maestro", **choices)
    assert done is not None
    return done


def test_a_contract_that_is_met_needs_nothing_however_often_it_was_tried() -> None:
    assert remediate("c", {"tests": "pass"}, {"tests": "pass"}, actor="maestro", attempts=9) is None


@pytest.mark.parametrize(
    ("unmet", "action"),
    [
        (["tests"], "retry_alt_arm"),
        (["perf_p95_ms"], "retry_alt_arm"),
        (["risk"], "escalate_tests"),
        (["cost_usd"], "downshift"),
        (["spent_usd"], "downshift"),
        (["error_rate"], "rollback"),
        (["vulns.criticals"], "quarantine"),
        (["adr"], "file_adr"),
        (["tests", "risk"], "escalate_tests"),
        (["risk", "cost_usd", "tests"], "downshift"),
        (["secrets_found", "error_rate"], "quarantine"),
    ],
)
def test_the_gravest_answer_of_the_table_is_taken(unmet: list[str], action: str) -> None:
    assert decided(dict.fromkeys(unmet, 0), {})["action"] == action


def test_the_table_is_the_operators() -> None:
    table = [("cost*", "raise_budget"), ("*", "open_incident")]
    assert decided({"cost_usd": {"le": 1}}, {"cost_usd": 2}, table=table)["action"] == "raise_budget"
    assert decided({"tests": "pass"}, {}, table=[])["action"] == "retry_alt_arm"


def test_tries_end_with_people() -> None:
    actions = [decided({"tests": "pass"}, {}, attempts=tried)["action"] for tried in range(5)]
    assert actions == ["retry_alt_arm"] * 3 + ["open_incident"] * 2
    assert decided({"secret": 0}, {}, most_attempts=0)["action"] == "open_incident"


def test_the_justification_says_what_was_asked_and_which_try_it_is() -> None:
    first = decided({"risk": {"lt": 0.65}, "tests": "pass"}, {"risk": 0.9}, attempts=1)["justification"]
    asked = 'risk is 0.9 and should be lt 0.65; tests was not measured and should be "pass"'
    assert first == f"{asked}; attempt 2 of 3"
    assert decided({"tests": 1}, {"tests": 2}, attempts=3)["justification"].endswith("; unmet after 3 attempts")


@pytest.mark.parametrize(("longer", "cut"), [(0, False), (1, True)])
def test_a_justification_that_just_fits_is_not_cut(longer: int, cut: bool) -> None:  # noqa: FBT001  a table
    rest = len(" was not measured and should be 1; attempt 1 of 3")
    told = decided({"x" * (1024 - rest + longer): 1}, {})["justification"]
    assert (len(told), "..." in told) == (1024, cut)


def test_every_action_can_be_signed() -> None:
    assert set(GRAVEST_FIRST) == set(get_args(Action.model_fields["action"].annotation))
    many = {f"condition-{index}": "x" * 200 for index in range(50)}
    for attempts in (0, 3):
        predicate = signed(decided(many, {}, attempts=attempts))
        read = read_action(Statement("v1", "urn:evidence-api:action:v1", (), predicate))
        assert read.facts["target"] == "node-impl-42"
        assert len(str(read.facts["justification"])) == 1024


@pytest.mark.parametrize(
    ("choices", "path"),
    [
        ({"attempts": -1}, "attempts"),
        ({"table": [("*", "retry_alt_arm"), ("x", "pray")]}, "table.1"),
        ({"post": {"x": {"below": 1}}}, "contract.post.x.below"),
        ({"measured": {"x": float("nan")}}, "measured.x"),
    ],
)
def test_what_cannot_be_decided_is_refused(choices: dict[str, Any], path: str) -> None:
    given = {"post": {"x": 1}, "measured": {}, **choices}
    with pytest.raises(Malformed) as refusal:
        remediate("c", actor="maestro", **given)
    assert (refusal.value.code, refusal.value.fields["path"]) == ("out_of_domain", path)
