"""Envelopes by git object id, the name Archivista's clients know them by: registered as they are asked for."""

from collections.abc import Sequence

import asyncpg

from evidence_api.domain.gitoid import Named, Search
from evidence_api.domain.principal import TenantScope
from evidence_api.formats.dsse import MEDIA_TYPE
from evidence_api.store.compression import decoded, encoded
from evidence_api.store.session import Connection


async def lock_progress(connection: Connection, scope: TenantScope) -> int:
    """The first leaf that may lack its gitoid; nobody else registers until the transaction ends."""
    await connection.execute("INSERT INTO gitoid_progress VALUES ($1, 0) ON CONFLICT DO NOTHING", scope.id)
    next_leaf: int = await connection.fetchval(
        "SELECT next_leaf FROM gitoid_progress WHERE tenant_id = $1 FOR UPDATE", scope.id
    )
    return next_leaf


async def bodies_from(
    connection: Connection, scope: TenantScope, leaf_index: int, count: int
) -> list[tuple[int, bytes, bytes | None]]:
    """The next leaves with the digest and the bytes of what was received (None: no bare envelope, or erased)."""
    rows = await connection.fetch(
        "SELECT e.leaf_index, e.body_digest, b.size, b.encoding, b.content FROM evidence e "
        "LEFT JOIN body b ON b.tenant_id = e.tenant_id AND b.digest = e.body_digest AND e.media_type = $4 "
        "WHERE e.tenant_id = $1 AND e.leaf_index >= $2 ORDER BY e.leaf_index LIMIT $3",
        *(scope.id, leaf_index, count, MEDIA_TYPE),
    )
    return [(row["leaf_index"], row["body_digest"], _content(row)) for row in rows]


async def register(connection: Connection, scope: TenantScope, names: Sequence[Named]) -> None:
    """Keep the names; those that are known stay as they are."""
    await connection.executemany(
        "INSERT INTO envelope_gitoid (tenant_id, gitoid, leaf_index, body_digest, collection, attestations) "
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        [
            (scope.id, bytes.fromhex(one.gitoid), one.leaf_index, one.body_digest, one.collection, one.attestations)
            for one in names
        ],
    )


async def advance(connection: Connection, scope: TenantScope, next_leaf: int) -> None:
    """Say how far the names go."""
    await connection.execute("UPDATE gitoid_progress SET next_leaf = $2 WHERE tenant_id = $1", scope.id, next_leaf)


async def keep_body(connection: Connection, scope: TenantScope, digest: bytes, body: bytes) -> None:
    """Keep another spelling of an envelope the log has, so that its bytes come back under its own gitoid."""
    encoding, content = encoded(body)
    await connection.execute(
        "INSERT INTO body (tenant_id, digest, size, encoding, content) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT DO NOTHING",
        *(scope.id, digest, len(body), encoding, content),
    )


async def body(connection: Connection, scope: TenantScope, gitoid: str) -> bytes | None:
    """The bytes of that gitoid; None when there are none (any more)."""
    row = await connection.fetchrow(
        "SELECT g.body_digest, b.size, b.encoding, b.content FROM envelope_gitoid g "
        "JOIN body b ON b.tenant_id = g.tenant_id AND b.digest = g.body_digest "
        "WHERE g.tenant_id = $1 AND g.gitoid = $2",
        *(scope.id, bytes.fromhex(gitoid)),
    )
    return _content(row) if row else None


async def search(connection: Connection, scope: TenantScope, asked: Search, limit: int) -> tuple[Named, ...]:
    """At most `limit` of what was asked for, oldest first."""
    rows = await connection.fetch(
        "SELECT g.gitoid, g.leaf_index, g.body_digest, g.collection, g.attestations, e.predicate_type "
        "FROM envelope_gitoid g JOIN evidence e ON e.tenant_id = g.tenant_id AND e.leaf_index = g.leaf_index "
        "WHERE g.tenant_id = $1 AND (cardinality($2::text[]) = 0 OR EXISTS (SELECT FROM evidence_subject s "
        "WHERE s.tenant_id = $1 AND s.leaf_index = g.leaf_index AND s.digest = ANY ($2))) "
        "AND ($3::text IS NULL OR g.collection = $3) AND (cardinality($4::text[]) = 0 OR g.attestations && $4) "
        "AND (cardinality($5::bytea[]) = 0 OR g.gitoid = ANY ($5)) AND NOT g.gitoid = ANY ($6::bytea[]) "
        "ORDER BY g.leaf_index, g.gitoid LIMIT $7",
        *(scope.id, list(asked.digests), asked.collection, list(asked.attestations)),
        *(list(map(bytes.fromhex, asked.gitoids)), list(map(bytes.fromhex, asked.without)), limit),
    )
    return tuple(
        Named(
            gitoid=row["gitoid"].hex(),
            leaf_index=row["leaf_index"],
            body_digest=row["body_digest"],
            collection=row["collection"],
            attestations=tuple(row["attestations"]),
            predicate_type=row["predicate_type"],
        )
        for row in rows
    )


async def subjects(
    connection: Connection, scope: TenantScope, gitoids: Sequence[str], limit: int
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The subjects of those envelopes: name, and digests as "algorithm:hex"."""
    rows = await connection.fetch(
        "SELECT s.name, array_agg(s.digest ORDER BY s.digest) AS digests FROM envelope_gitoid g "
        "JOIN evidence_subject s ON s.tenant_id = g.tenant_id AND s.leaf_index = g.leaf_index "
        "WHERE g.tenant_id = $1 AND g.gitoid = ANY ($2::bytea[]) "
        "GROUP BY s.leaf_index, s.position, s.name ORDER BY s.leaf_index, s.position LIMIT $3",
        *(scope.id, [bytes.fromhex(one) for one in gitoids], limit),
    )
    return tuple((row["name"], tuple(row["digests"])) for row in rows)


def _content(row: asyncpg.Record) -> bytes | None:
    if row["content"] is None:
        return None
    return decoded(row["encoding"], row["content"], row["size"], row["body_digest"])
