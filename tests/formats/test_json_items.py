"""Elements of an array are cut out byte for byte, and nothing but an array is taken apart."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.json_items import items_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=6), st.sampled_from([None, 0, 2]), st.booleans())
@settings(max_examples=150)
def test_elements_are_what_was_written(values: list[object], indent: int | None, ascii_only: bool) -> None:  # noqa: FBT001  drawn by hypothesis
    body = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode("utf-8", errors="surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        return
    found = list(items_of(body))
    assert [value for _, value in found] == values
    assert [json.loads(written) for written, _ in found] == values
    assert all(written in body for written, _ in found)


def test_spelling_is_kept() -> None:
    body = b' [ {"a" : 1.50 , "b":12345678901234567890},\n"\\u00e9",-0.0 ]\n'
    assert [written for written, _ in items_of(body)] == [
        b'{"a" : 1.50 , "b":12345678901234567890}',
        b'"\\u00e9"',
        b"-0.0",
    ]
    assert list(items_of(b"[]")) == list(items_of(b" [ \n] ")) == []


def test_an_integer_of_thousands_of_digits_ends_no_array() -> None:
    long = b'{"n":' + b"1" * 5000 + b"}"
    assert [written for written, _ in items_of(b"[" + long + b",2]")] == [long, b"2"]


@given(st.binary(max_size=40) | st.text(alphabet='[]{},:"1a \\', max_size=30).map(str.encode))
@settings(max_examples=300)
def test_anything_else_is_refused_with_a_code(body: bytes) -> None:
    try:
        found = list(items_of(body))
    except EvidenceError as fault:
        assert fault.code in {"malformed", "too_large"}  # noqa: PT017  a refusal is an outcome here
        return
    assert json.loads(body) == [value for _, value in found]


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"[" * 100_000, "too_large"), (b'[{"a":' * 5000, "too_large"), (b"[1,]", "malformed"), (b"[,1]", "malformed")],
)
def test_nesting_and_commas(body: bytes, code: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        list(items_of(body))
    assert caught.value.code == code
