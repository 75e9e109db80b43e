"""Stored evidence as domain objects: one record, what a release owns at a tree size, the exact bytes received."""

from collections.abc import Sequence

from evidence_api.domain.errors import NotFound
from evidence_api.domain.evidence import Evidence
from evidence_api.domain.principal import TenantScope
from evidence_api.store.compression import decoded
from evidence_api.store.owning import with_owned
from evidence_api.store.rows import EVIDENCE, evidence_of, id_bytes, id_text
from evidence_api.store.session import Connection

_OWNED = f"""
{with_owned("$2", "$3")}
SELECT {EVIDENCE} FROM owned JOIN evidence e ON e.tenant_id = $1 AND e.leaf_index = owned.leaf_index
ORDER BY e.leaf_index
"""  # noqa: S608  constant columns

_BUILT_FROM = f"""
SELECT {EVIDENCE} FROM evidence e WHERE e.tenant_id = $1 AND e.leaf_index IN (
  SELECT l.leaf_index FROM source_link l WHERE l.tenant_id = $1 AND l.source = ANY ($2::text[]) AND l.leaf_index < $3)
ORDER BY e.leaf_index LIMIT 200
"""  # noqa: S608  constant columns


async def get(connection: Connection, scope: TenantScope, evidence_id: str) -> Evidence:
    """The record of that id. Raises NotFound, Malformed."""
    row = await connection.fetchrow(
        f"SELECT {EVIDENCE} FROM evidence e WHERE e.tenant_id = $1 AND e.id = $2",  # noqa: S608  constant columns
        *(scope.id, id_bytes(evidence_id)),
    )
    if row is None:
        raise NotFound(f"no evidence {evidence_id}")
    return evidence_of(row)


async def leaf_index(connection: Connection, scope: TenantScope, evidence_id: str) -> int:
    """Where in the log a record is. Raises NotFound, Malformed."""
    found: int | None = await connection.fetchval(
        "SELECT leaf_index FROM evidence WHERE tenant_id = $1 AND id = $2", *(scope.id, id_bytes(evidence_id))
    )
    if found is None:
        raise NotFound(f"no evidence {evidence_id}")
    return found


async def owned(connection: Connection, scope: TenantScope, release_id: str, tree_size: int) -> tuple[Evidence, ...]:
    """The evidence a release owns among the first `tree_size` leaves, in leaf order, whatever its verification says."""
    rows = await connection.fetch(_OWNED, *(scope.id, id_bytes(release_id), tree_size))
    return tuple(map(evidence_of, rows))


async def built_from(
    connection: Connection, scope: TenantScope, sources: Sequence[str], tree_size: int
) -> tuple[Evidence, ...]:
    """Verified provenance of anything built from one of these digests, in leaf order; at most two hundred."""
    rows = await connection.fetch(_BUILT_FROM, *(scope.id, list(sources), tree_size))
    return tuple(map(evidence_of, rows))


async def about(
    connection: Connection, scope: TenantScope, digest: str, kinds: Sequence[str], limit: int
) -> tuple[Evidence, ...]:
    """Verified evidence of these kinds about one digest ("algorithm:hex"), newest first. What anybody may upload
    unsigned is left out, or it could crowd out the rest."""
    rows = await connection.fetch(
        f"SELECT {EVIDENCE} FROM evidence_subject s "  # noqa: S608  constant columns
        "JOIN evidence e ON e.tenant_id = $1 AND e.leaf_index = s.leaf_index "
        "WHERE s.tenant_id = $1 AND s.digest = $2 AND e.kind = ANY ($3::text[]) AND e.status = 'verified' "
        "ORDER BY s.leaf_index DESC LIMIT $4",
        *(scope.id, digest, list(kinds), limit),
    )
    return tuple(map(evidence_of, rows))


async def body(connection: Connection, scope: TenantScope, digest: str) -> bytes:
    """The bytes received, by their digest, checked against it.

    Raises NotFound (never stored, or erased), VerificationFailed "stored_bytes".
    """
    found = await bodies(connection, scope, [digest])
    if digest not in found:
        raise NotFound(f"no body {digest}")
    return found[digest]


async def bodies(connection: Connection, scope: TenantScope, digests: Sequence[str]) -> dict[str, bytes]:
    """Bodies by digest, each checked; erased ones are left out. Raises VerificationFailed "stored_bytes"."""
    rows = await connection.fetch(
        "SELECT digest, size, encoding, content FROM body "
        "WHERE tenant_id = $1 AND digest = ANY ($2::bytea[]) AND content IS NOT NULL",
        *(scope.id, [id_bytes(digest) for digest in digests]),
    )
    return {
        id_text(row["digest"]): decoded(row["encoding"], row["content"], row["size"], row["digest"]) for row in rows
    }
