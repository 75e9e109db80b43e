"""Packs as files: one spelling, names that are safe, a manifest that holds both ways."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import PackRejected
from evidence_api.domain.pack import Artifact
from evidence_api.formats.pack import decode, encode, is_safe_name
from evidence_api.formats.pack_file import check_manifest, encode_index, encode_pack, read_pack_file, signed_message

INDEX: Mapping[str, Any] = {"signer": {"certificate": encode(b"certificate")}, "manifest": []}
FILES = [Artifact("a.txt", "text/plain", b"a", ""), Artifact("b/c.json", "application/json", b"{}", "")]


def entry(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "size": len(content), "digest": digest_of(content)}


def test_a_pack_is_read_back_with_what_was_signed() -> None:
    read = read_pack_file(encode_pack(INDEX, b"signature", FILES))
    assert (read.index, read.signature, read.certificate) == (INDEX, b"signature", b"certificate")
    assert read.message == signed_message(INDEX)
    assert read.artifacts == {"a.txt": b"a", "b/c.json": b"{}"}
    assert read_pack_file(encode_index(INDEX, b"signature")).artifacts is None


def test_a_file_over_the_limit_is_not_parsed() -> None:
    with pytest.raises(PackRejected) as refused:
        read_pack_file(b" " * 11, limit=10)
    assert (refused.value.code, refused.value.fields["limit"], refused.value.fields["value"]) == ("too_large", 10, 11)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"pack": {}, "signature": ""},
        {"pack": {"signer": {"certificate": 1}}, "signature": ""},
        {"pack": [], "signature": "", "artifacts": {}},
        {"pack": dict(INDEX), "signature": "", "artifacts": {"a": 1}},
        {"pack": dict(INDEX), "signature": "", "more": 1},
    ],
)
def test_another_shape_is_refused(document: object) -> None:
    with pytest.raises(PackRejected) as refused:
        read_pack_file(canonical(document))
    assert refused.value.code == "document"


@given(st.binary(max_size=300))
def test_any_bytes_give_a_code_and_nothing_else(content: bytes) -> None:
    with pytest.raises(PackRejected):
        read_pack_file(content)


@given(st.binary(max_size=60), st.integers(0, 79), st.characters(codec="ascii"))
def test_base64_has_one_spelling(value: bytes, place: int, character: str) -> None:
    text = encode(value)
    assert decode(text, "it") == value
    changed = text[:place] + character + text[place + 1 :]
    assert changed == text or read_or_code(changed) != value


def read_or_code(text: str) -> bytes | str:
    try:
        return decode(text, "it")
    except PackRejected as fault:
        return fault.code


def test_names_that_could_be_unpacked_elsewhere_are_unsafe() -> None:
    assert all(map(is_safe_name, ("README.txt", "catalog/internal/a-b.yaml", "trust/keys/0a.pem", "policy/a b.rego")))
    unsafe = ("", "/etc/passwd", "../a", "a/../b", "a/..", "./a", "a//b", "a/", "a\\b", "a\nb", "é", "C:/a", "a" * 201)
    assert not any(map(is_safe_name, unsafe))


@pytest.mark.parametrize(
    ("manifest", "files", "code"),
    [
        ([entry("a", b"1")], {"a": b"1"}, None),
        ([entry("a", b"1")], {}, "artifact_missing"),
        ([], {"a": b"1"}, "artifact_extra"),
        ([entry("a", b"1")], {"a": b"2"}, "artifact_digest"),
        ([entry("a", b"1") | {"size": 2}], {"a": b"1"}, "artifact_digest"),
        ([entry("a", b"1")] * 2, {"a": b"1"}, "manifest"),
        ([entry("pack.json", b"1")], {"pack.json": b"1"}, "manifest"),
        ([entry("../a", b"1")], {"../a": b"1"}, "manifest"),
        (["a"], {"a": b"1"}, "manifest"),
        (None, {}, "manifest"),
    ],
)
def test_the_manifest_holds_both_ways(manifest: object, files: dict[str, bytes], code: str | None) -> None:
    if code is None:
        assert check_manifest({"manifest": manifest}, files) == 1
        return
    with pytest.raises(PackRejected) as refused:
        check_manifest({"manifest": manifest}, files)
    assert refused.value.code == code
