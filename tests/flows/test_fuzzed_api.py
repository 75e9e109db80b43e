"""schemathesis with a token against a real server: whatever is sent, the answer is one that was announced."""

import os
import sys
from pathlib import Path

from tests.flows.fuzz import fuzz, fuzzed_server

CASES = int(os.environ.get("EVIDENCE_FUZZ_CASES", "240"))


def test_every_answer_is_one_that_was_announced(open_folder: Path) -> None:
    with fuzzed_server(open_folder / "fuzzed") as server:
        found = fuzz(server, CASES)
    sys.stdout.write(f"fuzzed: {dict(found.cases)} {dict(sorted(found.statuses.items()))}\n")
    assert found.findings == []
    assert found.cases.total() >= CASES
