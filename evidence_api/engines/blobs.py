"""Blobs: files too large for a row, in a folder or an object store; fsspec speaks to either.

A blob is written under a name nobody knows until it is whole: the register's row (store/artifacts.py) names it
afterwards, so a broken upload or a crash leaves at most a file no row points to, and `sweep` removes those.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import structlog
from fsspec.implementations.local import LocalFileSystem

from evidence_api.domain.errors import EvidenceError, StoreUnavailable

logger = structlog.get_logger(__name__)

CHUNK = 1024 * 1024  # bytes handed over at a time


class BlobWriter:
    """One blob being written. `write` as often as needed, then `keep` or `discard`."""

    def __init__(self, store: "BlobStore", location: str, file: Any) -> None:  # noqa: ANN401  fsspec is untyped
        self.location = location
        self._store = store
        self._file = file

    async def write(self, chunk: bytes) -> None:
        """Add bytes. Raises StoreUnavailable."""
        await _in_thread(self._file.write, chunk)

    async def keep(self) -> str:
        """Make it whole and durable; its location. Raises StoreUnavailable."""
        await _in_thread(self._finish)
        return self.location

    async def discard(self) -> None:
        """Leave nothing. What cannot be removed now is left to `sweep`, and said in the log."""
        try:
            await _in_thread(self._file.close)
            await self._store.remove(self.location)
        except StoreUnavailable as fault:
            logger.warning("blob_not_discarded", location=self.location, fault=fault.message)

    def _finish(self) -> None:
        self._file.flush()
        if self._store.is_folder:
            os.fsync(self._file.fileno())
        self._file.close()
        if self._store.is_folder:
            _sync_folder(Path(self._store.path_of(self.location)).parent)


class BlobStore:
    """A folder or a bucket, by URL: `/var/lib/evidence/blobs`, `s3://bucket/prefix`, `memory://…`.

    Credentials of an object store come from its own environment variables.
    """

    def __init__(self, url: str) -> None:
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as fault:
            raise EvidenceError(
                f"no blob store for {url.partition('://')[0]}://: {fault}",
                code="blob_store",
                install="pip install evidence-api[s3]",
            ) from fault
        self.is_folder = isinstance(self._files, LocalFileSystem)

    def path_of(self, location: str) -> str:
        """The store's own name of a location."""
        return f"{self._root}/{location}"

    async def create(self, owner: str, digest: str) -> BlobWriter:
        """Begin a blob of that owner; its name holds the digest and a random part. Raises StoreUnavailable."""
        location = f"{owner}/{digest[:2]}/{digest}-{secrets.token_hex(8)}"
        return BlobWriter(self, location, await _in_thread(self._open_new, location))

    async def read(self, location: str) -> AsyncIterator[bytes]:
        """The bytes, in chunks. Raises StoreUnavailable: also when the blob is gone."""
        file = await _in_thread(self._files.open, self.path_of(location), "rb")
        try:
            while chunk := await _in_thread(file.read, CHUNK):
                yield chunk
        finally:
            await _in_thread(file.close)

    async def remove(self, location: str) -> None:
        """Delete one blob; one that is gone already is fine. Raises StoreUnavailable."""
        await _in_thread(self._remove, location)

    async def sweep(self, owner: str, known: Iterable[str], *, before: datetime) -> tuple[str, ...]:
        """Remove the owner's blobs that are older than `before` and not `known`; their locations."""
        unknown = await _in_thread(self._unknown, owner, frozenset(known), before)
        for location in unknown:
            await self.remove(location)
        return tuple(unknown)

    def _open_new(self, location: str) -> Any:  # noqa: ANN401  fsspec is untyped
        path = self.path_of(location)
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        return self._files.open(path, "wb")

    def _remove(self, location: str) -> None:
        try:
            self._files.rm_file(self.path_of(location))
        except FileNotFoundError:
            return

    def _unknown(self, owner: str, known: frozenset[str], before: datetime) -> list[str]:
        prefix = self.path_of("")
        found = self._files.find(self.path_of(owner), detail=True).values()
        return sorted(
            location
            for entry in found
            if (location := entry["name"].removeprefix(prefix)) not in known and _changed(entry) < before
        )


def _changed(entry: dict[str, Any]) -> datetime:
    """When a listed file was last written; the names differ from store to store."""
    moment = entry.get("mtime", entry.get("LastModified", entry.get("created")))
    if isinstance(moment, datetime):
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(moment or 0), tz=UTC)


def _sync_folder(folder: Path) -> None:
    """The names of new files and folders are durable only when their folder is."""
    for one in (folder, folder.parent, folder.parent.parent):
        handle = os.open(one, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


async def _in_thread(work: Any, *arguments: Any) -> Any:  # noqa: ANN401  fsspec is untyped
    try:
        return await asyncio.to_thread(work, *arguments)
    except OSError as fault:
        raise StoreUnavailable(f"the blob store did not answer: {fault}") from fault
