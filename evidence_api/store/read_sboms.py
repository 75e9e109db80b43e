"""Reading what SBOMs hold, from the index of components: one page for each release, in one statement."""

from collections.abc import Sequence

from evidence_api.domain.component import IndexedComponent
from evidence_api.domain.page import Page, Window, cut
from evidence_api.domain.principal import TenantScope
from evidence_api.store.read_components import COMPONENT_COLUMNS, component_range, component_row
from evidence_api.store.reads import Arguments
from evidence_api.store.session import Connection

_COMPONENTS = """
SELECT parent.release, page.* FROM (
  SELECT given.release, array_agg(given.leaf) AS leaves FROM unnest({releases}::text[], {leaves}::bigint[])
    AS given (release, leaf) GROUP BY given.release) AS parent
CROSS JOIN LATERAL (
  SELECT {columns} FROM component c WHERE c.tenant_id = $1 AND c.id IN (
    SELECT l.component_id FROM sbom_component l WHERE l.tenant_id = $1 AND l.leaf_index = ANY (parent.leaves)){range}
  ORDER BY c.id {order} LIMIT {limit}) AS page
"""


async def components(
    connection: Connection, scope: TenantScope, leaves: Sequence[tuple[str, int]], name: str | None, window: Window
) -> dict[str, Page[IndexedComponent]]:
    """One page per release of the distinct components in the SBOMs at these (release, leaf), by id; with `name` those
    called so."""
    arguments = Arguments(scope)
    where = component_range(arguments, window)
    if name is not None:
        where.append(f"c.name = {arguments.put(name)}")
    statement = _COMPONENTS.format(
        releases=arguments.put([release for release, _ in leaves]),
        leaves=arguments.put([leaf for _, leaf in leaves]),
        columns=COMPONENT_COLUMNS,
        range="".join(f" AND {one}" for one in where),
        order="DESC" if window.backward else "ASC",
        limit=arguments.put(window.size + 1),
    )
    found: dict[str, list[IndexedComponent]] = {}
    for row in await connection.fetch(statement, *arguments):
        found.setdefault(row["release"], []).append(component_row(row))
    return {release: cut(rows, window) for release, rows in found.items()}
