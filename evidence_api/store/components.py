"""The index of components: SBOMs waiting for it, what is written into it, and who has a package.

The work of one SBOM, outside the append: it is taken for a while (`claim`), its components are upserted in several
transactions (`add`), and one last transaction links them and says it is done (`finish`).

Commit points: a crash before `finish` leaves at most rows that nothing refers to, and the SBOM free again when its
lease has run out; the same rows are then found there. Every writer takes rows in the order of their ids, so writers
wait for each other at most once; what still deadlocks or fails to serialise is tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from evidence_api.domain.component import IndexedComponent
from evidence_api.domain.errors import Contended
from evidence_api.domain.principal import TenantScope
from evidence_api.store.rows import id_text
from evidence_api.store.session import Connection, Database

LEASE = timedelta(seconds=60)
BATCH = 5_000  # rows of one statement
_ATTEMPTS = 8
_PAUSE = 0.01  # seconds before the second attempt; doubles

# Leaves become visible in their order (the head's lock is held until the commit), so nothing below the newest SBOM seen
# can still arrive.
_ENLIST = """
INSERT INTO sbom_index (tenant_id, leaf_index, code)
  SELECT e.tenant_id, e.leaf_index, '' FROM evidence e
  WHERE e.tenant_id = $1 AND e.kind = 'sbom'
    AND e.leaf_index > (SELECT coalesce(max(i.leaf_index), -1) FROM sbom_index i WHERE i.tenant_id = $1)
  ORDER BY e.leaf_index
  ON CONFLICT DO NOTHING
"""
_CLAIM = """
WITH chosen AS MATERIALIZED (
  SELECT leaf_index FROM sbom_index
  WHERE tenant_id = $1 AND components IS NULL AND (claimed_until IS NULL OR claimed_until <= $2)
  ORDER BY leaf_index LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE sbom_index SET claimed_until = $3
FROM chosen JOIN evidence e ON e.tenant_id = $1 AND e.leaf_index = chosen.leaf_index
WHERE sbom_index.tenant_id = $1 AND sbom_index.leaf_index = chosen.leaf_index
RETURNING e.leaf_index, e.body_digest, e.body_size, e.predicate_type
"""
_ADD = """
INSERT INTO component (tenant_id, id, package, version, name, purl, supplier, licence, hashes)
  SELECT $1, id, package, version, name, purl, supplier, licence, string_to_array(hashes, ' ')
  FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
    AS given (id, package, version, name, purl, supplier, licence, hashes)
  ORDER BY id
  ON CONFLICT DO NOTHING
"""
_LINK = """
INSERT INTO sbom_component (tenant_id, component_id, leaf_index)
  SELECT $1, id, $3 FROM unnest($2::uuid[]) AS given (id) ORDER BY id ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class WaitingSbom:
    """An SBOM this worker has taken: its place in the log and its body."""

    leaf_index: int
    body_digest: str
    body_size: int
    predicate_type: str


async def claim(
    connection: Connection, scope: TenantScope, at: datetime, lease: timedelta = LEASE
) -> WaitingSbom | None:
    """Take the SBOM that has waited longest, for nobody else while the lease runs; None: the index has all."""
    await connection.execute(_ENLIST, scope.id)
    row = await connection.fetchrow(_CLAIM, *(scope.id, at, at + lease))
    if row is None:
        return None
    return WaitingSbom(
        leaf_index=row["leaf_index"],
        body_digest=id_text(row["body_digest"]),
        body_size=row["body_size"],
        predicate_type=row["predicate_type"],
    )


async def add(database: Database, scope: TenantScope, components: Sequence[IndexedComponent]) -> None:
    """Upsert components, sorted by id, each batch in a transaction of its own."""
    for start in range(0, len(components), BATCH):
        batch = components[start : start + BATCH]

        async def upsert(batch: Sequence[IndexedComponent] = batch) -> None:
            async with database.tenant(scope) as connection:
                await connection.execute(_ADD, scope.id, *_columns(batch))

        await contended(upsert)


async def finish(
    database: Database, scope: TenantScope, leaf_index: int, components: Sequence[UUID], code: str = ""
) -> None:
    """Link the SBOM at that leaf with its components, sorted, and take it off the list: both, or neither.

    `code` says why it has none.
    """

    async def link() -> None:
        async with database.tenant(scope) as connection:
            for start in range(0, len(components), BATCH):
                await connection.execute(_LINK, *(scope.id, components[start : start + BATCH], leaf_index))
            await connection.execute(
                "UPDATE sbom_index SET components = $3, code = $4, claimed_until = NULL "
                "WHERE tenant_id = $1 AND leaf_index = $2",
                *(scope.id, leaf_index, len(components), code),
            )

    await contended(link)


async def waiting(connection: Connection, scope: TenantScope) -> int:
    """How many SBOMs of the log are not in the index yet."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM evidence e WHERE e.tenant_id = $1 AND e.kind = 'sbom' AND NOT EXISTS (SELECT "
        "FROM sbom_index i WHERE i.tenant_id = $1 AND i.leaf_index = e.leaf_index AND i.components IS NOT NULL)",
        scope.id,
    )
    return count


async def contended(work: Callable[[], Awaitable[None]]) -> None:
    """Do idempotent work in transactions of its own, again where PostgreSQL ended it for another's sake.

    Raises StoreUnavailable, after eight attempts that one too.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return await work()
        except Contended:  # 40P01, 40001
            if attempt == _ATTEMPTS - 1:
                raise
        await asyncio.sleep(_PAUSE * 2**attempt)
    return None


def _columns(batch: Sequence[IndexedComponent]) -> tuple[list[UUID] | list[str], ...]:
    return (
        [one.id for one in batch],
        [one.package for one in batch],
        [one.version for one in batch],
        [one.name for one in batch],
        [one.purl for one in batch],
        [one.supplier for one in batch],
        [one.licence for one in batch],
        [" ".join(one.hashes) for one in batch],  # no hash has a space
    )
