"""Contract results: met and unmet, missing measurements, and refusals with their path."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.contract_result import KIND, check, statement
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.domain.errors import Malformed
from tests.support.decision_examples import signed

POST = {"tests": "pass", "perf_p95_ms": {"lt": 250}, "risk": {"lt": 0.65}}
MADE = statement("node-impl-42", POST, {"tests": "fail", "risk": 0.2})

NAMES = st.sampled_from(["tests", "risk", "perf", "z"])
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1e30, 1e30) | st.sampled_from(["pass", "fail"])
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
COMPARED = st.dictionaries(st.sampled_from(["lt", "le", "gt", "ge", "eq"]), SCALARS, min_size=1)
CONDITIONS = VALUES | COMPARED | st.lists(SCALARS, max_size=3).map(lambda listed: {"in": listed})


@given(st.dictionaries(NAMES, CONDITIONS), st.dictionaries(NAMES, VALUES))
def test_what_is_stated_agrees(post: dict[str, Any], measured: dict[str, Any]) -> None:
    made = statement("c", post, measured)
    assert KIND.reperform(signed(made)).status is Status.AGREES
    assert made["met"] == (made["unmet"] == [])
    assert set(post) - set(measured) <= set(made["unmet"]) <= set(post)


def test_what_nobody_measured_is_unmet_and_what_nobody_asked_is_nothing() -> None:
    assert check(POST, {}) == ["perf_p95_ms", "risk", "tests"]
    assert check({"x": None}, {}) == ["x"]
    assert check({"x": None}, {"x": None}) == []
    assert check(POST, {"tests": "pass", "perf_p95_ms": 1, "risk": 0, "other": "fail"}) == []


def test_a_contract_that_asks_nothing_is_met_and_says_how_much_it_asked() -> None:
    found = KIND.reperform(signed(statement("empty", {}, {"tests": "fail"})))
    assert (found.status, found.facts["met"], found.facts["conditions"]) == (Status.AGREES, True, 0)


@pytest.mark.parametrize(
    ("claimed", "differing"),
    [
        ({"met": True}, ["met"]),
        ({"unmet": []}, ["unmet"]),
        ({"unmet": ["tests", "perf_p95_ms"]}, ["unmet"]),
        ({"met": True, "unmet": []}, ["met", "unmet"]),
        ({"measured": {"tests": "pass", "risk": 0.2, "perf_p95_ms": 9}}, ["met", "unmet"]),
    ],
)
def test_each_false_claim_shows(claimed: dict[str, Any], differing: list[str]) -> None:
    assert [one.path for one in KIND.reperform(signed({**MADE, **claimed})).differences] == differing


def test_facts_are_recomputed() -> None:
    told = KIND.reperform(signed({**MADE, "met": True, "unmet": []})).facts
    assert (told["id"], told["met"], told["conditions"]) == ("node-impl-42", False, 3)
    assert (told["unmet"], told["reperformance"]) == (("perf_p95_ms", "tests"), "disagrees")


def test_the_explanation_has_what_was_measured_and_what_was_asked() -> None:
    asked = 'perf_p95_ms was not measured and should be lt 250; tests is "fail" and should be "pass"'
    assert KIND.reperform(signed(MADE)).reason == f"contract node-impl-42 is unmet in 2 of 3 conditions: {asked}"
    met = statement("c", {"a": 1}, {"a": 1})
    assert KIND.reperform(signed(met)).reason == "contract c is met: 1 condition, none unmet"
    many = statement("c", dict.fromkeys("abcde", 1), {})
    assert KIND.reperform(signed(many)).reason.endswith("c was not measured and should be 1; and 2 more")
    three = statement("c", dict.fromkeys("abc", 1), {})
    assert KIND.reperform(signed(three)).reason.endswith("c was not measured and should be 1")


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"contract": {"id": "c", "post": {"x": {"below": 3}}}}, "contract.post.x.below"),
        ({"contract": {"id": "c", "post": {"x": {}}}}, "contract.post.x"),
        ({"contract": {"id": "c", "post": {"x": {"lt": float("nan")}}}}, "contract.post.x.lt"),
        ({"contract": {"id": "", "post": {}}}, "contract.id"),
        ({"contract": {"id": "c", "post": ["x"]}}, "contract.post"),
        ({"measured": {"risk": float("inf")}}, "measured.risk"),
        ({"measured": {"risk": 1e308}}, "measured.risk"),
        ({"measured": None}, "measured"),
        ({"met": "yes"}, "met"),
        ({"unmet": "risk"}, "unmet"),
    ],
)
def test_inputs_out_of_domain_are_refused_with_their_path(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as refusal:
        KIND.reperform(signed({**MADE, **changed}))
    assert refusal.value.fields["path"] == path


def test_too_many_conditions_are_refused() -> None:
    with pytest.raises(Malformed) as refusal:
        KIND.reperform(signed({**MADE, "contract": {"id": "c", "post": {f"c{i}": 1 for i in range(10_001)}}}))
    assert refusal.value.fields["path"] == "contract.post"
