"""Counting lists: never further than one more than MAX_COUNTED, and only when somebody asks.

Each count is of the very conditions its list is read by, in the same snapshot, so a pinned list has one count for ever.
"""

from collections.abc import Sequence

from evidence_api.domain.page import MAX_COUNTED
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import ComponentFilter, EvidenceFilter
from evidence_api.store.read_components import component_conditions
from evidence_api.store.reads import Arguments, about_reach, digest_bytes, whole_list
from evidence_api.store.rows import id_text
from evidence_api.store.session import Connection

_LIMIT = MAX_COUNTED + 1


async def evidence(connection: Connection, scope: TenantScope, chosen: EvidenceFilter, size: int) -> int:
    """How many records of the log there are, up to the limit."""
    arguments = Arguments(scope)
    where = whole_list(arguments, chosen, size)
    if chosen.release is not None:
        owner = arguments.put(digest_bytes(chosen.release))
        where.append(f"e.leaf_index IN ({about_reach(owner)})")
    return await _count(connection, f"evidence e WHERE {' AND '.join(where)}", arguments)


async def evidence_of_releases(
    connection: Connection, scope: TenantScope, releases: Sequence[str], chosen: EvidenceFilter, size: int
) -> dict[str, int]:
    """How many records each of these releases owns, in one statement."""
    arguments = Arguments(scope)
    where = whole_list(arguments, chosen, size, "parent.id")
    return await _count_each(connection, releases, f"evidence e WHERE {' AND '.join(where)}", arguments)


async def releases(connection: Connection, scope: TenantScope, name: str | None, size: int) -> int:
    """How many releases (of that name) were stated."""
    arguments = Arguments(scope)
    where = f"release r WHERE r.tenant_id = $1 AND r.leaf_index < {arguments.put(size)}"
    if name is not None:
        where += f" AND r.name = {arguments.put(name)}"
    return await _count(connection, where, arguments)


async def assessments_of_releases(
    connection: Connection, scope: TenantScope, releases: Sequence[str], size: int
) -> dict[str, int]:
    """How many assessments each of these releases has, in one statement."""
    arguments = Arguments(scope)
    where = f"assessment a WHERE a.tenant_id = $1 AND a.release_id = parent.id AND a.tree_size <= {arguments.put(size)}"
    return await _count_each(connection, releases, where, arguments)


async def components(connection: Connection, scope: TenantScope, chosen: ComponentFilter, size: int) -> int:
    """How many components the index has of a package or name."""
    arguments = Arguments(scope)
    where = component_conditions(arguments, chosen, size)
    return await _count(connection, f"component c WHERE {' AND '.join(where)}", arguments)


async def _count(connection: Connection, source: str, arguments: Arguments) -> int:
    found: int = await connection.fetchval(
        f"SELECT count(*) FROM (SELECT FROM {source} LIMIT {_LIMIT}) AS bounded",  # noqa: S608  constant texts, numbered arguments
        *arguments,
    )
    return found


async def _count_each(
    connection: Connection, releases: Sequence[str], source: str, arguments: Arguments
) -> dict[str, int]:
    parents = arguments.put([digest_bytes(one) for one in releases])
    rows = await connection.fetch(
        f"SELECT parent.id, (SELECT count(*) FROM (SELECT FROM {source} LIMIT {_LIMIT}) AS bounded) AS found "  # noqa: S608  the same
        f"FROM unnest({parents}::bytea[]) AS parent (id)",
        *arguments,
    )
    return {id_text(row["id"]): row["found"] for row in rows}
