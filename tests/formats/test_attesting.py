"""Statements made of documents: the document's bytes inside, its kind read back, every type with a name."""

import base64
from types import MappingProxyType

import orjson
import pytest

from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.statement import Subject
from evidence_api.formats import attesting
from evidence_api.formats.documents import DOCUMENTS
from tests.support.fuzz_targets import DOCUMENT_EXAMPLES

SUBJECT = Subject("app", MappingProxyType({"sha256": "ab" * 32}))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_type_of_document_can_be_attested_and_says_the_same(name: str) -> None:
    body = DOCUMENT_EXAMPLES[name]
    kind = attesting.chosen_type("", body)
    assert kind.name == name
    payload = attesting.attest_document(kind, body, [SUBJECT])
    statement, found = attesting.read_back(payload)
    assert statement.subjects == (SUBJECT,)
    assert (statement.predicate_type, found) == (kind.predicate_type, kind.read(body).normalised.kind)
    if kind.is_json:
        assert body.strip() in payload
    else:
        assert base64.b64decode(orjson.loads(payload)["predicate"]["content"]) == body


def test_a_family_is_told_apart_by_shape_and_keeps_others_out() -> None:
    for name in ("cyclonedx", "cyclonedx-xml", "spdx"):
        assert attesting.chosen_type("sbom", DOCUMENT_EXAMPLES[name]).name == name
    for name, body in (("sbom", DOCUMENT_EXAMPLES["junit"]), ("novel", b"{}"), ("", b"{}")):
        with pytest.raises(EvidenceError) as caught:
            attesting.chosen_type(name, body)
        assert caught.value.code == "malformed"
    assert set(DOCUMENTS) < set(attesting.names())


@pytest.mark.parametrize(
    "predicate", [b"", b"{", b"{} {}", b"[]", b'{"a":1,"a":2}', b'{},"subject":[]', b'{},"more":1', b'{}}{"a":{}']
)
def test_what_is_no_predicate_cannot_be_put_in(predicate: bytes) -> None:
    with pytest.raises(EvidenceError) as caught:
        attesting.attest_predicate("https://example.com/p/v1", predicate, [SUBJECT])
    assert caught.value.code == "malformed"


def test_a_statement_about_nothing_is_not_made() -> None:
    with pytest.raises(EvidenceError) as caught:
        attesting.attest_predicate("https://example.com/p/v1", b"{}", [])
    assert caught.value.fields["path"] == "subject"
