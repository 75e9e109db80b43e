"""Episodes of a large file -> columns, read in a process of its own with a time and a memory limit.

Reading lines holds Python's lock and Parquet is decoded by C++, so neither happens in the server's process: its event
loop stays free, and a file that breaks the decoder breaks one process that was made for it. The numbers come back in a
file that is mapped, not copied, so that fifty million episodes cost the server no memory of its own.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from evidence_api.domain.decisions.off_policy import Episodes
from evidence_api.domain.errors import EngineCrashed, EngineMemory, EngineTimeout, EvidenceError, Malformed, TooLarge
from evidence_api.formats.episodes import NAMES, Progress, episodes_of, untold

__all__ = ["EpisodeReader", "Progress", "untold"]

WORKER = "evidence_api.engines.episodes_worker"
_MIB = 1024 * 1024
_OUT_OF_MEMORY = 12
_NO_MEMORY = ("MemoryError", "bad_alloc", "malloc of size", "Cannot allocate memory")
_NOISE = 64 * 1024  # bytes of stderr, the last, in which the cause is looked for
_KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG")


class EpisodeReader:
    """Reads files of episodes, `at_once` of them at a time; more wait their turn."""

    def __init__(self, *, timeout: float = 600.0, memory: int = 4096 * _MIB, at_once: int = 1) -> None:
        """`timeout` in seconds of wall clock a file, `memory` in bytes of address space."""
        self._timeout = timeout
        self._memory = memory
        self._turns = asyncio.Semaphore(at_once)

    async def read(self, file: Path, progress: Progress = untold) -> Episodes:
        """The episodes of a JSON Lines or Parquet file. Raises Malformed, TooLarge (formats/episodes.py says when),
        EngineTimeout, EngineMemory, EngineCrashed, EvidenceError `extra_missing`."""
        async with self._turns:
            with tempfile.TemporaryDirectory(prefix="evidence-columns-") as folder:
                target = Path(folder, "columns")
                rows = await self._run(file, target, progress)
                # the mapping outlives the file's name
                return episodes_of(np.memmap(target, np.float64, "r", shape=(rows, len(NAMES))))

    async def _run(self, file: Path, target: Path, progress: Progress) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", WORKER, file, target, str(self._memory)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(),
        )
        try:
            async with asyncio.timeout(self._timeout):
                told, noise = await asyncio.gather(_follow(process, progress), _rest(process))
                await process.wait()
        except TimeoutError as fault:
            said = f"reading the episodes took longer than {self._timeout:g} s"
            raise EngineTimeout(said, limit=self._timeout) from fault
        except (ValueError, KeyError) as fault:  # a decoder that writes to stdout itself
            raise EngineCrashed(f"the reader of episodes said what is no progress: {str(fault)[:300]}") from fault
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if "refused" in told:
            raise _refusal(told["refused"])
        if process.returncode == 0 and "done" in told:
            return int(told["done"])
        raise self._failure(process.returncode, noise)

    def _failure(self, code: int | None, noise: str) -> EngineCrashed | EngineMemory:
        if code == _OUT_OF_MEMORY or any(word in noise for word in _NO_MEMORY):
            return EngineMemory(f"the episodes need more than {self._memory // _MIB} MiB", limit=self._memory)
        last = noise.splitlines()[-1] if noise else "no message"
        return EngineCrashed(f"the reader of episodes ended with code {code}: {last[:300]}")


async def _follow(process: asyncio.subprocess.Process, progress: Progress) -> dict[str, Any]:
    """What was said last; everything before is progress. Raises ValueError for a line that is no object."""
    told: dict[str, Any] = {}
    while line := await process.stdout.readline() if process.stdout else b"":
        told = _told(line)
        if "share" in told:
            progress(int(told["rows"]), float(told["share"]))
    return told


def _told(line: bytes) -> dict[str, Any]:
    told = orjson.loads(line)
    if not isinstance(told, dict):
        raise ValueError(repr(line[:80]))  # noqa: TRY004  as for what is no JSON
    return told


async def _rest(process: asyncio.subprocess.Process) -> str:
    """The end of what it complained of, however much that was."""
    noise = b""
    while some := await process.stderr.read(_NOISE) if process.stderr else b"":
        noise = (noise + some)[-_NOISE:]
    return noise.decode(errors="replace").strip()


def _refusal(told: dict[str, Any]) -> EvidenceError:
    known: dict[str, type[EvidenceError]] = {"too_large": TooLarge, "extra_missing": EvidenceError}
    return known.get(told["code"], Malformed)(told["message"], code=told["code"], **told["fields"])


def _environment() -> dict[str, str]:
    """Only what the process needs: no secret of the server. One thread: it is one of several processes."""
    kept = {name: value for name in _KEPT if (value := os.environ.get(name))}
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**kept, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
