"""What VEX documents, advisories and test reports say as predicates."""

from typing import Any

import pybase64
import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.formats.documents import document_type
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import read_statement
from tests.support.documents import PURL, document_bytes, junit, openvex, osv, vex_statement
from tests.support.statements import ARTIFACT, statement

CASE = '<testcase classname="a.B" name="one"/>'


def read(predicate_type: str, predicate: dict[str, Any]) -> Normalised:
    return normalise(read_statement(statement(predicate_type, ARTIFACT, predicate)), 1)


def report(cases: str, name: str = "unit") -> Normalised:
    return document_type("junit").read(junit(cases, name=name)).normalised


@pytest.mark.parametrize("predicate_type", ["https://openvex.dev/ns", "https://openvex.dev/ns/v0.2.0"])
def test_vex_counts_what_stands(predicate_type: str) -> None:
    later = vex_statement("CVE-2026-0004", timestamp="2026-02-01T00:00:00Z")
    facts = read(predicate_type, openvex(*openvex()["statements"], later)).facts
    assert facts == {
        "author": "Example",
        "statements": 5,
        "not_affected": 1,
        "affected": 1,
        "fixed": 2,
        "under_investigation": 0,
        "vulnerabilities": tuple(f"CVE-2026-000{number}" for number in range(1, 5)),
        "open": ("CVE-2026-0003",),
        "products": (PURL,),
    }


def test_a_revised_document_takes_the_place_of_its_former_self() -> None:
    former = read("https://openvex.dev/ns", openvex())
    revised = read("https://openvex.dev/ns", openvex(version=2, last_updated="2026-02-02T00:00:00Z"))
    assert former.series == revised.series
    assert former.effective is not None
    assert revised.effective is not None
    assert former.effective < revised.effective


def test_another_version_is_refused_inside_a_statement_too() -> None:
    with pytest.raises(Malformed) as caught:
        read("https://openvex.dev/ns", openvex() | {"@context": "https://openvex.dev/ns/v0.0.1"})
    assert caught.value.code == "unsupported_version"
    assert caught.value.fields["path"] == "predicate.@context"


def test_an_advisory_as_facts() -> None:
    normalised = read("urn:evidence-api:osv:v1", osv())
    assert normalised.facts == {
        "id": "GHSA-aaaa-bbbb-cccc",
        "aliases": ("CVE-2026-0001",),
        "severity": "critical",
        "withdrawn": False,
        "published": "2026-01-31T12:00:00Z",
        "modified": "2026-01-31T12:00:00Z",
        "affected": 1,
        "ecosystems": ("PyPI",),
        "packages": ("PyPI/widget",),
    }
    assert normalised.series == "GHSA-aaaa-bbbb-cccc"
    with pytest.raises(Malformed) as caught:
        read("urn:evidence-api:osv:v1", osv(id="?"))
    assert caught.value.fields["path"] == "predicate.id"


def test_a_report_as_facts() -> None:
    facts = document_type("junit").read(junit()).normalised.facts
    assert facts == {
        "result": "failed",
        "configuration": ("unit",),
        "passed": 1,
        "failed": 2,
        "skipped": 1,
        "errors": 1,
        "unlisted": 0,
        "suites": 1,
        "duration": 0.5,
    }


def test_a_report_passes_only_if_something_ran() -> None:
    assert report(CASE).facts["result"] == "passed"
    for cases in ("<properties/>", "<testcase><skipped/></testcase>"):
        assert "result" not in report(cases).facts


def test_the_same_tests_again_supersede_and_others_do_not() -> None:
    first = report(CASE)
    assert first.series == report('<testcase classname="a.B" name="two"><failure/></testcase>').series
    assert first.series != report('<testcase classname="a.C" name="one"/>').series
    assert first.series != report(CASE, name="e2e").series


def content(body: bytes) -> str:
    return pybase64.b64encode(body).decode()


@pytest.mark.parametrize(
    ("predicate", "path"),
    [
        ({"type": "sarif", "mediaType": "application/sarif+json", "content": "e30="}, "predicate.type"),
        ({"type": "junit", "mediaType": "application/xml", "content": "!"}, "predicate.content"),
        ({"type": "junit", "mediaType": "application/xml", "content": content(b"<a")}, "predicate.content"),
        ({"type": "junit", "mediaType": "application/xml"}, "predicate.content"),
        ({"type": "junit", "mediaType": "application/xml", "content": "", "extra": 1}, "predicate.extra"),
    ],
)
def test_what_is_wrapped_wrongly_is_refused_with_its_path(predicate: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read("urn:evidence-api:document:v1", predicate)
    assert caught.value.fields["path"] == path


def test_a_document_of_bytes_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(Malformed):
        document_type("osv").read(document_bytes(osv())[:-1])
