"""PDF rendering: HTML and files -> PDF/A-3b, in a process of its own with a time and a memory limit.

weasyprint holds the GIL and keeps its memory, so it never runs in the server's process: one process per
document, killed when time is up, its memory given back whole. The process sees no font of the machine.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from evidence_api.domain.digest import sha256_hex
from evidence_api.domain.errors import EngineCrashed, EngineMemory, EngineTimeout
from evidence_api.domain.pack import Artifact
from evidence_api.engines.pdf_frames import RenderJob, encode_job

WORKER = "evidence_api.engines.pdf_worker"
_MIB = 1024 * 1024
_OUT_OF_MEMORY = 12
_NO_MEMORY = ("MemoryError", "failed to allocate", "Cannot allocate memory", "Resource temporarily unavailable")
_FONTCONFIG = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig><dir>{folder}/fonts</dir><cachedir>{folder}/cache</cachedir></fontconfig>
"""


class PdfRenderer:
    """Renders documents, `at_once` of them at a time; more wait their turn."""

    def __init__(self, *, timeout: float = 300.0, memory: int = 2048 * _MIB, at_once: int = 1) -> None:
        """`timeout` in seconds of wall clock per document, `memory` in bytes of address space."""
        self._timeout = timeout
        self._memory = memory
        self._turns = asyncio.Semaphore(at_once)

    async def render(self, page: str, files: Iterable[Artifact], *, at: datetime, signer: str) -> bytes:
        """The PDF/A-3b with the files attached and room for the signature of `signer` (engines/pades.py fills it).

        `at` is the one moment in it: the same arguments give the same bytes.
        Raises EngineTimeout, EngineMemory, EngineCrashed.
        """
        job = RenderJob(
            page=page,
            files=tuple(files),
            modified=at.astimezone(UTC).strftime("D:%Y%m%d%H%M%SZ"),
            identifier=sha256_hex(page.encode())[:32],
            signer=signer,
            memory=self._memory,
        )
        async with self._turns:
            with tempfile.TemporaryDirectory(prefix="evidence-pdf-") as folder:
                return await self._run(encode_job(job), Path(folder))

    async def _run(self, job: bytes, folder: Path) -> bytes:
        await asyncio.to_thread(_prepare, folder)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            WORKER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(folder),
        )
        try:
            out, noise = await asyncio.wait_for(process.communicate(job), self._timeout)
        except TimeoutError as fault:
            raise EngineTimeout(
                f"rendering the PDF took longer than {self._timeout:g} s", limit=self._timeout
            ) from fault
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == 0 and out:
            return out
        raise self._failure(process.returncode, noise.decode(errors="replace").strip())

    def _failure(self, code: int | None, noise: str) -> EngineCrashed | EngineMemory:
        # Python raises MemoryError; the C libraries below abort, each in its own words
        if code == _OUT_OF_MEMORY or any(word in noise for word in _NO_MEMORY):
            return EngineMemory(f"rendering the PDF needs more than {self._memory // _MIB} MiB", limit=self._memory)
        last = noise.splitlines()[-1] if noise else "no message"
        return EngineCrashed(f"the PDF renderer ended with code {code}: {last[:300]}")


def _prepare(folder: Path) -> None:
    for name in ("fonts", "cache"):
        (folder / name).mkdir()
    (folder / "fonts.conf").write_text(_FONTCONFIG.format(folder=folder), "utf-8")


def _environment(folder: Path) -> dict[str, str]:
    """Only what the process needs: no secret of the server, and no font of the machine."""
    kept = {
        name: value for name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "LANG") if (value := os.environ.get(name))
    }
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
        "EVIDENCE_PDF_FONTS": str(folder / "fonts"),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "SOURCE_DATE_EPOCH": "0",
    }
