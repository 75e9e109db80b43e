"""Persisted documents: the GraphQL texts a tenant registered, by digest."""

import asyncpg

from evidence_api.domain.persisted_document import PersistedDocument
from evidence_api.domain.principal import TenantScope
from evidence_api.store.session import Connection

_COLUMNS = "digest, text, name, registered_by, registered_at"


async def add(connection: Connection, scope: TenantScope, document: PersistedDocument) -> bool:
    """Keep it; False if that text is there already, which then stays as it was registered."""
    status = await connection.execute(
        f"INSERT INTO persisted_document (tenant_id, {_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6) "  # noqa: S608  constant columns
        "ON CONFLICT DO NOTHING",
        *(scope.id, _bytes(document.digest), document.text, document.name),
        *(document.registered_by, document.registered_at),
    )
    return status == "INSERT 0 1"


async def count(connection: Connection, scope: TenantScope) -> int:
    """How many the tenant has."""
    return int(await connection.fetchval("SELECT count(*) FROM persisted_document WHERE tenant_id = $1", scope.id))


async def get(connection: Connection, scope: TenantScope, digest: str) -> PersistedDocument | None:
    """The document of that digest."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM persisted_document WHERE tenant_id = $1 AND digest = $2",  # noqa: S608  constant columns
        *(scope.id, _bytes(digest)),
    )
    return None if row is None else _document(row)


async def every(connection: Connection, scope: TenantScope) -> tuple[PersistedDocument, ...]:
    """All of the tenant's, newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM persisted_document WHERE tenant_id = $1 ORDER BY registered_at DESC, digest",  # noqa: S608  constant columns
        scope.id,
    )
    return tuple(map(_document, rows))


async def remove(connection: Connection, scope: TenantScope, digest: str) -> bool:
    """Take it out; whether it was there."""
    status = await connection.execute(
        "DELETE FROM persisted_document WHERE tenant_id = $1 AND digest = $2", scope.id, _bytes(digest)
    )
    return status != "DELETE 0"


def _bytes(digest: str) -> bytes:
    return bytes.fromhex(digest.removeprefix("sha256:"))


def _document(row: asyncpg.Record) -> PersistedDocument:
    return PersistedDocument(
        digest=f"sha256:{row['digest'].hex()}",
        text=row["text"],
        name=row["name"],
        registered_by=row["registered_by"],
        registered_at=row["registered_at"],
    )
