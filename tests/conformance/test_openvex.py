"""Documents of OpenVEX's own library: the current form is read, every other is refused for what it is."""

import pytest

from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.documents import recognise_document
from tests.support.conformance import cases, show_table, suite
from tests.support.facts import assert_facts_fit

SUITE = "openvex"


def verdict(body: bytes) -> tuple[bool, str]:
    """Whether it is read as a VEX document, and if not, the code and why."""
    try:
        normalised = recognise_document(body).read(body).normalised
    except EvidenceError as refusal:
        assert refusal.code in {"malformed", "unsupported_version", "too_large"}  # noqa: PT017  an outcome here
        return False, f"{refusal.code}: {refusal.message}"
    assert_facts_fit(normalised.kind, normalised.facts)
    return normalised.kind == "vex", f"read as {normalised.kind}"


@pytest.mark.conformance
def test_every_shared_document_is_read_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    right, wrong, refused = 0, [], []
    for case in cases(SUITE):
        valid, why = verdict((suite(SUITE) / case["files"][0]).read_bytes())
        if valid == case["expect"].startswith("valid"):
            right += 1
            refused += [] if valid else [f"{case['case']}: {why[:100]}"]
        else:
            wrong.append(f"{case['case']}: {why}")
    title = f"{SUITE}: right {right}, wrong {len(wrong)}, skipped 0; rightly refused:"
    show_table(capsys, title, (*refused, *wrong))
    assert not wrong
    assert right
