"""API tokens: their hashes, found before the tenant is known (upload tokens too); the text itself never comes here."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from evidence_api.domain.errors import NotFound
from evidence_api.domain.principal import Principal, ReadGrant, TenantScope
from evidence_api.domain.registry import RegisteredToken
from evidence_api.store import upload_tokens
from evidence_api.store.session import Connection, Database

AUDITOR = "auditor"  # the kind of a principal, and the role of a token, that reads within a grant
TOKEN = "token"  # noqa: S105  a kind, not a secret

_GRANTED = "role, granted_frameworks, granted_releases, granted_from, granted_until, expires_at"
_COLUMNS = f"id, name, rights, created_at, revoked_at, last_used_at, {_GRANTED}"


async def add(  # noqa: PLR0913  one argument per column
    connection: Connection,
    scope: TenantScope,
    *,
    token_hash: bytes,
    name: str,
    rights: Iterable[str],
    at: datetime,
    expires: datetime | None = None,
    grant: ReadGrant | None = None,
) -> RegisteredToken:
    """Register a token by the SHA-256 of its text; with a grant it is an auditor's, of the grant's id and end. Raises
    Conflict if that token exists, or an auditor's has no end."""
    limits = grant or ReadGrant(uuid4(), not_after=expires)
    row = await connection.fetchrow(
        f"INSERT INTO api_token (tenant_id, id, hash, name, rights, created_at, {_GRANTED}) "  # noqa: S608  constant columns
        f"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING {_COLUMNS}",
        *(scope.id, limits.id, token_hash, name, sorted(set(rights)), at, TOKEN if grant is None else AUDITOR),
        *(sorted(limits.frameworks), sorted(limits.releases), limits.since, limits.until, limits.not_after),
    )
    if row is None:
        raise NotFound("the token was not stored")
    return _token(row)


async def find_by_hash(database: Database, token_hash: bytes, at: datetime) -> Principal | None:
    """Who presents this token, or None: unknown, expired and revoked look alike. Whether an auditor's grant still
    lasts is for policy to say, which gives the reason."""
    async with database.presenting(token_hash) as connection:
        row = await connection.fetchrow(
            f"SELECT k.id, k.rights, t.id AS tenant_id, t.name AS tenant, {_GRANTED} "  # noqa: S608  constant columns
            "FROM api_token k JOIN tenant t ON t.id = k.tenant_id WHERE k.hash = $1 AND k.revoked_at IS NULL "
            "AND (k.expires_at IS NULL OR k.expires_at > $2 OR k.role = $3)",
            *(token_hash, at, AUDITOR),
        )
        if row is None:
            return await upload_tokens.presented(connection, token_hash, at)
    scope = TenantScope(id=row["tenant_id"], name=row["tenant"])
    return Principal(row["role"], str(row["id"]), scope, frozenset(row["rights"]), grant=_grant(row))


async def mark_used(connection: Connection, scope: TenantScope, token_id: UUID, at: datetime) -> None:
    """Keep that an API token was used, by the hour."""
    await connection.execute(
        "UPDATE api_token SET last_used_at = date_trunc('hour', $3::timestamptz) WHERE tenant_id = $1 AND id = $2 "
        "AND coalesce(last_used_at < date_trunc('hour', $3::timestamptz), true)",
        *(scope.id, token_id, at),
    )


async def revoke(connection: Connection, scope: TenantScope, token_id: UUID, at: datetime) -> None:
    """End a token now; one that has ended stays as it is. Raises NotFound."""
    found = await connection.fetchval(
        "UPDATE api_token SET revoked_at = coalesce(revoked_at, $3) WHERE tenant_id = $1 AND id = $2 RETURNING id",
        *(scope.id, token_id, at),
    )
    if found is None:
        raise NotFound(f"no token {token_id}")


async def every(connection: Connection, scope: TenantScope) -> tuple[RegisteredToken, ...]:
    """All tokens of the tenant, newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM api_token WHERE tenant_id = $1 ORDER BY created_at DESC, id",  # noqa: S608  constant columns
        scope.id,
    )
    return tuple(map(_token, rows))


def _token(row: asyncpg.Record) -> RegisteredToken:
    return RegisteredToken(
        id=row["id"],
        name=row["name"],
        rights=frozenset(row["rights"]),
        created=row["created_at"],
        expires=row["expires_at"],
        revoked=row["revoked_at"],
        last_used=row["last_used_at"],
        grant=_grant(row),
    )


def _grant(row: asyncpg.Record) -> ReadGrant | None:
    if row["role"] != AUDITOR:
        return None
    return ReadGrant(
        id=UUID(bytes=row["id"].bytes),
        frameworks=frozenset(row["granted_frameworks"]),
        releases=frozenset(row["granted_releases"]),
        since=row["granted_from"],
        until=row["granted_until"],
        not_after=row["expires_at"],
    )
