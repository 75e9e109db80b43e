"""Inputs for policy fuzzing: made from a schema, the same for the same seed, and made smaller without end."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.formats.policy_inputs import InputMaker
from evidence_api.formats.policy_shrinking import smaller
from evidence_api.formats.policy_words import vocabulary

SCHEMA = {
    "type": "object",
    "required": ["kind", "path", "parts"],
    "properties": {
        "kind": {"const": "write"},
        "path": {"type": "string", "examples": ["server/a"]},
        "size": {"type": "integer", "minimum": 0, "maximum": 10},
        "who": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/who"}]},
        "parts": {"type": "array", "minItems": 1, "items": {"enum": ["x", "y"]}},
        "flags": {"type": "object", "additionalProperties": {"type": "boolean"}},
    },
    "$defs": {"who": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}},
}
KNOWN = vocabulary(
    ['package p\n\n# "not a word"\nallowed := {"server/", `raw`} if input.size < 42\n'], [{"list": ["a", 7]}]
)


def test_words_and_numbers_of_a_policy() -> None:
    assert set(KNOWN.words) == {"server/", "raw", "list", "a"}
    assert {41, 42, 43, 42.5, -42, 6, 7, 8} <= set(KNOWN.numbers)


def test_the_same_seed_makes_the_same() -> None:
    def made(seed: str) -> list[object]:
        maker = InputMaker(SCHEMA, KNOWN, seed)
        return [maker.make() for _ in range(50)]

    assert made("1") == made("1")
    assert made("1") != made("2")


def test_most_of_what_is_made_keeps_to_the_schema() -> None:
    maker = InputMaker(SCHEMA, KNOWN, "3")
    made = [maker.make() for _ in range(300)]
    assert sum(one.get("kind") == "write" for one in made) > 200
    assert sum(isinstance(one.get("path"), str) for one in made) > 200
    assert {type(one.get("who")).__name__ for one in made} >= {"NoneType", "dict"}
    assert any(one.get("flags") for one in made)
    assert all(orjson.loads(orjson.dumps(one)) == one for one in made)


def test_a_change_leaves_the_given_input_alone() -> None:
    maker = InputMaker(SCHEMA, KNOWN, "4")
    before = {"kind": "write", "path": "server/a", "parts": ["x"], "who": {"name": "n"}}
    told = orjson.dumps(before)
    changed = [maker.change(before) for _ in range(300)]
    assert orjson.dumps(before) == told
    assert sum(one != before for one in changed) > 200
    assert any("path" not in one for one in changed)
    assert any(".." in str(one.get("path")) for one in changed)


def test_whole_examples_are_used() -> None:
    maker = InputMaker({**SCHEMA, "examples": [{"kind": "write", "path": "only/here", "parts": ["x"]}]}, KNOWN, "5")
    assert sum(maker.make().get("path") == "only/here" for _ in range(200)) > 30


@pytest.mark.parametrize(
    "schema",
    [{}, {"type": "string"}, {"$ref": "#"}, {"$ref": "#/none"}, {"type": "object", "properties": {"a": {"$ref": "#"}}}],
)
def test_a_schema_that_says_little_or_names_itself_still_makes_objects(schema: dict[str, object]) -> None:
    maker = InputMaker(schema, KNOWN, "6")
    assert all(isinstance(maker.make(), dict) for _ in range(20))


def test_forms_tell_inputs_apart_by_their_parts() -> None:
    maker = InputMaker(SCHEMA, KNOWN, "7")
    assert maker.form({"parts": ["x"]}) != maker.form({"parts": ["x", "y"]})
    assert maker.form({"path": "one"}) == maker.form({"path": "two"})
    assert maker.form({"path": "x"}) != maker.form({"path": "two"})  # a word of an enumeration


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=3), JSON, max_size=3))
def test_shrinking_never_gives_the_same_again_and_ends(value: dict[str, object]) -> None:
    steps = 0
    while (made := next(smaller(value), None)) is not None:
        assert orjson.dumps(made) != orjson.dumps(value)
        value, steps = made, steps + 1
        assert steps < 500
    assert value == {}


def test_shrinking_reaches_each_part() -> None:
    made = list(smaller({"a": [{"b": "xyz"}, 8]}))
    assert {"a": [{"b": "xy"}, 8]} in made
    assert {"a": [8]} in made
    assert {"a": [{"b": "xyz"}, 4]} in made
    assert {} in made
