"""Postconditions: every operator at its edge, and values that cannot be compared."""

from typing import Any

import pytest

from evidence_api.domain.decisions.postconditions import check_condition, check_value, condition_text, holds, value_text
from evidence_api.domain.errors import Malformed


@pytest.mark.parametrize(
    ("condition", "measured", "met"),
    [
        ({"lt": 250}, 249.9, True),
        ({"lt": 250}, 250, False),
        ({"le": 250}, 250, True),
        ({"le": 250}, 250.0001, False),
        ({"gt": 0}, 0, False),
        ({"gt": 0}, 1e-30, True),
        ({"ge": 0.9}, 0.9, True),
        ({"ge": 0.9}, 0.8999, False),
        ({"eq": 3}, 3.0, True),
        ({"eq": "3"}, 3, False),
        ({"in": ["pass", "warn"]}, "warn", True),
        ({"in": ["pass", "warn"]}, "fail", False),
        ({"in": []}, None, False),
        ({"in": [1]}, True, False),
        ({"ge": 1, "lt": 2}, 1.5, True),
        ({"ge": 1, "lt": 2}, 2, False),
        ({"gt": 0, "in": [1, 2]}, 2, True),
        ({"gt": 0, "in": [1, 2]}, 3, False),
        ("pass", "pass", True),
        ("pass", "Pass", False),
        (1, 1.0, True),
        (1, True, False),
        (True, 1, False),
        (False, False, True),
        (None, None, True),
        (None, 0, False),
        (["a", 1], ["a", 1.0], True),
        (["a", 1], ["a"], False),
        ([0], [False], False),
        ({"eq": {"a": [1]}}, {"a": [1.0]}, True),
        ({"eq": {"a": 1}}, {"a": 1, "b": 2}, False),
        ({"eq": {"a": 1}}, ["a"], False),
        ({"eq": ["a"]}, {"a": 1}, False),
        (1e30, 1e30, True),
        ({"le": -1e30}, -1e30, True),
        ({"lt": 250}, "100", False),
        ({"lt": "250"}, 100, False),
        ({"lt": "b"}, "a", False),
        ({"gt": 0}, True, False),
        ({"ge": 0}, None, False),
        ({"le": 0}, [0], False),
    ],
)
def test_a_condition_holds_or_not(condition: object, measured: object, met: bool) -> None:  # noqa: FBT001  a table
    check_condition(condition, "at")
    assert holds(condition, measured) is met


@pytest.mark.parametrize(
    ("condition", "path"),
    [
        ({}, "post.x"),
        ({"below": 3}, "post.x.below"),
        ({"lt": 3, "LT": 3}, "post.x.LT"),
        ({"in": "pass"}, "post.x.in"),
        ({"lt": float("nan")}, "post.x.lt"),
        ({"in": [1, float("inf")]}, "post.x.in.1"),
        ({"eq": {"a": -1e308}}, "post.x.eq.a"),
        (10**400, "post.x"),
        (float("nan"), "post.x"),
    ],
)
def test_what_asks_nothing_answerable_is_refused(condition: object, path: str) -> None:
    with pytest.raises(Malformed) as refusal:
        check_condition(condition, "post.x")
    assert (refusal.value.code, refusal.value.fields["path"]) == ("out_of_domain", path)


def nested(depth: int) -> Any:  # noqa: ANN401  JSON
    deep: Any = 1
    for _ in range(depth):
        deep = [deep]
    return deep


@pytest.mark.parametrize("depth", [33, 100_000])
def test_values_too_deep_within_each_other_are_refused(depth: int) -> None:
    check_value(nested(32), "measured.x")
    with pytest.raises(Malformed, match="too deep") as refusal:
        check_value(nested(depth), "measured.x")
    assert refusal.value.fields["path"] == "measured.x" + ".0" * 33


def test_conditions_in_words() -> None:
    assert condition_text({"in": ["a", 2], "ge": 0.5}) == 'in ["a", 2] and ge 0.5'
    assert condition_text(None) == "null"
    assert value_text("x" * 78) == f'"{"x" * 78}"'
    assert value_text("x" * 79) == f'"{"x" * 76}...'
