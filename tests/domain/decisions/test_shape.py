"""What the inputs of decisions may look like, whatever their kind: one kind of number, and names that may be absent."""

import copy
from typing import Any

import pytest

from evidence_api.domain.decisions.shape import Count, Part, Whole
from evidence_api.domain.errors import Malformed
from evidence_api.domain.typed_json import read_typed
from tests.support.decision_examples import EXAMPLES, examples, kind_named

NAMES_OF_WHAT = {
    "ab-test": "metric",
    "causal-impact": "metric",
    "drift-watch": "feature",
    "ownership": "file",
    "property-mined": "metric",
    "speclive-result": "guard",
}


class Tallied(Part):
    """A count and a whole number without bounds."""

    count: Count
    step: Whole = 0


@pytest.mark.parametrize("count", [3005, 3005.0])
def test_a_whole_number_counts_however_it_is_written(count: float) -> None:
    tallied = read_typed(Tallied, {"count": count, "step": -2.0})
    assert (tallied.count, tallied.step) == (3005, -2)
    assert type(tallied.count) is int


@pytest.mark.parametrize("count", [2.5, -1.0, 1e308, float("inf"), float("nan"), True, "1", None])
def test_nothing_else_counts(count: object) -> None:
    with pytest.raises(Malformed) as refused:
        read_typed(Tallied, {"count": count})
    assert refused.value.fields["path"] == "count"


def _as_doubles(value: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, dict):
        return {name: _as_doubles(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_doubles(one) for one in value]
    return float(value) if type(value) is int else value


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_what_a_producer_writes_as_doubles_agrees_as_well(name: str) -> None:
    kind = kind_named(name)
    for predicate in examples(name):
        assert kind.reperform(_as_doubles(predicate)).status == kind.reperform(predicate).status


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_producer_may_say_more_of_itself(name: str) -> None:
    kind, predicate = kind_named(name), examples(name)[0]
    told = {**predicate, "producer": {**predicate["producer"], "uri": "https://maestro.example"}, "note": None}
    assert kind.reperform(told) == kind.reperform(predicate)


@pytest.mark.parametrize(("name", "member"), NAMES_OF_WHAT.items())
def test_a_name_no_rule_computes_with_may_be_left_out(name: str, member: str) -> None:
    kind, predicate = kind_named(name), copy.deepcopy(examples(name)[0])
    named = kind.reperform(predicate)
    predicate.pop(member, None)
    unnamed = kind.reperform(predicate)
    assert (unnamed.status, unnamed.differences) == (named.status, named.differences)
    assert "None" not in unnamed.reason


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("budget-event", "level"),
        ("drift-watch", "level"),
        ("rollout-gate", "action"),
        ("rollout-gate", "verdict"),
        ("shadow-replay", "verdict"),
    ],
)
def test_a_word_that_is_none_of_the_answers_is_a_difference_and_no_refusal(name: str, member: str) -> None:
    for predicate in examples(name):
        told = kind_named(name).reperform({**predicate, member: "perhaps"})
        assert [(one.path, one.claimed) for one in told.differences] == [(member, "perhaps")]
