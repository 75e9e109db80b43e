"""Other programs, run to their end: what they were, what they answered, how long they took."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from evidence_api.domain.errors import EngineTimeout


@dataclass(frozen=True, slots=True)
class Ran:
    """One finished run. `seconds` is wall-clock time."""

    command: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: bytes
    seconds: float


async def run(command: Sequence[str], *, cwd: Path, timeout: float = 60.0) -> Ran:  # noqa: ASYNC109  the limit is ours to enforce: the process must die with it
    """Run a program without a shell and without input. Raises EngineTimeout, and OSError if it is not there."""
    started = monotonic()
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(), timeout)
    except TimeoutError as fault:
        process.kill()
        await process.wait()
        raise EngineTimeout(f"{command[0]} ran over its limit", limit=timeout) from fault
    return Ran(tuple(command), process.returncode or 0, stdout, stderr, monotonic() - started)
