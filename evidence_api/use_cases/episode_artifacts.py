"""Episodes of a report that lie in an uploaded artifact: fetched, read in a process of their own, with progress.

The plan for one artifact:
  1. its bytes, hashed on their way out of the store again, into a file of a temporary folder
  2. a reader's own process makes columns of that file (engines/episode_reader.py); the event loop stays free
Nothing is kept here. A crash leaves a temporary folder and nothing else; asking again is all there is to do.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Collection
from pathlib import Path

from evidence_api.domain.decisions.off_policy import Episodes
from evidence_api.domain.errors import NotFound
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.episode_reader import EpisodeReader, Progress, untold
from evidence_api.store import artifacts
from evidence_api.store.session import Database
from evidence_api.use_cases.artifacts import Artifacts


class EpisodeArtifacts:
    """Reads the episodes of a tenant's artifacts."""

    def __init__(self, database: Database, uploaded: Artifacts, reader: EpisodeReader) -> None:
        self._database = database
        self._uploaded = uploaded
        self._reader = reader

    async def of(self, scope: TenantScope, digest: str, progress: Progress = untold) -> Episodes | None:
        """The episodes of artifact `sha256:<hex>`, None when it was never uploaded. `progress` is told rows read and
        share of the file. Raises Refused (it holds no episodes: `line` or `row`, and `column`), Undecided (the store
        or the reader did not answer; ask again)."""
        try:
            _, chunks = await self._uploaded.open(scope, digest)
        except NotFound:
            return None
        with tempfile.TemporaryDirectory(prefix="evidence-episodes-") as folder:
            file = Path(folder, "artifact")
            await _write(file, chunks)
            return await self._reader.read(file, progress)

    async def arrived(self, scope: TenantScope, digests: Collection[str]) -> frozenset[str]:
        """Those of the digests that are uploaded by now: what reports wait for is asked about here."""
        async with self._database.reading(scope) as connection:
            return await artifacts.those_here(connection, scope, digests)


async def _write(file: Path, chunks: AsyncIterator[bytes]) -> None:
    with await asyncio.to_thread(file.open, "wb") as writer:
        async for chunk in chunks:
            await asyncio.to_thread(writer.write, chunk)
