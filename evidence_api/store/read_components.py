"""Reading the index of components: which there are of a package, and which releases hold them.

Only verified SBOMs count, and only those the index has (store/components.py says which it still lacks).
"""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from evidence_api.domain.component import IndexedComponent
from evidence_api.domain.errors import Malformed
from evidence_api.domain.page import Page, Window, cut
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import ComponentFilter, ReleaseView
from evidence_api.store.read_releases import RELEASE_COLUMNS, release_view
from evidence_api.store.reads import Arguments, leaf_position
from evidence_api.store.session import Connection

_HELD = """EXISTS (SELECT FROM sbom_component l
  JOIN evidence e ON e.tenant_id = $1 AND e.leaf_index = l.leaf_index AND e.status = 'verified'
  WHERE l.tenant_id = $1 AND l.component_id = c.id AND l.leaf_index < {size})"""
# An SBOM is about digests; a release holds it if one of its own leads there by at most three provenance links.
_RELEASES = """
WITH RECURSIVE held (component, digest, step) AS (
  SELECT DISTINCT l.component_id, s.digest, 0 FROM sbom_component l
    JOIN evidence e ON e.tenant_id = $1 AND e.leaf_index = l.leaf_index AND e.status = 'verified'
    JOIN evidence_subject s ON s.tenant_id = $1 AND s.leaf_index = l.leaf_index
    WHERE l.tenant_id = $1 AND l.component_id = ANY ({ids}::uuid[]) AND l.leaf_index < {size}
  UNION
  SELECT held.component, k.subject, held.step + 1 FROM held
    JOIN source_link k ON k.tenant_id = $1 AND k.source = held.digest AND k.leaf_index < {size}
    WHERE held.step < 3
), holding AS (
  SELECT DISTINCT held.component, o.release_id FROM held
    JOIN release_subject o ON o.tenant_id = $1 AND o.digest = held.digest
), numbered AS (
  SELECT h.component, r.id, row_number() OVER (PARTITION BY h.component ORDER BY r.leaf_index {direction}) AS place
  FROM holding h JOIN release r ON r.tenant_id = $1 AND r.id = h.release_id WHERE r.leaf_index < {size}{range}
)
SELECT n.component, {columns} FROM numbered n JOIN release r ON r.tenant_id = $1 AND r.id = n.id
WHERE n.place <= {limit} ORDER BY n.component, n.place
"""


COMPONENT_COLUMNS = "c.id, c.package, c.version, c.name, c.purl, c.supplier, c.licence, c.hashes"


async def component_page(
    connection: Connection, scope: TenantScope, chosen: ComponentFilter, window: Window, size: int
) -> Page[IndexedComponent]:
    """One page of the components that SBOMs below `size` hold, by id."""
    arguments = Arguments(scope)
    where = component_conditions(arguments, chosen, size) + component_range(arguments, window)
    rows = await connection.fetch(
        f"SELECT {COMPONENT_COLUMNS} FROM component c "  # noqa: S608  constant texts, numbered arguments
        f"WHERE {' AND '.join(where)} ORDER BY c.id {'DESC' if window.backward else 'ASC'} "
        f"LIMIT {arguments.put(window.size + 1)}",
        *arguments,
    )
    return cut([component_row(row) for row in rows], window)


def component_range(arguments: Arguments, window: Window) -> list[str]:
    """The conditions of a window of components, by id. Raises Malformed `bad_cursor`."""
    where = []
    if window.after is not None:
        where.append(f"c.id > {arguments.put(_identity(window.after, 'after'))}")
    if window.before is not None:
        where.append(f"c.id < {arguments.put(_identity(window.before, 'before'))}")
    return where


def component_conditions(arguments: Arguments, chosen: ComponentFilter, size: int) -> list[str]:
    """What a list of components is narrowed to, its window aside."""
    where = ["c.tenant_id = $1"]
    for column, value in (("package", chosen.package), ("name", chosen.name), ("version", chosen.version)):
        if value is not None:
            where.append(f"c.{column} = {arguments.put(value)}")
    return [*where, _HELD.format(size=arguments.put(size))]


async def releases_of_components(
    connection: Connection, scope: TenantScope, components: Sequence[UUID], window: Window, size: int
) -> dict[UUID, Page[ReleaseView]]:
    """One page per component of the releases that hold it, in log order."""
    arguments = Arguments(scope)
    within = ""
    if window.after is not None:
        within += f" AND r.leaf_index > {arguments.put(leaf_position(window.after, 'after'))}"
    if window.before is not None:
        within += f" AND r.leaf_index < {arguments.put(leaf_position(window.before, 'before'))}"
    statement = _RELEASES.format(
        ids=arguments.put(list(components)),
        size=arguments.put(size),
        range=within,
        direction="DESC" if window.backward else "ASC",
        columns=RELEASE_COLUMNS,
        limit=arguments.put(window.size + 1),
    )
    found: dict[UUID, list[ReleaseView]] = {}
    for row in await connection.fetch(statement, *arguments):
        found.setdefault(row["component"], []).append(release_view(row))
    return {component: cut(rows, window) for component, rows in found.items()}


def _identity(text: str, argument: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as fault:
        raise Malformed("not a cursor this server gave out", code="bad_cursor", path=argument) from fault


def component_row(row: asyncpg.Record) -> IndexedComponent:
    """A row with COMPONENT_COLUMNS."""
    names = ("id", "package", "version", "name", "purl", "supplier", "licence")
    return IndexedComponent(**{name: row[name] for name in names}, hashes=tuple(row["hashes"]))
