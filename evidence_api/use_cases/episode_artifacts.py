"""Episodes of a report that lie in an uploaded artifact: fetched, read in a process of their own, with progress.

The plan for one artifact:
  1. its bytes, hashed on their way out of the store again, into a file of a temporary folder
  2. a reader's own process makes columns of that file (engines/episode_reader.py); the event loop stays free
  3. how far it is goes to the log and to the rows of the decisions that wait for it, every second at most
Of the episodes nothing is kept here. A crash leaves a temporary folder and a progress that stands still; asking again
is all there is to do.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import structlog

from evidence_api.domain.decisions.off_policy import Episodes
from evidence_api.domain.errors import EvidenceError, NotFound
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.episode_reader import EpisodeReader, Progress, untold
from evidence_api.formats.episodes import check_size
from evidence_api.store.reading_progress import progressed
from evidence_api.store.session import Database
from evidence_api.use_cases.artifacts import Artifacts

logger = structlog.get_logger(__name__)

_EVERY_SECONDS = 1.0


class EpisodeArtifacts:
    """Reads the episodes of a tenant's artifacts."""

    def __init__(self, database: Database, uploaded: Artifacts, reader: EpisodeReader) -> None:
        self._database = database
        self._uploaded = uploaded
        self._reader = reader

    async def of(self, scope: TenantScope, digest: str, progress: Progress = untold) -> Episodes | None:
        """The episodes of artifact `sha256:<hex>`, None when it was never uploaded. `progress` is told rows read and
        share of the file. Raises Refused (it holds no episodes: `line` or `row`, and `column`; it is too large, and is
        not fetched then), Undecided (the store or the reader did not answer; ask again)."""
        try:
            size, chunks = await self._uploaded.open(scope, digest)
        except NotFound:
            return None
        check_size(size)
        logger.info("episodes_reading", tenant=scope.name, artifact=digest, size=size)
        kept = _Kept(self._database, scope, digest, progress)
        with tempfile.TemporaryDirectory(prefix="evidence-episodes-") as folder:
            file = Path(folder, "artifact")
            await _write(file, chunks)
            async with kept:
                episodes = await self._reader.read(file, kept.told)
        logger.info("episodes_read", tenant=scope.name, artifact=digest, rows=len(episodes))
        return episodes


class _Kept:
    """Tells how far the reading is: at once to `progress`, every second to the log and to the rows of those who wait.
    What cannot be kept is said in the log and left: the reading goes on."""

    def __init__(self, database: Database, scope: TenantScope, digest: str, progress: Progress) -> None:
        self._database, self._scope, self._digest, self._progress = database, scope, digest, progress
        self._latest: tuple[int, float] = (0, 0.0)
        self._keeping: asyncio.Task[None] | None = None

    def told(self, rows: int, share: float) -> None:
        self._latest = (rows, share)
        self._progress(rows, share)

    async def __aenter__(self) -> None:
        self._keeping = asyncio.create_task(self._every_second())

    async def __aexit__(self, *_: object) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        await self._keep()

    async def _every_second(self) -> None:
        kept = self._latest
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            if self._latest != kept:
                kept = self._latest
                await self._keep()

    async def _keep(self) -> None:
        rows, share = self._latest
        logger.info(
            "episodes_progress", tenant=self._scope.name, artifact=self._digest, rows=rows, share=round(share, 3)
        )
        try:
            async with self._database.tenant(self._scope) as connection:
                await progressed(connection, self._scope, self._digest, rows, share)
        except EvidenceError as fault:
            logger.warning("progress_not_kept", tenant=self._scope.name, code=fault.code, detail=fault.message)


async def _write(file: Path, chunks: AsyncIterator[bytes]) -> None:
    with await asyncio.to_thread(file.open, "wb") as writer:
        async for chunk in chunks:
            await asyncio.to_thread(writer.write, chunk)
