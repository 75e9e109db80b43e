"""Reading products: names of releases, each with its newest one, or the newest that was assessed.

Names are found one after the other by the index on them, so the work is that of the page, not of all releases.
"""

from dataclasses import dataclass

from evidence_api.domain.page import Page, Window, cut
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import ReleaseView
from evidence_api.store.read_releases import RELEASE_COLUMNS, release_view
from evidence_api.store.reads import Arguments
from evidence_api.store.session import Connection

_NEXT = "SELECT r.name FROM release r WHERE r.tenant_id = $1 AND r.leaf_index < {size}{range}"
_PRODUCTS = """
WITH RECURSIVE product (name) AS (
  ({next} ORDER BY r.name {order} LIMIT 1)
  UNION ALL
  SELECT ({next} AND r.name {sign} product.name ORDER BY r.name {order} LIMIT 1) FROM product
  WHERE product.name IS NOT NULL
), page AS (SELECT name FROM product WHERE name IS NOT NULL LIMIT {limit})
SELECT {columns}, assessed.id IS NOT NULL AS is_assessed FROM page
  CROSS JOIN LATERAL (SELECT n.id FROM release n
    WHERE n.tenant_id = $1 AND n.name = page.name AND n.leaf_index < {size}
    ORDER BY n.leaf_index DESC LIMIT 1) AS newest
  LEFT JOIN LATERAL (SELECT n.id FROM release n
    WHERE {assessed} AND n.tenant_id = $1 AND n.name = page.name AND n.leaf_index < {size}
      AND EXISTS (SELECT FROM assessment a WHERE a.tenant_id = $1 AND a.release_id = n.id AND a.tree_size <= {size})
    ORDER BY n.leaf_index DESC LIMIT 1) AS assessed ON true
  JOIN release r ON r.tenant_id = $1 AND r.id = coalesce(assessed.id, newest.id)
ORDER BY page.name {order}
"""


@dataclass(frozen=True, slots=True)
class NewestRelease:
    """The release that stands for a product, and whether it was assessed (where that was asked)."""

    release: ReleaseView
    assessed: bool


async def products(
    connection: Connection, scope: TenantScope, window: Window, size: int, *, assessed: bool = False
) -> Page[NewestRelease]:
    """One page of products by name, each with its newest release stated below `size`; with `assessed` the newest of
    those assessed at a tree of at most that size, where there is one."""
    arguments = Arguments(scope)
    limits = {"size": arguments.put(size), "order": "DESC" if window.backward else "ASC"}
    within = ""
    if window.after is not None:
        within += f" AND r.name > {arguments.put(window.after)}"
    if window.before is not None:
        within += f" AND r.name < {arguments.put(window.before)}"
    rows = await connection.fetch(
        _PRODUCTS.format(
            next=_NEXT.format(size=limits["size"], range=within),
            sign="<" if window.backward else ">",
            columns=RELEASE_COLUMNS,
            assessed="true" if assessed else "false",
            limit=arguments.put(window.size + 1),
            **limits,
        ),
        *arguments,
    )
    return cut([NewestRelease(release_view(row), row["is_assessed"]) for row in rows], window)
