"""What an evidence collector meets: every file is read as its own kind or refused with a code, as an upload is."""

from collections import Counter

import pytest

from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.documents import document_type
from evidence_api.formats.dsse import Envelope
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import parse_statement
from evidence_api.formats.upload import DocumentUpload, EnvelopeUpload, StatementUpload, recognise
from tests.support.conformance import cases, suite
from tests.support.facts import assert_facts_fit

SUITE = "guac"
CODES = {"malformed", "too_large", "unsupported_version", "zero_signatures"}


def read(body: bytes) -> str:
    """The kind of what is uploaded. Raises EvidenceError."""
    upload = recognise(body)
    match upload:
        case DocumentUpload(type=name):
            normalised = document_type(name).read(body).normalised
        case StatementUpload(payload=payload) | EnvelopeUpload(envelope=Envelope(payload=payload)):
            normalised = normalise(parse_statement(payload), len(payload))
        case _:
            raise AssertionError(f"no case holds a {type(upload).__name__}")
    assert_facts_fit(normalised.kind, normalised.facts)
    return normalised.kind


@pytest.mark.conformance
def test_every_shared_document_is_read_as_its_own_kind_or_refused_with_a_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    right, wrong, outcomes = 0, [], Counter[str]()
    for case in cases(SUITE):
        try:
            answer = read((suite(SUITE) / case["files"][0]).read_bytes())
            fits = case["expect"] != "reject"
        except EvidenceError as refusal:
            answer = f"refused: {refusal.code}: {refusal.message[:70]}"
            fits = refusal.code in CODES
        outcomes[answer] += 1
        right += fits
        wrong += [] if fits else [f"{case['case']}: {answer}"]
    with capsys.disabled():
        lines = [f"  {count} {answer}" for answer, count in sorted(outcomes.items())]
        print("", f"{SUITE}: right {right}, wrong {len(wrong)}, skipped 0", *lines, sep="\n")  # noqa: T201  the table
    assert not wrong
    assert outcomes["sbom"] > 5
