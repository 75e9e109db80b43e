"""The register of raw artifacts: by digest, with the bytes of small ones and the blob store's name of the others."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from evidence_api.domain.principal import TenantScope
from evidence_api.store.rows import id_bytes
from evidence_api.store.session import Connection


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """One artifact. `content` is there for small ones, `location` ("" otherwise) for the others."""

    digest: str
    size: int
    location: str
    content: bytes | None = field(default=None, repr=False)


async def add(
    connection: Connection,
    scope: TenantScope,
    artifact: StoredArtifact,
    *,
    at: datetime,
    token_id: UUID | None,
) -> bool:
    """Register it; False when it is there already (and then nothing changes)."""
    added = await connection.fetchval(
        "INSERT INTO artifact (tenant_id, digest, size, content, location, created_at, token_id) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1",
        *(scope.id, id_bytes(artifact.digest), artifact.size, artifact.content, artifact.location, at, token_id),
    )
    return added is not None


async def find(
    connection: Connection, scope: TenantScope, digest: str, *, content: bool = True
) -> StoredArtifact | None:
    """The artifact of that digest, None if there is none; without `content` the bytes stay where they are."""
    column = "content" if content else "NULL::bytea AS content"
    row = await connection.fetchrow(
        f"SELECT size, location, {column} FROM artifact WHERE tenant_id = $1 AND digest = $2",  # noqa: S608  constants
        *(scope.id, id_bytes(digest)),
    )
    return StoredArtifact(digest, row["size"], row["location"], row["content"]) if row else None


async def locations(connection: Connection, scope: TenantScope) -> frozenset[str]:
    """Every location a row of the tenant names."""
    rows = await connection.fetch("SELECT location FROM artifact WHERE tenant_id = $1 AND location <> ''", scope.id)
    return frozenset(row["location"] for row in rows)
