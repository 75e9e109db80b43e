"""Peers of a tenant: enrolled by operators, found by the key a message names, their nonces taken once."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from evidence_api.domain.errors import Conflict, NotFound
from evidence_api.domain.peers import MAX_BURST, Peer, PeerGrant, PinnedKey, PresentedKey
from evidence_api.domain.principal import ReadGrant, TenantScope
from evidence_api.formats.jwks import FederationKey
from evidence_api.store.session import Connection

_GRANT = (
    "g.id AS grant_id, g.documents, g.types, g.frameworks, g.releases, g.granted_from, g.granted_until, g.not_after, "
    "g.cost_rate"
)
# What is in the bucket at $3, by the rate and never more than a minute of it.
_LEVEL = (
    f"least({MAX_BURST}.0 * g.cost_rate, "
    "g.level + g.cost_rate * greatest(0, extract(epoch FROM $3::timestamptz - g.moved_at))::double precision)"
)


async def add(connection: Connection, scope: TenantScope, name: str, source: str, at: datetime) -> UUID:
    """Enrol one under a name of its own. Raises Conflict."""
    added = uuid4()
    try:
        await connection.execute(
            "INSERT INTO peer (tenant_id, id, name, source, created_at) VALUES ($1, $2, $3, $4, $5)",
            *(scope.id, added, name, source, at),
        )
    except asyncpg.UniqueViolationError as fault:
        raise Conflict(f"tenant {scope.name} has a peer {name!r} already: see `peer refresh`", name=name) from fault
    return added


async def pin(
    connection: Connection, scope: TenantScope, peer_id: UUID, keys: Iterable[FederationKey], at: datetime
) -> None:
    """Let these keys speak for the peer. One that was revoked may be pinned anew; one in force for another peer not:
    Conflict."""
    for key in keys:
        pinned = await connection.fetchval(
            "INSERT INTO peer_key AS k (tenant_id, key_id, peer_id, public, pinned_at) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT (tenant_id, key_id) DO UPDATE SET peer_id = excluded.peer_id, pinned_at = excluded.pinned_at, "
            "revoked_at = NULL "
            "WHERE k.peer_id = excluded.peer_id OR k.revoked_at IS NOT NULL "
            "OR EXISTS (SELECT FROM peer p WHERE p.tenant_id = k.tenant_id AND p.id = k.peer_id "
            "AND p.revoked_at IS NOT NULL) RETURNING key_id",
            *(scope.id, key.key_id, peer_id, key.public, at),
        )
        if pinned is None:
            raise Conflict(f"key {key.key_id} is another peer's", value=key.key_id)


async def put_grant(connection: Connection, scope: TenantScope, peer_id: UUID, grant: PeerGrant, at: datetime) -> None:
    """Grant it this, in place of what was granted before; its bucket begins full."""
    read = grant.reading
    await connection.execute(
        "INSERT INTO peer_grant (tenant_id, peer_id, id, documents, types, frameworks, releases, granted_from, "
        "granted_until, not_after, cost_rate, level, moved_at, granted_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) "
        "ON CONFLICT (tenant_id, peer_id) DO UPDATE SET id = excluded.id, documents = excluded.documents, "
        "types = excluded.types, frameworks = excluded.frameworks, releases = excluded.releases, "
        "granted_from = excluded.granted_from, granted_until = excluded.granted_until, "
        "not_after = excluded.not_after, cost_rate = excluded.cost_rate, level = excluded.level, "
        "moved_at = excluded.moved_at, granted_at = excluded.granted_at",
        *(scope.id, peer_id, read.id, sorted(read.documents), sorted(read.types), sorted(read.frameworks)),
        *(sorted(read.releases), read.since, read.until, read.not_after, grant.cost_rate),
        *(float(MAX_BURST * (grant.cost_rate or 0)), at),
    )


async def revoke(connection: Connection, scope: TenantScope, peer_id: UUID, at: datetime) -> None:
    """End it now; its name is free again."""
    await connection.execute(
        "UPDATE peer SET revoked_at = coalesce(revoked_at, $3) WHERE tenant_id = $1 AND id = $2",
        *(scope.id, peer_id, at),
    )


async def revoke_key(connection: Connection, scope: TenantScope, peer_id: UUID, key_id: str, at: datetime) -> None:
    """End one of its keys now. Raises NotFound."""
    found = await connection.fetchval(
        "UPDATE peer_key SET revoked_at = coalesce(revoked_at, $4) "
        "WHERE tenant_id = $1 AND peer_id = $2 AND key_id = $3 RETURNING key_id",
        *(scope.id, peer_id, key_id, at),
    )
    if found is None:
        raise NotFound(f"the peer has no key {key_id[:80]!r}")


async def every(connection: Connection, scope: TenantScope) -> tuple[Peer, ...]:
    """All of the tenant's, by name, those in force before those that ended."""
    rows = await connection.fetch(
        f"SELECT p.id, p.name, p.source, p.created_at, p.revoked_at, {_GRANT} FROM peer p "  # noqa: S608  constant columns
        "LEFT JOIN peer_grant g ON g.tenant_id = p.tenant_id AND g.peer_id = p.id "
        "WHERE p.tenant_id = $1 ORDER BY p.name, p.revoked_at DESC NULLS FIRST",
        scope.id,
    )
    keys = await connection.fetch(
        "SELECT peer_id, key_id, public, pinned_at, revoked_at FROM peer_key WHERE tenant_id = $1 "
        "ORDER BY pinned_at, key_id",
        scope.id,
    )
    return tuple(_peer(row, [key for key in keys if key["peer_id"] == row["id"]]) for row in rows)


async def named(connection: Connection, scope: TenantScope, name: str) -> Peer:
    """The peer in force of that name. Raises NotFound."""
    for peer in await every(connection, scope):
        if peer.name == name and peer.revoked is None:
            return peer
    raise NotFound(f"tenant {scope.name} has no peer {name[:80]!r}")


async def presented(connection: Connection, scope: TenantScope, key_id: str, at: datetime) -> PresentedKey | None:
    """Whose key it is, revoked or not; None: nobody's."""
    row = await connection.fetchrow(
        "SELECT p.id AS peer_id, p.name, k.public, k.revoked_at IS NOT NULL OR p.revoked_at IS NOT NULL AS revoked, "  # noqa: S608  constant columns
        f"{_GRANT}, greatest(0, -({_LEVEL})) / g.cost_rate AS in_debt "
        "FROM peer_key k JOIN peer p ON p.tenant_id = k.tenant_id AND p.id = k.peer_id "
        "LEFT JOIN peer_grant g ON g.tenant_id = p.tenant_id AND g.peer_id = p.id "
        "WHERE k.tenant_id = $1 AND k.key_id = $2",
        *(scope.id, key_id, at),
    )
    if row is None:
        return None
    return PresentedKey(
        peer_id=row["peer_id"],
        peer=row["name"],
        public=row["public"],
        revoked=row["revoked"],
        grant=_grant(row),
        in_debt=row["in_debt"] or 0.0,
    )


async def take_nonce(connection: Connection, scope: TenantScope, key_id: str, nonce: str, expires: datetime) -> bool:
    """Whether it was this call that used it up. Of several at once exactly one did; the others wait for its end."""
    taken = await connection.fetchval(
        "INSERT INTO peer_nonce (tenant_id, key_id, nonce, expires_at) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT DO NOTHING RETURNING true",
        *(scope.id, key_id, nonce, expires),
    )
    return bool(taken)


async def sweep_nonces(connection: Connection, scope: TenantScope, before: datetime) -> int:
    """Forget nonces of signatures that expired before that; how many."""
    done = await connection.execute("DELETE FROM peer_nonce WHERE tenant_id = $1 AND expires_at < $2", scope.id, before)
    return int(done.rpartition(" ")[2])


async def charge(connection: Connection, scope: TenantScope, peer_id: UUID, at: datetime, cost: int) -> None:
    """Take what a question came to from the peer's own bucket, which it may leave in debt."""
    await connection.execute(
        f"UPDATE peer_grant g SET level = {_LEVEL} - $4, moved_at = greatest($3, g.moved_at) "  # noqa: S608  constant columns
        "WHERE g.tenant_id = $1 AND g.peer_id = $2 AND g.cost_rate IS NOT NULL",
        *(scope.id, peer_id, at, float(cost)),
    )


def _peer(row: asyncpg.Record, keys: Iterable[asyncpg.Record]) -> Peer:
    return Peer(
        id=row["id"],
        name=row["name"],
        source=row["source"],
        created=row["created_at"],
        revoked=row["revoked_at"],
        keys=tuple(PinnedKey(key["key_id"], key["public"], key["pinned_at"], key["revoked_at"]) for key in keys),
        grant=_grant(row),
    )


def _grant(row: asyncpg.Record) -> PeerGrant | None:
    if row["grant_id"] is None:
        return None
    reading = ReadGrant(
        id=row["grant_id"],
        frameworks=frozenset(row["frameworks"]),
        releases=frozenset(row["releases"]),
        since=row["granted_from"],
        until=row["granted_until"],
        not_after=row["not_after"],
        documents=frozenset(row["documents"]),
        types=frozenset(row["types"]),
    )
    return PeerGrant(reading, row["cost_rate"])
