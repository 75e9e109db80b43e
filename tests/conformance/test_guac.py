"""The documents a collector meets: each is taken as what it is, or refused with a code and a place."""

from collections import Counter

import pytest

from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.sboms import is_sbom_type, read_sbom
from evidence_api.use_cases.check import Trust, check_evidence
from tests.support.conformance import cases, suite

pytestmark = pytest.mark.conformance


def what_it_is(content: bytes) -> str:
    """The kind, and the type it was told by. Raises EvidenceError."""
    checked = check_evidence(content, Trust())
    facts = checked.normalised.facts
    if checked.normalised.kind == "sbom" and is_sbom_type(checked.predicate_type):
        assert read_sbom(checked.predicate_type, content).spec_version == facts["spec_version"]
    return f"{checked.normalised.kind:12} {checked.predicate_type}"


def test_documents_a_collector_meets_are_read_or_refused_with_a_code() -> None:
    folder, counted, refused = suite("guac"), Counter[str](), list[str]()
    for case in cases("guac"):
        try:
            counted[what_it_is((folder / case["files"][0]).read_bytes())] += 1
        except EvidenceError as refusal:
            assert refusal.code in {"malformed", "too_large"}  # noqa: PT017  a refusal is an outcome here
            assert {"path", "line"} & refusal.fields.keys()  # noqa: PT017  the same
            refused.append(f"   - refused      {case['files'][0]}: {refusal.message[:100]}")
    rows = [f"{count:4} {name}" for name, count in sorted(counted.items())]
    print("\nguac", *rows, *refused, sep="\n  ")  # noqa: T201  the table is what a conformance run is read for
    assert sum(count for name, count in counted.items() if name.startswith("sbom")) > 10
