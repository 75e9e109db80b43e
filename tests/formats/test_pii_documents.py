"""Looking through documents and redacting them: found by path, nothing else touched, nothing left."""

from base64 import b64encode
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.pii import Detector, Found
from evidence_api.engines.secrets import find_secrets
from evidence_api.formats.pii_documents import look_at, redacted

EMAIL, CARD, SECRET = "jane.roe@example.org", 4111111111111111, "AKIAIOSFODNN7EXAMPLQ"


def look(value: object) -> list[tuple[str, str]]:
    return [(one.path, one.detector.value) for one in look_at(orjson.dumps(value), find_secrets)]


def redact(value: object) -> Any:  # noqa: ANN401  any JSON value
    return orjson.loads(redacted(orjson.dumps(value), find_secrets)[0])


def test_each_place_is_named_and_no_value_is() -> None:
    document = {"a": [{"by": f"Jane <{EMAIL}>"}], "card": CARD, EMAIL: {"key": SECRET}}
    assert look(document) == [
        ("a[0].by", "email"),
        ("card", "payment_card"),
        (f"{EMAIL}.key", "secret"),
        (f"{{{EMAIL}}}", "email"),
    ]


def test_the_member_above_says_what_a_number_is() -> None:
    assert look({"bsn": "111222333"}) == [("bsn", "national_id")]
    assert look({"build": "111222333"}) == []


def test_redacting_keeps_everything_else() -> None:
    document = {"n": 1, "x": [None, True, 2.5], "by": f"Jane <{EMAIL}>", "card": CARD, "last": "ü"}
    assert redact(document) == {
        "n": 1,
        "x": [None, True, 2.5],
        "by": "Jane <redacted@redacted.invalid>",
        "card": "[redacted:payment_card]",
        "last": "ü",
    }


def test_members_redacted_alike_stay_two() -> None:
    assert redact({EMAIL: 1, f"x{EMAIL}": 2}) == {"redacted@redacted.invalid": 1, "redacted@redacted.invalid#2": 2}


def test_a_key_begun_and_never_ended_hides_nothing_behind_it() -> None:
    document = {"a": "-----BEGIN PRIVATE KEY-----\nMII", "b": EMAIL}
    assert look(document) == [("a line 1", "secret"), ("b", "email")]


def test_what_is_wrapped_is_looked_at_and_wrapped_again() -> None:
    text = f"<testsuite><properties><property name='by' value='{EMAIL}'/></properties></testsuite>"
    wrapped = {"type": "junit", "mediaType": "application/xml", "content": b64encode(text.encode()).decode()}
    assert look({"predicate": wrapped}) == [("predicate.content", "email")]
    made = redact({"predicate": wrapped})["predicate"]["content"]
    assert b64encode(text.replace(EMAIL, "redacted@redacted.invalid").encode()).decode() == made


def test_other_text_is_told_by_line_and_keeps_its_bytes() -> None:
    body = b"<a>\r\n<!-- \xff -->" + EMAIL.encode() + b"</a>"
    copy, found = redacted(body, find_secrets)
    assert found == (Found("line 2", Detector.EMAIL, "address"),)
    assert copy == b"<a>\r\n<!-- \xff -->redacted@redacted.invalid</a>"


def test_nothing_found_gives_the_same_bytes() -> None:
    body = b'{ "spaced" : 1 }'
    assert redacted(body, find_secrets) == (body, ())


LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.text(max_size=20),
    st.sampled_from([EMAIL, f"a {EMAIL} b", SECRET, "4111 1111 1111 1111", "+49 30 901820", "219-09-9999"]),
)
DOCUMENTS = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(max_size=8), DOCUMENTS, max_size=5))
def test_a_redacted_document_holds_nothing_more(document: dict[str, Any]) -> None:
    copy, found = redacted(orjson.dumps(document), find_secrets)
    assert look_at(copy, find_secrets) == ()
    assert bool(found) == bool(look_at(orjson.dumps(document), find_secrets))
    if not found:
        assert orjson.loads(copy) == document


def test_a_repeated_member_hides_nothing() -> None:
    body = f'{{"by": "{EMAIL}", "by": "nobody"}}'.encode()
    assert [one.detector for one in look_at(body, find_secrets)] == [Detector.EMAIL]
    assert EMAIL.encode() not in redacted(body, find_secrets)[0]


def test_what_nests_too_deep_is_looked_at_as_text() -> None:
    body = b"[" * 2000 + f'"{EMAIL}"'.encode() + b"]" * 2000
    assert [str(one) for one in look_at(body, find_secrets)] == ["line 1: email (address)"]
