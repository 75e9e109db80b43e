from datetime import UTC, datetime
from typing import Any

import pytest

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.formats import openvex as reading
from evidence_api.formats.openvex import read_openvex, version_of, vex_subjects
from tests.support.documents import DIGEST, PURL, openvex, vex_statement

LATER = "2026-02-01T00:00:00Z"


def test_a_document_is_read_with_what_its_statements_inherit() -> None:
    product = {
        "@id": "https://example.org/widget",
        "identifiers": {"purl": "pkg:npm/widget@1", "cpe23": "cpe:2.3:a:example:widget:1:*:*:*:*:*:*:*"},
        "hashes": {"sha-256": DIGEST.upper(), "sha3-256": DIGEST},
        "subcomponents": [{"@id": "pkg:npm/part@2"}],
    }
    statement = vex_statement(products=[product], timestamp=LATER)
    statement["vulnerability"] |= {"aliases": ["GHSA-1", "CVE-2026-0001"]}
    document = read_openvex(openvex(statement, vex_statement("CVE-2"), last_updated=LATER))
    first, second = document.statements
    assert first.names == ("CVE-2026-0001", "GHSA-1")
    assert first.time == document.updated == datetime(2026, 2, 1, tzinfo=UTC)
    assert second.time == document.time == datetime(2026, 1, 31, 12, tzinfo=UTC)
    whole, (part,) = first.products[0].whole, first.products[0].parts
    assert whole.purls == ("pkg:npm/widget@1",)
    assert whole.hashes == (f"sha256:{DIGEST}", f"sha3_256:{DIGEST}")
    assert part.purls == ("pkg:npm/part@2",)


@pytest.mark.parametrize(
    ("changes", "version"),
    [
        ({}, "v0.2.0"),
        ({"@context": "https://openvex.dev/ns"}, "v0.2.0"),
        ({"@context": "https://openvex.dev/ns/v0.0.1"}, "v0.0.1"),
        ({"@context": "https://openvex.dev/ns/v1"}, "v1"),
        ({"@context": "https://openvex.dev/ns", "statements": [{"vulnerability": "CVE-1"}]}, "v0.0.1"),
        ({"@context": "https://openvex.dev/ns", "statements": [{"products": ["pkg:npm/a"]}]}, "v0.0.1"),
        ({"@context": None, "format": "text/vex+json"}, "v0.0.1"),
        ({"@context": "https://example.org"}, ""),
        ({"@context": ["https://openvex.dev/ns"]}, ""),
    ],
)
def test_the_version_is_told_by_context_and_form(changes: dict[str, Any], version: str) -> None:
    document = openvex() | changes
    assert version_of(document) == version
    if version not in {"v0.2.0", ""}:
        with pytest.raises(Malformed) as caught:
            read_openvex(document)
        assert caught.value.code == "unsupported_version"
        assert caught.value.fields == {"path": "@context", "value": version, "limit": "v0.2.0"}


@pytest.mark.parametrize("member", ["@id", "author", "timestamp", "version", "statements"])
def test_required_members(member: str) -> None:
    document = openvex()
    del document[member]
    with pytest.raises(Malformed) as caught:
        read_openvex(document)
    assert caught.value.fields["path"] == member


@pytest.mark.parametrize(
    ("statement", "path"),
    [
        (vex_statement(status="safe"), "statements.0.status"),
        (vex_statement(status="not_affected"), "statements.0"),
        (vex_statement(status="not_affected", impact_statement=" "), "statements.0"),
        (vex_statement(status="not_affected", justification="trust_me"), "statements.0.justification"),
        (vex_statement(status="affected"), "statements.0"),
        (vex_statement(products=[{}]), "statements.0.products.0"),
        (vex_statement(products=[{"identifiers": {"purl": ""}}]), "statements.0.products.0"),
        (vex_statement(products=[{"@id": PURL}] * 2), "statements.0.products"),
        (vex_statement(products=[{"hashes": {"sha-256": "ab"}}]), "statements.0.products.0.hashes"),
        (vex_statement(products=[{"hashes": {"crc": "ab"}}]), "statements.0.products.0.hashes"),
        (vex_statement(timestamp="2026-01-31"), "statements.0.timestamp"),
        (vex_statement(version=0), "statements.0.version"),
        (vex_statement(extra=1), "statements.0.extra"),
        (vex_statement(""), "statements.0.vulnerability.name"),
    ],
)
def test_what_is_not_allowed_is_refused_with_its_path(statement: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_openvex(openvex(statement))
    assert caught.value.fields["path"] == path


def test_a_reason_in_words_is_enough_and_both_are_welcome() -> None:
    words = vex_statement(status="not_affected", impact_statement="Not shipped.")
    both = vex_statement(
        "CVE-2", "not_affected", justification="component_not_present", impact_statement="Not shipped."
    )
    statements = read_openvex(openvex(words, both)).statements
    assert [one.impact for one in statements] == ["Not shipped."] * 2
    assert all(one.rules_out for one in statements)


def test_the_same_statement_twice_and_no_statement_are_refused() -> None:
    for document in (openvex(vex_statement(), vex_statement()), openvex(statements=[])):
        with pytest.raises(Malformed):
            read_openvex(document)


def test_a_later_statement_takes_the_place_of_an_earlier_one_about_the_same() -> None:
    part = [{"@id": PURL, "subcomponents": [{"@id": "pkg:npm/a"}]}]
    document = read_openvex(
        openvex(
            vex_statement(timestamp=LATER),
            vex_statement(status="under_investigation"),  # earlier, whatever its place
            vex_statement(status="under_investigation", products=part),  # about a part of it only
            vex_statement(status="under_investigation", products=[]),  # about whatever is attested
            vex_statement(
                "CVE-2", "affected", action_statement="Upgrade.", products=[{"@id": "pkg:a/a"}, {"@id": "pkg:a/b"}]
            ),
            vex_statement("CVE-2", products=[{"@id": "pkg:a/a"}]),  # the same time: the later place
        )
    )
    assert [document.statements.index(one) for one in document.standing] == [0, 2, 3, 4, 5]


def test_subjects_are_products_with_digests_each_once() -> None:
    named = vex_statement(products=[{"@id": PURL}, {"@id": "pkg:npm/a@1"}, {"hashes": {"sha-512": "0" * 128}}])
    subjects = vex_subjects(openvex(named, vex_statement("CVE-2")))
    assert [subject.digests for subject in subjects] == [(f"sha256:{DIGEST}",), ("sha512:" + "0" * 128,)]
    assert subjects[0].name == PURL


def test_the_number_of_statements_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_STATEMENTS", 3)
    with pytest.raises(TooLarge) as caught:
        read_openvex(openvex())
    assert caught.value.fields == {"path": "statements", "limit": 3, "value": 4}
