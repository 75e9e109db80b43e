"""Reading history: releases of products, the release before and after one, what supersedes evidence and who owns it."""

from collections.abc import Sequence

from evidence_api.domain.ownership import MAX_STEPS
from evidence_api.domain.page import Page, Window, cut
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import ReleaseView
from evidence_api.store.read_releases import RELEASE_COLUMNS, release_view
from evidence_api.store.reads import Arguments, digest_bytes, leaf_position
from evidence_api.store.rows import id_text
from evidence_api.store.session import Connection

_WHEN = "coalesce({row}.effective, {row}.collected, {row}.received)"
_ABOUT = (
    "ARRAY(SELECT DISTINCT a.digest FROM evidence_subject a "
    "WHERE a.tenant_id = $1 AND a.leaf_index = {row}.leaf_index ORDER BY a.digest)"
)
# The rule of domain/facts.py, current: same kind, series, subjects and verified or not; later by time, then by leaf.
# Each is found by key; OFFSET 0 keeps the planner from scanning instead where it has no statistics.
_SUPERSEDING = f"""
SELECT old.id AS old, standing.id FROM evidence old CROSS JOIN LATERAL (
  SELECT n.id FROM evidence_subject s CROSS JOIN LATERAL (
      SELECT e.* FROM evidence e WHERE e.tenant_id = $1 AND e.leaf_index = s.leaf_index OFFSET 0) AS n
  WHERE s.tenant_id = $1 AND s.leaf_index < $2 AND s.digest = (
      SELECT min(o.digest) FROM evidence_subject o WHERE o.tenant_id = $1 AND o.leaf_index = old.leaf_index)
    AND n.kind = old.kind AND n.series = old.series AND (n.status = 'verified') = (old.status = 'verified')
    AND ({_WHEN.format(row="n")}, n.leaf_index) > ({_WHEN.format(row="old")}, old.leaf_index)
    AND {_ABOUT.format(row="n")} = {_ABOUT.format(row="old")}
  ORDER BY {_WHEN.format(row="n")} DESC, n.leaf_index DESC LIMIT 1) AS standing
WHERE old.tenant_id = $1 AND old.leaf_index < $2 AND old.id = ANY ($3::bytea[])
"""  # noqa: S608  constant texts
_OWNERS = """
WITH RECURSIVE held (evidence, digest, step) AS (
  SELECT e.id, s.digest, 0 FROM evidence e
    JOIN evidence_subject s ON s.tenant_id = $1 AND s.leaf_index = e.leaf_index
    WHERE e.tenant_id = $1 AND e.id = ANY ({ids}::bytea[])
  UNION
  SELECT held.evidence, k.subject, held.step + 1 FROM held
    JOIN source_link k ON k.tenant_id = $1 AND k.source = held.digest AND k.leaf_index < {size}
    WHERE held.step < {steps}
), owning AS (
  SELECT DISTINCT held.evidence, o.release_id FROM held
    JOIN release_subject o ON o.tenant_id = $1 AND o.digest = held.digest
), numbered AS (
  SELECT w.evidence, r.id, r.leaf_index,
    row_number() OVER (PARTITION BY w.evidence ORDER BY r.leaf_index {order}) AS place
  FROM owning w JOIN release r ON r.tenant_id = $1 AND r.id = w.release_id WHERE r.leaf_index < {size}{range}
)
SELECT n.evidence, n.id, n.leaf_index FROM numbered n WHERE n.place <= {limit} ORDER BY n.evidence, n.place
"""


async def releases_of_names(
    connection: Connection, scope: TenantScope, names: Sequence[str], window: Window, size: int
) -> dict[str, Page[ReleaseView]]:
    """One page per name of its releases stated below `size`, in log order, in one statement."""
    arguments = Arguments(scope)
    where = ["r.tenant_id = $1", "r.name = parent.name", f"r.leaf_index < {arguments.put(size)}"]
    where += _range(arguments, window)
    rows = await connection.fetch(
        f"SELECT parent.name AS parent, page.* FROM unnest({arguments.put(list(names))}::text[]) AS parent (name) "  # noqa: S608  constant texts, numbered arguments
        f"CROSS JOIN LATERAL (SELECT {RELEASE_COLUMNS} FROM release r WHERE {' AND '.join(where)} "
        f"ORDER BY r.leaf_index {_order(window)} LIMIT {arguments.put(window.size + 1)}) AS page",
        *arguments,
    )
    found: dict[str, list[ReleaseView]] = {}
    for row in rows:
        found.setdefault(row["parent"], []).append(release_view(row))
    return {name: cut(found.get(name, []), window) for name in names}


async def neighbours(
    connection: Connection, scope: TenantScope, releases: Sequence[str], size: int, *, later: bool
) -> dict[str, ReleaseView]:
    """The release of the same name stated just before each of these, or just after."""
    sign, order = (">", "ASC") if later else ("<", "DESC")
    rows = await connection.fetch(
        f"SELECT own.id AS own, near.* FROM release own CROSS JOIN LATERAL (SELECT {RELEASE_COLUMNS} FROM release r "  # noqa: S608  constant texts
        f"WHERE r.tenant_id = $1 AND r.name = own.name AND r.leaf_index < $2 AND r.leaf_index {sign} own.leaf_index "
        f"ORDER BY r.leaf_index {order} LIMIT 1) AS near WHERE own.tenant_id = $1 AND own.id = ANY ($3::bytea[])",
        *(scope.id, size, [digest_bytes(one) for one in releases]),
    )
    return {id_text(row["own"]): release_view(row) for row in rows}


async def superseding(connection: Connection, scope: TenantScope, ids: Sequence[str], size: int) -> dict[str, str]:
    """By evidence id: the evidence id of what stands in its place among the first `size` leaves."""
    rows = await connection.fetch(_SUPERSEDING, *(scope.id, size, [digest_bytes(one) for one in ids]))
    return {id_text(row["old"]): id_text(row["id"]) for row in rows}


async def owners(
    connection: Connection, scope: TenantScope, ids: Sequence[str], window: Window, size: int
) -> dict[str, Page[tuple[str, int]]]:
    """One page per evidence id of the releases that own it, as (evidence id of the release, leaf), in log order."""
    arguments = Arguments(scope)
    within = "".join(f" AND {one}" for one in _range(arguments, window))
    statement = _OWNERS.format(
        ids=arguments.put([digest_bytes(one) for one in ids]),
        size=arguments.put(size),
        steps=MAX_STEPS,
        range=within,
        order=_order(window),
        limit=arguments.put(window.size + 1),
    )
    found: dict[str, list[tuple[str, int]]] = {}
    for row in await connection.fetch(statement, *arguments):
        found.setdefault(id_text(row["evidence"]), []).append((id_text(row["id"]), row["leaf_index"]))
    return {one: cut(found.get(one, []), window) for one in ids}


def _range(arguments: Arguments, window: Window) -> list[str]:
    where = []
    if window.after is not None:
        where.append(f"r.leaf_index > {arguments.put(leaf_position(window.after, 'after'))}")
    if window.before is not None:
        where.append(f"r.leaf_index < {arguments.put(leaf_position(window.before, 'before'))}")
    return where


def _order(window: Window) -> str:
    return "DESC" if window.backward else "ASC"
