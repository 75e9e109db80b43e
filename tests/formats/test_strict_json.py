"""Strict JSON: what is taken means one thing, everything else is a coded refusal."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.formats import strict_json
from tests.support.outcomes import outcome

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON_VALUES)
@settings(max_examples=150, deadline=None)
def test_any_value_without_repeats_is_taken_however_it_is_spelt(value: Any) -> None:  # noqa: ANN401  any JSON
    if "\\u0000" in json.dumps(value):
        return
    for text in (orjson.dumps(value), json.dumps(value).encode(), json.dumps(value, indent=3).encode()):
        assert strict_json.load(text) == value


@given(st.binary(max_size=60) | st.text('{}[]":,\\u0 1a\n', max_size=40).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_give_a_value_or_a_coded_refusal(body: bytes) -> None:
    assert outcome(lambda: strict_json.load(body)) in {"ok", "malformed", "too_large"}


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a" :1,"a":2}',
        '{"a":1,"\\u0061":2}',
        '{"x":[{"a":1,"b":{"c":1,"c":1}}]}',
        '{"a\\"b":1,"a\\"b":":"}',
        '{"a":":","a":"\\":"}',
        '{"a":{"b":{"c":1}},"a":[[{"d":1}]]}',  # the lost object's objects are not met, whatever else is
        '[[[{"a":1,"a":2}]],{"b":[{"c":1}]}]',
    ],
)
def test_a_repeated_key_is_refused_in_every_spelling(text: str) -> None:
    with pytest.raises(Malformed, match="repeats a key"):
        strict_json.load(text.encode())


@pytest.mark.parametrize("text", ['{"a":{"b":1},"c":{"b":1}}', '{":":":","{":"}\\":"}', '["a:b","c\\\\",{"d":1}]'])
def test_equal_keys_of_different_objects_and_colons_in_strings_are_no_repeats(text: str) -> None:
    assert strict_json.load(text.encode()) == json.loads(text)


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_depth_is_bounded_exactly(opening: str) -> None:
    closing = {"[": "]", '{"a":': "}", '[{"a":': "}]"}[opening]
    levels = 64 // len(closing)
    strict_json.load((opening * levels + "0" + closing * levels).encode())
    with pytest.raises(TooLarge) as caught:
        strict_json.load((opening * (levels + 1) + "0" + closing * (levels + 1)).encode())
    assert caught.value.fields["limit"] == 64


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert len(strict_json.load(b"[" + b",".join([b'{"a":["}"]}'] * 5000) + b"]")) == 5000


def test_brackets_in_strings_cannot_hide_depth() -> None:
    noise = '"' + "]" * 80 + '"'
    with pytest.raises(TooLarge):
        strict_json.load(("[" * 40 + noise + "," + "[" * 40 + "1" + "]" * 80).encode())


@pytest.mark.parametrize("body", [b"", b"\xff", b"{", b"NaN", b'{"a":1}x', b"\xef\xbb\xbf{}", b'"\\ud800"'])
def test_what_is_not_json_is_malformed_with_a_place(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        strict_json.load(body)
    assert caught.value.code == "malformed"


def test_a_nul_character_is_refused_and_its_escaped_picture_is_not() -> None:
    with pytest.raises(Malformed, match="NUL"):
        strict_json.load(b'{"a":"\\u0000"}')
    assert strict_json.load(b'{"a":"\\\\u0000"}') == {"a": "\\u0000"}


def test_an_object_is_asked_for_where_one_is_needed() -> None:
    with pytest.raises(Malformed, match="not a JSON object"):
        strict_json.load_object(b"[1]")


@pytest.mark.parametrize("value", [b"[]", b"1", b'""', b'{"a":0}', b'"a,b"'])
def test_more_values_than_memory_should_hold_are_refused_before_they_are_parsed(value: bytes) -> None:
    body = b"[" + b",".join([value] * (strict_json.MAX_VALUES // (2 if b"{" in value else 1))) + b"]"
    with pytest.raises(TooLarge) as caught:
        strict_json.load(body)
    assert caught.value.fields["limit"] == strict_json.MAX_VALUES
    assert caught.value.fields["value"] != strict_json.MAX_VALUES


def test_commas_and_brackets_in_strings_are_no_values() -> None:
    text = ',[{"' * 2_100_000
    assert strict_json.load(orjson.dumps({"text": text})) == {"text": text}


@pytest.mark.parametrize(
    ("text", "holds_nul"),
    [
        (rb'"\u0000"', True),
        (rb'"\\\u0000"', True),
        (rb'"a\\\\\u0000"', True),
        (rb'"\\u0000"', False),
        (rb'"\\\\u0000"', False),
        (rb'"\n\\u0000\n"', False),
    ],
)
def test_a_nul_character_is_told_from_its_escaped_spelling(text: bytes, holds_nul: bool) -> None:  # noqa: FBT001  a table
    assert outcome(lambda: strict_json.load(text)) == ("malformed" if holds_nul else "ok")
