"""Reading the log's leaves, page by page, whatever they stand for and whether or not their bodies are still there."""

from evidence_api.domain.log_reading import LeafView
from evidence_api.domain.page import Page, Window, cut
from evidence_api.domain.principal import TenantScope
from evidence_api.store.reads import Arguments, leaf_position
from evidence_api.store.rows import id_text
from evidence_api.store.session import Connection


async def leaves(connection: Connection, scope: TenantScope, window: Window, size: int) -> Page[LeafView]:
    """One page of the tree of `size` leaves."""
    arguments = Arguments(scope)
    where = ["e.tenant_id = $1", f"e.leaf_index < {arguments.put(size)}"]
    for argument, bound, sign in (("after", window.after, ">"), ("before", window.before, "<")):
        if bound is not None:
            where.append(f"e.leaf_index {sign} {arguments.put(leaf_position(bound, argument))}")
    rows = await connection.fetch(
        "SELECT e.leaf_index, e.id, e.kind, e.received, e.leaf, e.leaf_hash, "  # noqa: S608  constant texts, numbered arguments
        "(SELECT b.content IS NULL FROM body b WHERE b.tenant_id = e.tenant_id AND b.digest = e.body_digest) AS erased "
        f"FROM evidence e WHERE {' AND '.join(where)} "
        f"ORDER BY e.leaf_index {'DESC' if window.backward else 'ASC'} LIMIT {arguments.put(window.size + 1)}",
        *arguments,
    )
    found = [
        LeafView(
            leaf_index=row["leaf_index"],
            evidence_id=id_text(row["id"]),
            kind=row["kind"],
            received=row["received"],
            erased=bool(row["erased"]),
            leaf=row["leaf"],
            leaf_hash=row["leaf_hash"],
        )
        for row in rows
    ]
    return cut(found, window)
