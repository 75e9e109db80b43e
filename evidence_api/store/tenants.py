"""Tenants: the operator's directory, and the empty log each begins with. Rows in, TenantScope out."""

import re
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid4

from evidence_api.domain.errors import Conflict, Malformed, NotFound
from evidence_api.domain.principal import TenantScope
from evidence_api.store.session import Connection, Database

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_EMPTY_ROOT = sha256(b"").digest()  # RFC 9162 section 2.1.1


async def create(database: Database, name: str, *, origin: str, checkpoint: str, at: datetime) -> TenantScope:
    """Add a tenant and its log of size 0, as the owner. `origin` is the log's origin line (`<host>/<tenant>`),
    `checkpoint` the signed note of the empty tree. Raises Malformed, Conflict (the name is taken).

    Commit point: tenant and log head together; a crash before leaves neither.
    """
    if not _NAME.match(name):
        raise Malformed(f"not a tenant name (a-z, 0-9 and -, at most 63): {name[:80]!r}", path="name")
    scope = TenantScope(id=uuid4(), name=name)
    try:
        async with database.operator(scope) as connection:
            await connection.execute(
                "INSERT INTO tenant (id, name, created_at) VALUES ($1, $2, $3)", scope.id, name, at
            )
            await connection.execute(
                "INSERT INTO log_head (tenant_id, origin, tree_size, root, frontier, checkpoint, updated_at) "
                "VALUES ($1, $2, 0, $3, '', $4, $5)",
                *(scope.id, origin, _EMPTY_ROOT, checkpoint, at),
            )
    except Conflict as fault:
        raise Conflict(f"there is a tenant {name!r} or a log {origin!r} already", name=name) from fault
    return scope


async def by_name(database: Database, name: str) -> TenantScope:
    """The tenant of that name. Raises NotFound."""
    async with database.anonymous() as connection:
        found: UUID | None = await connection.fetchval("SELECT id FROM tenant WHERE name = $1", name)
    if found is None:
        raise NotFound(f"no tenant {name[:80]!r}")
    return TenantScope(id=found, name=name)


async def get(connection: Connection, tenant_id: UUID) -> TenantScope:
    """The tenant of that id. Raises NotFound."""
    name: str | None = await connection.fetchval("SELECT name FROM tenant WHERE id = $1", tenant_id)
    if name is None:
        raise NotFound(f"no tenant {tenant_id}")
    return TenantScope(id=tenant_id, name=name)


async def every(database: Database) -> tuple[TenantScope, ...]:
    """All tenants, by name."""
    async with database.anonymous() as connection:
        rows = await connection.fetch("SELECT id, name FROM tenant ORDER BY name")
    return tuple(TenantScope(id=row["id"], name=row["name"]) for row in rows)
