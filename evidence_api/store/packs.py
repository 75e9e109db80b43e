"""Finished packs, by the digest of their bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import NotFound, VerificationFailed
from evidence_api.domain.principal import TenantScope
from evidence_api.store.session import Connection


@dataclass(frozen=True, slots=True)
class StoredPack:
    """A pack as it was made for one assessment of one release. `release` is the release's evidence id."""

    digest: str
    release: str
    assessment_id: UUID
    media_type: str
    created: datetime
    content: bytes = field(repr=False)


async def keep(  # noqa: PLR0913  one argument per column
    connection: Connection,
    scope: TenantScope,
    content: bytes,
    *,
    release: str,
    assessment_id: UUID,
    media_type: str,
    at: datetime,
) -> str:
    """Store a pack; its digest. The same bytes are stored once."""
    digest = digest_of(content)
    await connection.execute(
        "INSERT INTO pack (tenant_id, digest, release_id, assessment_id, media_type, created_at, content) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        *(scope.id, digest, bytes.fromhex(release.removeprefix("sha256:")), assessment_id, media_type, at, content),
    )
    return digest


async def get(connection: Connection, scope: TenantScope, digest: str) -> StoredPack:
    """The pack of that digest. Raises NotFound, VerificationFailed "stored_bytes" when the bytes are not its own."""
    row = await connection.fetchrow(
        "SELECT digest, release_id, assessment_id, media_type, created_at, content FROM pack "
        "WHERE tenant_id = $1 AND digest = $2",
        *(scope.id, digest),
    )
    if row is None:
        raise NotFound(f"no pack {digest[:80]}")
    if digest_of(row["content"]) != digest:
        raise VerificationFailed("the stored pack is not the one of this digest", code="stored_bytes", value=digest)
    return StoredPack(
        digest=digest,
        release=f"sha256:{row['release_id'].hex()}",
        assessment_id=row["assessment_id"],
        media_type=row["media_type"],
        created=row["created_at"],
        content=row["content"],
    )


async def of_assessment(connection: Connection, scope: TenantScope, assessment_id: UUID, media_type: str) -> str | None:
    """The digest of the newest pack of that type made for an assessment, or None."""
    found: str | None = await connection.fetchval(
        "SELECT digest FROM pack WHERE tenant_id = $1 AND assessment_id = $2 AND media_type = $3 "
        "ORDER BY created_at DESC LIMIT 1",
        *(scope.id, assessment_id, media_type),
    )
    return found


async def of_release(connection: Connection, scope: TenantScope, release: str) -> Sequence[str]:
    """The digests of a release's packs, newest first."""
    rows = await connection.fetch(
        "SELECT digest FROM pack WHERE tenant_id = $1 AND release_id = $2 ORDER BY created_at DESC, digest",
        *(scope.id, bytes.fromhex(release.removeprefix("sha256:"))),
    )
    return tuple(row["digest"] for row in rows)


async def newest(connection: Connection, scope: TenantScope, limit: int = 100) -> Sequence[Mapping[str, Any]]:
    """The newest packs without their bytes: digest, release (name@version), mediaType, size, created."""
    rows = await connection.fetch(
        "SELECT p.digest, r.name || '@' || r.version AS release, p.media_type, octet_length(p.content) AS size, "
        "p.created_at FROM pack p JOIN release r ON r.tenant_id = p.tenant_id AND r.id = p.release_id "
        "WHERE p.tenant_id = $1 ORDER BY p.created_at DESC, p.digest LIMIT $2",
        *(scope.id, limit),
    )
    return tuple(
        {
            "digest": row["digest"],
            "release": row["release"],
            "mediaType": row["media_type"],
            "size": row["size"],
            "created": row["created_at"],
        }
        for row in rows
    )
