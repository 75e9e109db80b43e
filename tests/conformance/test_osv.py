"""Records of other people's OSV databases and of the tools of the OSV schema's own repository."""

import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.formats.documents import document_type
from tests.support.conformance import cases, show_table, suite
from tests.support.facts import assert_facts_fit

SUITE = "osv"


def verdict(body: bytes) -> tuple[str, str]:
    """valid or invalid, and why."""
    try:
        normalised = document_type("osv").read(body).normalised
    except Malformed as fault:
        return "invalid", fault.message
    assert_facts_fit("advisory", normalised.facts)
    return "valid", ""


@pytest.mark.conformance
def test_every_shared_record_has_the_verdict_of_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    right, wrong, skipped = 0, [], []
    for case in cases(SUITE):
        if case["expect"] not in {"valid", "invalid"}:
            skipped.append(f"{case['case']}: expects {case['expect']}")
            continue
        answer, why = verdict((suite(SUITE) / case["files"][0]).read_bytes())
        if answer == case["expect"]:
            right += 1
        else:
            wrong.append(f"{case['case']}: {answer}, not {case['expect']}: {why}")
    title = f"{SUITE}: right {right}, wrong {len(wrong)}, skipped {len(skipped)}"
    show_table(capsys, title, (*wrong, *skipped))
    assert not wrong
    assert right
