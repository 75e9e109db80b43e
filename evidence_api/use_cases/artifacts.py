"""Artifacts: raw files, by the digest of their bytes; evidence speaks about them, an auditor may want them.

The plan of an upload:
  1. read it once, as it comes: count, hash, keep at most a mebibyte in memory; beyond that it goes to the blob store
  2. refuse it if it grew over the limit or its digest is not the one it was sent under; nothing of it is left
  3. register it. Commit point: a crash before it leaves at most a blob that no row names (swept after a day), and
     sending the file again is all there is to do; a crash after it leaves it whole.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import structlog

from evidence_api.domain.errors import EvidenceError, NotFound, TooLarge, VerificationFailed
from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.engines.blobs import CHUNK, BlobStore, BlobWriter
from evidence_api.engines.clock import Clock
from evidence_api.store import artifacts, tenants
from evidence_api.store.artifacts import StoredArtifact
from evidence_api.store.session import Database

logger = structlog.get_logger(__name__)

ROW_BYTES = 1024 * 1024  # larger ones go to the blob store
SWEEP_AFTER = timedelta(days=1)  # no upload takes longer


@dataclass(frozen=True, slots=True)
class PutArtifact:
    """What became of an upload: its size in bytes, and whether it is new."""

    digest: str
    size: int
    created: bool


class Artifacts:
    """Stores and gives back the raw files of a tenant. `limit` in bytes."""

    def __init__(self, database: Database, blobs: BlobStore, clock: Clock, limit: int) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self.limit = limit

    async def put(self, principal: Principal, digest: str, chunks: AsyncIterator[bytes]) -> PutArtifact:
        """Store the bytes of that digest. Raises TooLarge, VerificationFailed "artifact_digest", StoreUnavailable."""
        scope = principal.tenant
        incoming = _Incoming(self._blobs, scope, digest, self.limit)
        kept = False
        try:
            async for chunk in chunks:
                await incoming.take(chunk)
            artifact = await incoming.whole()
            async with self._database.tenant(scope) as connection:
                kept = await artifacts.add(
                    connection, scope, artifact, at=self._clock.now(), token_id=_token_id(principal)
                )
            return PutArtifact(digest, artifact.size, kept)
        finally:
            if not kept:
                await incoming.discard()

    async def find(self, scope: TenantScope, digest: str) -> StoredArtifact:
        """Its size, without its bytes. Raises NotFound."""
        return await self._find(scope, digest, content=False)

    async def open(self, scope: TenantScope, digest: str) -> tuple[int, AsyncIterator[bytes]]:
        """Size and bytes. Raises NotFound; while reading, StoreUnavailable and VerificationFailed "stored_bytes"."""
        artifact = await self._find(scope, digest, content=True)
        return artifact.size, self._read(artifact)

    async def run(self, interval: float) -> None:
        """Sweep every tenant for ever, every `interval` seconds; what cannot be swept now is said and left."""
        while True:
            try:
                for scope in await tenants.every(self._database):
                    for location in await self.sweep(scope):
                        logger.info("blob_swept", tenant=scope.name, location=location)
            except EvidenceError as fault:
                logger.warning("blob_sweep_postponed", code=fault.code, detail=fault.message)
            await asyncio.sleep(interval)

    async def sweep(self, scope: TenantScope) -> tuple[str, ...]:
        """Remove what broken uploads left in the blob store more than a day ago; the locations removed."""
        before = self._clock.now() - SWEEP_AFTER
        async with self._database.reading(scope) as connection:
            known = await artifacts.locations(connection, scope)
        return await self._blobs.sweep(str(scope.id), known, before=before)

    async def _find(self, scope: TenantScope, digest: str, *, content: bool) -> StoredArtifact:
        async with self._database.reading(scope) as connection:
            artifact = await artifacts.find(connection, scope, digest, content=content)
        if artifact is None:
            raise NotFound(f"no artifact {digest}")
        return artifact

    async def _read(self, artifact: StoredArtifact) -> AsyncIterator[bytes]:
        """The bytes, hashed on their way: what the store changed ends early instead of looking whole."""
        hashed = sha256()
        held = b""
        async for chunk in (
            _once(artifact.content) if artifact.content is not None else self._blobs.read(artifact.location)
        ):
            hashed.update(chunk)
            if held:
                yield held
            held = chunk
        if f"sha256:{hashed.hexdigest()}" != artifact.digest:
            raise VerificationFailed(
                "the stored artifact is not the one of this digest", code="stored_bytes", value=artifact.digest
            )
        yield held


class _Incoming:
    """The bytes of one upload so far: in memory while there are few, then in a blob."""

    def __init__(self, blobs: BlobStore, scope: TenantScope, digest: str, limit: int) -> None:
        self._blobs = blobs
        self._scope = scope
        self._digest = digest
        self._limit = limit
        self._hashed = sha256()
        self._size = 0
        self._held = bytearray()
        self._writer: BlobWriter | None = None

    async def take(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._limit:
            raise TooLarge(
                f"the artifact passed {self._limit} bytes, the most that is taken", limit=self._limit, value=self._size
            )
        self._hashed.update(chunk)
        self._held += chunk
        if self._writer is None and self._size > ROW_BYTES:
            self._writer = await self._blobs.create(str(self._scope.id), self._digest.removeprefix("sha256:"))
        if self._writer is not None and len(self._held) >= CHUNK:
            await self._flush(self._writer)

    async def whole(self) -> StoredArtifact:
        """What is to be registered. Raises VerificationFailed."""
        found = f"sha256:{self._hashed.hexdigest()}"
        if found != self._digest:
            raise VerificationFailed(
                f"the bytes received have the digest {found}", code="artifact_digest", value=found, path="digest"
            )
        if self._writer is None:
            return StoredArtifact(self._digest, self._size, "", bytes(self._held))
        await self._flush(self._writer)
        return StoredArtifact(self._digest, self._size, await self._writer.keep())

    async def discard(self) -> None:
        if self._writer is not None:
            await self._writer.discard()

    async def _flush(self, writer: BlobWriter) -> None:
        held, self._held = bytes(self._held), bytearray()
        await writer.write(held)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _token_id(principal: Principal) -> UUID | None:
    return UUID(principal.id) if principal.kind != "operator" else None
