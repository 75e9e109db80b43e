"""Every parser under a fuzzer, in a process of its own: coded errors alone, and a bounded memory."""

import json
import os
import subprocess
import sys
import time

import pytest

TURN_SECONDS = 120.0
MEMORY_MIB = 256  # on top of what the process has after loading everything


def _fuzz(seconds: float) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.fuzzing", str(seconds)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    found = json.loads(ran.stdout)
    for name, target in found["targets"].items():
        sys.stdout.write(f"{name:16} {target['tried']:8} tried  {target['codes']}\n")
        assert target["tried"] > 0
    sys.stdout.write(f"memory: {found['grown_mib']} MiB more than at the start\n")
    assert found["grown_mib"] <= MEMORY_MIB


def test_every_parser_refuses_bad_bytes_with_a_code() -> None:
    _fuzz(20)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_every_parser_for_minutes() -> None:
    """In turns of a new process each: over minutes, what the fuzzer itself remembers would be most of the memory."""
    until = time.monotonic() + float(os.environ.get("EVIDENCE_FUZZ_SECONDS", "600"))
    while (left := until - time.monotonic()) > 0:
        _fuzz(min(left, TURN_SECONDS))
