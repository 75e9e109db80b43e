"""Releases: product versions stated by verified evidence, found by what people call them."""

from collections.abc import Iterable

from evidence_api.domain.errors import NotFound
from evidence_api.domain.evidence import Release
from evidence_api.domain.ownership import MAX_STEPS
from evidence_api.domain.principal import TenantScope
from evidence_api.store.rows import RELEASE, id_bytes, release_of
from evidence_api.store.session import Connection

_AFFECTED = f"""
WITH RECURSIVE reach (digest, step) AS (
  SELECT digest, 0 FROM unnest($2::text[]) AS given (digest)
  UNION
  SELECT l.subject, reach.step + 1 FROM reach JOIN source_link l ON l.tenant_id = $1 AND l.source = reach.digest
    WHERE reach.step < {MAX_STEPS}
)
SELECT {RELEASE} FROM release r WHERE r.tenant_id = $1 AND r.id IN (
  SELECT o.release_id FROM reach JOIN release_subject o ON o.tenant_id = $1 AND o.digest = reach.digest)
ORDER BY r.leaf_index
"""  # noqa: S608  constant columns


async def get(connection: Connection, scope: TenantScope, release_id: str) -> Release:
    """The release of that evidence id. Raises NotFound, Malformed."""
    row = await connection.fetchrow(
        f"SELECT {RELEASE} FROM release r WHERE r.tenant_id = $1 AND r.id = $2",  # noqa: S608  constant columns
        *(scope.id, id_bytes(release_id)),
    )
    if row is None:
        raise NotFound(f"no release {release_id}")
    return release_of(row)


async def find(connection: Connection, scope: TenantScope, reference: str, tree_size: int | None = None) -> Release:
    """The newest release called `name`, `name@version` or by its evidence id, among the first `tree_size` leaves.

    Raises NotFound.
    """
    row = await connection.fetchrow(
        f"SELECT {RELEASE} FROM release r WHERE r.tenant_id = $1 AND r.leaf_index < $2 "  # noqa: S608  constant columns
        "AND (r.name = $3 OR r.name || '@' || r.version = $3 OR 'sha256:' || encode(r.id, 'hex') = $3) "
        "ORDER BY r.leaf_index DESC LIMIT 1",
        *(scope.id, 2**62 if tree_size is None else tree_size, reference.replace("\0", "")),
    )
    if row is None:
        raise NotFound(f"no release {reference[:200]!r}")
    return release_of(row)


async def every(
    connection: Connection, scope: TenantScope, *, after: int = -1, limit: int = 100, tree_size: int | None = None
) -> tuple[Release, ...]:
    """Releases in log order whose leaf index is over `after`."""
    rows = await connection.fetch(
        f"SELECT {RELEASE} FROM release r WHERE r.tenant_id = $1 AND r.leaf_index > $2 AND r.leaf_index < $3 "  # noqa: S608  constant columns
        "ORDER BY r.leaf_index LIMIT $4",
        *(scope.id, after, 2**62 if tree_size is None else tree_size, limit),
    )
    return tuple(map(release_of, rows))


async def count(connection: Connection, scope: TenantScope) -> int:
    """How many releases the tenant has."""
    counted: int = await connection.fetchval("SELECT count(*) FROM release WHERE tenant_id = $1", scope.id)
    return counted


async def affected(connection: Connection, scope: TenantScope, digests: Iterable[str]) -> tuple[Release, ...]:
    """The releases that own evidence about any of these digests, directly or by at most three provenance links."""
    rows = await connection.fetch(_AFFECTED, *(scope.id, list(digests)))
    return tuple(map(release_of, rows))
