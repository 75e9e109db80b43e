import json

import pybase64
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import EvidenceError, Malformed, TooLarge
from evidence_api.domain.statement import Subject
from evidence_api.formats import documents as reading
from evidence_api.formats import sarif
from evidence_api.formats.documents import (
    DOCUMENTS,
    WRAPPER,
    document_type,
    recognise_document,
    recognise_object,
    xml_root,
)
from evidence_api.formats.predicates import READERS, normalise
from evidence_api.formats.statement import read_statement
from tests.support import documents, statements
from tests.support.facts import assert_facts_fit

EVERY = documents.every_document()
KINDS = {
    "sarif": "static_analysis",
    "junit": "test_result",
    "openvex": "vex",
    "cosign-vuln": "vulns",
    "check-runs": "github_checks",
    "opa-decision": "opa",
    "osv": "advisory",
}


@pytest.mark.parametrize("name", KINDS)
def test_a_document_is_recognised_by_shape_and_read(name: str) -> None:
    found = recognise_document(EVERY[name])
    assert found is document_type(name)
    normalised = found.read(EVERY[name]).normalised
    assert normalised.kind == KINDS[name]
    assert normalised.effective is not None
    assert_facts_fit(normalised.kind, normalised.facts)


@pytest.mark.parametrize("name", KINDS)
def test_a_document_says_the_same_raw_and_attested(name: str) -> None:
    found, body = document_type(name), EVERY[name]
    attested = statements.statement(found.predicate_type, documents.COMMIT_SUBJECT, found.predicate(body))
    statement = read_statement(json.loads(statements.statement_bytes(attested)))
    assert normalise(statement, len(body)) == found.read(body).normalised


def test_every_type_is_attested_under_a_type_that_is_read() -> None:
    assert {one.predicate_type for one in DOCUMENTS.values()} <= READERS.keys()
    assert all(one.is_json == (one.predicate_type != WRAPPER) for one in DOCUMENTS.values())
    assert [one.name for one in DOCUMENTS.values()] == list(DOCUMENTS)


@pytest.mark.parametrize(
    ("name", "digests"),
    [
        ("sarif", [f"sha1:{documents.COMMIT}"]),
        ("check-runs", [f"sha1:{documents.COMMIT}"]),
        ("openvex", [f"sha256:{documents.DIGEST}"]),
        ("junit", []),
        ("osv", []),
    ],
)
def test_what_a_document_names_are_its_subjects(name: str, digests: list[str]) -> None:
    subjects = document_type(name).read(EVERY[name]).subjects
    assert all(isinstance(subject, Subject) for subject in subjects)
    assert [digest for subject in subjects for digest in subject.digests] == digests


@pytest.mark.parametrize(
    ("component", "digests"),
    [
        ({"hashes": [{"alg": "SHA-256", "content": "AB" * 32}]}, [f"sha256:{documents.DIGEST}"]),
        ({"hashes": [{"alg": "SHA3-256", "content": "ab" * 32}]}, [f"sha3_256:{documents.DIGEST}"]),
        ({"hashes": [{"alg": "SHA-256", "content": "ab" * 16}]}, []),  # valid CycloneDX, and no digest
        ({"purl": documents.PURL}, [f"sha256:{documents.DIGEST}"]),
        ({"version": f"sha256:{documents.DIGEST}"}, [f"sha256:{documents.DIGEST}"]),
        ({"version": "1.2.3", "purl": "pkg:npm/widget@1.2.3"}, []),
    ],
)
def test_an_sbom_is_about_the_component_it_describes(component: dict[str, object], digests: list[str]) -> None:
    described = {"type": "application", "name": "widget", **component}
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"component": described}}
    body = documents.document_bytes(bom)
    read = recognise_document(body).read(body)
    assert read.normalised.kind == "sbom"
    assert [digest for subject in read.subjects for digest in subject.digests] == digests


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'{"id": 7, "modified": 1}',
        b"<html/>",
        b'<?xml version="1.0"?>',
        b"",
        b"junit",
        b'{"document": {}}',
    ],
)
def test_anything_else_is_refused_listing_what_was_looked_for(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        recognise_document(body)
    assert caught.value.code == "malformed"
    if body.startswith((b"{", b"<h")):
        assert all(name in caught.value.message for name in DOCUMENTS)


def test_an_unknown_name_is_refused_listing_the_names() -> None:
    with pytest.raises(Malformed) as caught:
        document_type("sbom")
    assert "cyclonedx-xml" in caught.value.message
    assert caught.value.fields == {"path": "type", "value": "sbom"}


def test_a_refusal_of_a_raw_document_names_the_path_inside_it() -> None:
    body = documents.document_bytes(documents.sarif({"tool": {"driver": {}}}))
    with pytest.raises(Malformed) as caught:
        document_type("sarif").read(body)
    assert caught.value.fields["path"] == "runs.0.tool.driver.name"
    assert caught.value.message.startswith("runs.0.tool.driver.name: ")
    with pytest.raises(Malformed) as caught:
        document_type("junit").read(b'<testsuite name="a" errors="1"/>')
    assert (caught.value.fields["path"], caught.value.fields["line"]) == ("testsuite", 1)


def test_what_is_over_a_bound_is_refused_with_its_path_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAX_PARTS", 1)
    with pytest.raises(TooLarge) as caught:
        document_type("sarif").read(EVERY["sarif"])
    assert caught.value.fields == {"path": "runs", "limit": 1, "value": 8}
    monkeypatch.setattr(reading, "MAX_SUBJECTS", 0)
    with pytest.raises(TooLarge) as caught:
        document_type("openvex").read(EVERY["openvex"])
    assert caught.value.fields == {"limit": 0, "value": 1}


def test_a_refusal_of_an_attested_document_names_the_path_inside_the_statement() -> None:
    content = pybase64.b64encode(b'<testsuite name="a" errors="1"/>').decode()
    predicate = {"type": "junit", "mediaType": "application/xml", "content": content}
    statement = read_statement(statements.statement(WRAPPER, documents.COMMIT_SUBJECT, predicate))
    with pytest.raises(Malformed) as caught:
        normalise(statement, 1)
    assert caught.value.fields["path"] == "predicate.content.testsuite"


def test_json_is_bounded_before_it_is_recognised() -> None:
    with pytest.raises(TooLarge):
        recognise_document(b'{"runs": ' + b"[" * 65 + b"]" * 65 + b"}")


@pytest.mark.parametrize(
    ("body", "root"),
    [
        (b"<bom/>", "bom"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a > b -->\n<x:bom xmlns:x="u"/>', "bom"),
        ('<?xml version="1.0" encoding="utf-16"?><testsuites/>'.encode("utf-16"), "testsuites"),
        (b'<!DOCTYPE testsuite [<!ENTITY a "b">]><testsuite>', "testsuite"),
        (b"<?a?>" * 10_000, ""),
        (b"<!-- " * 10_000, ""),
        (b" " * 65_000, None),
        (b'{"a": "<bom/>"}', None),
    ],
)
def test_the_root_is_told_without_parsing(body: bytes, root: str | None) -> None:
    assert xml_root(body) == root


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def paths(value: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every member and entry."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in pairs for found in [(*at, key), *paths(inner, (*at, key))]]


def replaced(document: object, path: tuple[str | int, ...], value: object) -> object:
    """The document with another value at the path."""
    if not path:
        return value
    key, *rest = path
    if isinstance(document, dict):
        return {**document, key: replaced(document[key], tuple(rest), value)}
    assert isinstance(document, list)
    return [replaced(one, tuple(rest), value) if place == key else one for place, one in enumerate(document)]


@pytest.mark.parametrize("name", [name for name in KINDS if name != "junit"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_document_with_anything_anywhere_is_read_or_refused_with_a_code(name: str, data: st.DataObject) -> None:
    document = json.loads(EVERY[name])
    path = data.draw(st.sampled_from(paths(document)))
    changed = replaced(document, path, data.draw(json_values))
    body = json.dumps(changed).encode()
    try:
        normalised = document_type(name).read(body).normalised
    except EvidenceError as refusal:
        assert refusal.code in {"malformed", "too_large", "unsupported_version"}  # noqa: PT017  an outcome here
    else:
        assert_facts_fit(normalised.kind, normalised.facts)


@settings(max_examples=150, deadline=None)
@given(document=st.dictionaries(st.text(max_size=12), json_values, max_size=4))
def test_any_object_is_recognised_or_refused(document: dict[str, object]) -> None:
    try:
        recognise_object(document)
    except EvidenceError as refusal:
        assert refusal.code == "malformed"  # noqa: PT017  an outcome here


@settings(max_examples=150, deadline=None)
@given(position=st.integers(0, len(EVERY["junit"])), cut=st.integers(0, 20), inserted=st.binary(max_size=12))
def test_a_damaged_report_is_read_or_refused_with_a_code(position: int, cut: int, inserted: bytes) -> None:
    whole = EVERY["junit"]
    try:
        document_type("junit").read(whole[:position] + inserted + whole[position + cut :])
    except EvidenceError as refusal:
        assert refusal.code in {"malformed", "too_large"}  # noqa: PT017  an outcome here
