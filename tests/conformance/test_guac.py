"""The documents a collector meets: each is read as what it is, or refused with a code and a place."""

from collections import Counter

import pytest

from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.documents import recognise_document
from evidence_api.formats.predicates import normalise
from evidence_api.formats.sboms import read_sbom
from evidence_api.formats.statement import parse_statement
from tests.support.conformance import cases, suite

pytestmark = pytest.mark.conformance


def what_it_is(content: bytes) -> str:
    """The kind read, and from which type of document. Raises EvidenceError."""
    if b'"predicateType"' in content[:4_096] and b'"_type"' in content[:4_096]:
        return f"statement, read as {normalise(parse_statement(content), len(content)).kind}"
    document = recognise_document(content)
    read = document.read(content).normalised
    if read.kind == "sbom":
        assert read_sbom(document.predicate_type, content).spec_version == read.facts["spec_version"]
    return f"{document.name}, read as {read.kind}"


def test_documents_a_collector_meets_are_read_or_refused_with_a_code() -> None:
    folder, counted, refused = suite("guac"), Counter[str](), list[str]()
    for case in cases("guac"):
        try:
            counted[what_it_is((folder / case["files"][0]).read_bytes())] += 1
        except EvidenceError as refusal:
            assert refusal.code in {"malformed", "too_large"}  # noqa: PT017  a refusal is an outcome here
            assert {"path", "line"} & refusal.fields.keys()  # noqa: PT017
            counted["refused with a code and a place"] += 1
            refused.append(f"     {case['files'][0]}: {refusal.message[:120]}")
    rows = [f"{count:4} {name}" for name, count in sorted(counted.items())]
    print("\nguac", *rows, *refused, sep="\n  ")  # noqa: T201  the table is what a conformance run is read for
    assert counted["cyclonedx, read as sbom"] > 5
    assert counted["spdx, read as sbom"] > 2
