import pytest

from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.checkpoint import parse_checkpoint
from tests.support.conformance import cases, suite

SUITE = "tlog-c2sp"


@pytest.mark.conformance
def test_the_specifications_examples_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    folder = suite(SUITE)
    counts = dict.fromkeys(("right", "wrong", "skipped"), 0)
    for case in cases(SUITE):
        if case["expect"] != "parse" or ("checkpoint" not in case["case"] and "cosignature" not in case["case"]):
            counts["skipped"] += 1
            continue
        try:
            checkpoint = parse_checkpoint((folder / case["files"][0]).read_bytes())
        except EvidenceError:
            counts["wrong"] += 1
        else:
            counts["right" if checkpoint.size > 0 and checkpoint.origin else "wrong"] += 1
    with capsys.disabled():
        print(f"\n{SUITE}: right {counts['right']}, wrong {counts['wrong']}, skipped {counts['skipped']}")  # noqa: T201  the suite's table
    assert counts["wrong"] == 0
    assert counts["right"] > 0
