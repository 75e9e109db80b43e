"""Baselines: which earlier releases of a product are green, which later ones are compared with one, and what is owed.

Green: the newest assessment has no control that fails or could not be decided, and at least one that passes. What is
missing, stale or waived keeps no release from being a baseline; a release nobody has assessed is not green.
"""

from collections.abc import Mapping, Sequence

from evidence_api.domain.assessment import Outcome
from evidence_api.domain.evidence import Release
from evidence_api.domain.principal import TenantScope
from evidence_api.store.rows import RELEASE, id_bytes, id_text, release_of
from evidence_api.store.session import Connection

_TRIED = 20  # earlier green releases of one product that are looked through for an SBOM
_FOLLOWING = 100
_GREEN = """coalesce((
  SELECT coalesce((a.counts->>'pass')::int, 0) > 0
    AND coalesce((a.counts->>'fail')::int, 0) + coalesce((a.counts->>'error')::int, 0) = 0
  FROM assessment a WHERE a.tenant_id = r.tenant_id AND a.release_id = r.id
  ORDER BY a.tree_size DESC, a.evaluated_at DESC, a.id DESC LIMIT 1), false)"""
_EARLIER = f"""
SELECT {RELEASE} FROM release r
WHERE r.tenant_id = $1 AND r.name = $2 AND r.leaf_index < $3 AND r.version <> $4 AND {_GREEN}
ORDER BY r.leaf_index DESC LIMIT {_TRIED}
"""  # noqa: S608  constant texts
_LATER = f"""
SELECT r.id, {_GREEN} AS green FROM release r
WHERE r.tenant_id = $1 AND r.name = $2 AND r.leaf_index > $3
ORDER BY r.leaf_index LIMIT {_FOLLOWING}
"""  # noqa: S608  constant texts
_NEWEST = "SELECT DISTINCT ON (name) id FROM release WHERE tenant_id = $1 ORDER BY name, leaf_index DESC"
_OWE = """
INSERT INTO due (tenant_id, release_id, kind, leaf_index, background)
  SELECT $1, id, $3, h.tree_size - 1, $4 FROM unnest($2::bytea[]) AS given (id), log_head h WHERE h.tenant_id = $1
  ORDER BY id
  ON CONFLICT DO NOTHING
"""


def is_green(counts: Mapping[Outcome, int]) -> bool:
    """The same of an assessment at hand."""
    return counts.get(Outcome.PASS, 0) > 0 and not counts.get(Outcome.FAIL, 0) and not counts.get(Outcome.ERROR, 0)


async def earlier_green(connection: Connection, scope: TenantScope, release: Release) -> tuple[Release, ...]:
    """The green releases of the same product before this one, of other versions, newest first; at most twenty."""
    rows = await connection.fetch(_EARLIER, *(scope.id, release.name, release.leaf_index, release.version))
    return tuple(map(release_of, rows))


async def compared_with(connection: Connection, scope: TenantScope, release: Release) -> list[str]:
    """The later releases whose baseline this one is or would be: up to the next green one, that one too."""
    rows = await connection.fetch(_LATER, *(scope.id, release.name, release.leaf_index))
    found: list[str] = []
    for row in rows:
        found.append(id_text(row["id"]))
        if row["green"]:
            break
    return found


async def current(connection: Connection, scope: TenantScope) -> list[str]:
    """The newest release of each product."""
    return [id_text(row["id"]) for row in await connection.fetch(_NEWEST, scope.id)]


async def owe(
    connection: Connection, scope: TenantScope, releases: Sequence[str], cause: str, *, background: bool = False
) -> None:
    """Make an assessment of these releases due. `cause` is a word of its own for each occasion ("advisories@7"), so
    that striking off an earlier one never takes this one with it."""
    if releases:
        await connection.execute(_OWE, *(scope.id, [id_bytes(one) for one in releases], cause, background))
