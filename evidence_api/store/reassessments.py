"""Assessing all of a tenant's releases again: which are due because the catalog or a policy changed, and how far it is.

Which releases: all that a tenant has, also those a later version of the same product has superseded. An auditor asks
about the release that was in use in the period, not about the newest, and a release whose verdicts were made under
another catalog than its neighbour's cannot be compared with it. A superseded one costs as much as any other, once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from evidence_api.domain.principal import TenantScope
from evidence_api.store.due import CATALOG
from evidence_api.store.rows import id_bytes
from evidence_api.store.session import Connection

# In log order, so that an earlier release, which may be the baseline of a later one, is assessed before it.
_OWE = """
INSERT INTO due (tenant_id, release_id, kind, leaf_index, background)
  SELECT r.tenant_id, r.id, $2, r.leaf_index, true
  FROM release r LEFT JOIN LATERAL (
    SELECT a.catalog_digest, a.policy_digest FROM assessment a
    WHERE a.tenant_id = r.tenant_id AND a.release_id = r.id
    ORDER BY a.tree_size DESC, a.evaluated_at DESC, a.id DESC LIMIT 1
  ) AS newest ON true
  WHERE r.tenant_id = $1 AND (newest.catalog_digest, newest.policy_digest) IS DISTINCT FROM ($3, $4)
  ORDER BY r.id
  ON CONFLICT DO NOTHING
"""
# Who started last decides by which rules all releases are assessed; a server with others leaves these rows alone.
_SUPERSEDE = f"""
WITH late AS (
  SELECT d.release_id, d.kind FROM due d
  WHERE d.tenant_id = $1 AND d.background AND split_part(d.kind, '@', 1) = '{CATALOG}' AND d.kind <> $2
  ORDER BY d.release_id, d.kind FOR UPDATE
), gone AS (
  DELETE FROM due USING late
  WHERE due.tenant_id = $1 AND due.release_id = late.release_id AND due.kind = late.kind RETURNING due.kind
), counted AS (SELECT kind, count(*) AS number FROM gone GROUP BY kind)
UPDATE reassessment r SET releases = greatest(0, r.releases - counted.number) FROM counted
WHERE r.tenant_id = $1 AND r.cause = counted.kind
"""  # noqa: S608  constant words
_OVERTAKEN = """
INSERT INTO due (tenant_id, release_id, kind, leaf_index, background)
  SELECT $1, given.id, newest.cause, given.tree_size - 1, true
  FROM unnest($2::bytea[], $3::bigint[]) AS given (id, tree_size), (
    SELECT cause, begun_at FROM reassessment WHERE tenant_id = $1 ORDER BY begun_at DESC, cause LIMIT 1) AS newest
  WHERE newest.cause <> $4 AND newest.begun_at > $5
  ORDER BY given.id
  ON CONFLICT (tenant_id, release_id, kind) DO UPDATE SET leaf_index = excluded.leaf_index
"""
_BEGIN = """
INSERT INTO reassessment AS r (tenant_id, cause, catalog_digest, policy_digest, controls, releases, begun_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (tenant_id, cause) DO UPDATE SET finished_at = NULL,
    releases = CASE WHEN r.finished_at IS NULL THEN r.releases ELSE 0 END + excluded.releases,
    begun_at = CASE WHEN r.finished_at IS NULL THEN r.begun_at ELSE excluded.begun_at END
"""
_FINISH = """
UPDATE reassessment r SET finished_at = $2 WHERE r.tenant_id = $1 AND r.finished_at IS NULL
  AND NOT EXISTS (SELECT FROM due d WHERE d.tenant_id = $1 AND d.background AND d.kind = r.cause)
RETURNING cause
"""
_PROGRESS = """
SELECT r.cause, r.catalog_digest, r.policy_digest, r.controls, r.releases, r.begun_at, r.finished_at,
  (SELECT count(*) FROM due d WHERE d.tenant_id = $1 AND d.background AND d.kind = r.cause) AS waiting
FROM reassessment r WHERE r.tenant_id = $1 ORDER BY r.begun_at DESC, r.cause LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a tenant's releases are assessed again under one catalog and policy bundle."""

    cause: str
    catalog_digest: str
    policy_digest: str
    controls: int
    releases: int
    done: int
    begun_at: datetime
    finished_at: datetime | None

    def rate(self, now: datetime) -> float:
        """Verdicts a second, since it began."""
        seconds = ((self.finished_at or now) - self.begun_at).total_seconds()
        return self.done * self.controls / seconds if seconds > 0 else 0.0


def cause_of(policy_digest: str) -> str:
    """The kind of the due rows of a change to this policy bundle, which the catalog's Rego is part of."""
    return f"{CATALOG}@{policy_digest.rpartition(':')[2][:16]}"


async def begin(  # noqa: PLR0913, PLR0917  what a change is
    connection: Connection, scope: TenantScope, catalog_digest: str, policy_digest: str, controls: int, at: datetime
) -> int:
    """Make every release due, in the background, whose newest assessment is by another catalog or policy bundle, or
    that has none; the number of releases that were not due for this already. What other rules made due is so no more.

    No append waits for it: the rows are of a kind no append writes. Commit point: rows and progress together; a crash
    before it leaves neither, and the next start does it again.
    """
    cause = cause_of(policy_digest)
    await connection.execute(_SUPERSEDE, scope.id, cause)
    done: str = await connection.execute(_OWE, *(scope.id, cause, catalog_digest, policy_digest))
    owed = int(done.rpartition(" ")[2])
    if owed:
        await connection.execute(_BEGIN, *(scope.id, cause, catalog_digest, policy_digest, controls, owed, at))
    return owed


async def overtaken(
    connection: Connection, scope: TenantScope, assessed: Mapping[str, int], policy_digest: str, since: datetime
) -> None:
    """Make those of these releases (evidence id to tree size), which a server running `since` then assessed by this
    policy bundle, due again where a change to another was begun after that: during an upgrade both servers assess."""
    columns = [id_bytes(one) for one in assessed], list(assessed.values())
    await connection.execute(_OVERTAKEN, scope.id, *columns, cause_of(policy_digest), since)


async def finish(connection: Connection, scope: TenantScope, at: datetime) -> list[str]:
    """Note what has come to its end; the causes."""
    return [row["cause"] for row in await connection.fetch(_FINISH, scope.id, at)]


async def progress(connection: Connection, scope: TenantScope, limit: int = 10) -> tuple[Progress, ...]:
    """The tenant's latest changes, newest first."""
    return tuple(
        Progress(
            **{name: row[name] for name in ("cause", "catalog_digest", "policy_digest", "controls", "releases")},
            done=max(0, row["releases"] - row["waiting"]),
            begun_at=row["begun_at"],
            finished_at=row["finished_at"],
        )
        for row in await connection.fetch(_PROGRESS, scope.id, limit)
    )
