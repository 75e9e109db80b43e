from hypothesis import given
from hypothesis import strategies as st

from evidence_api.graphql.ids import GlobalId, decode_id, encode_id, key_of


@given(st.from_regex(r"[A-Z][A-Za-z]{0,20}", fullmatch=True), st.text(max_size=80))
def test_what_was_encoded_is_decoded(type_name: str, key: str) -> None:
    assert decode_id(encode_id(type_name, key)) == GlobalId(type_name, key)


@given(st.text(max_size=60))
def test_any_text_is_an_id_or_none_and_never_an_error(text: str) -> None:
    decoded = decode_id(text)
    assert decoded is None or encode_id(decoded.type, decoded.key) == text


def test_an_id_says_nothing_of_the_tenant() -> None:
    assert encode_id("Evidence", "sha256:aa") == encode_id("Evidence", "sha256:aa")


def test_a_key_is_its_own_name_and_another_types_id_names_nothing() -> None:
    assert key_of("sha256:aa", "Evidence") == "sha256:aa"
    assert key_of(encode_id("Evidence", "sha256:aa"), "Evidence") == "sha256:aa"
    assert key_of(encode_id("Release", "sha256:aa"), "Evidence") is None


def test_an_endless_text_is_not_decoded() -> None:
    assert decode_id("A" * 1_000_000) is None
