"""Programs run to their end, within their time."""

import sys
from pathlib import Path

import pytest

from evidence_api.domain.errors import EngineTimeout
from evidence_api.engines.commands import run


async def test_both_outputs_and_the_code_come_back(tmp_path: Path) -> None:
    script = "import os, sys; print(os.getcwd()); print('no', file=sys.stderr); sys.exit(3)"
    ran = await run([sys.executable, "-c", script], cwd=tmp_path)
    assert (ran.code, ran.stdout.decode().strip(), ran.stderr) == (3, str(tmp_path), b"no\n")


async def test_a_program_over_its_time_is_killed(tmp_path: Path) -> None:
    script = "import time, pathlib; time.sleep(1.5); pathlib.Path('late').touch()"
    with pytest.raises(EngineTimeout) as fault:
        await run([sys.executable, "-c", script], cwd=tmp_path, timeout=0.2)
    assert fault.value.fields["limit"] == 0.2


async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await run(["no-such-program"], cwd=tmp_path)
