"""Reading by subject: which evidence is about each of many digests, in one statement."""

from collections.abc import Sequence

from evidence_api.domain.principal import TenantScope
from evidence_api.store.session import Connection


async def evidence_about(
    connection: Connection, scope: TenantScope, digests: Sequence[str], limit: int, size: int
) -> dict[str, list[str]]:
    """The ids of the newest `limit` records below `size` about each digest ("algorithm:hex"), newest first; digests
    nothing is about are left out."""
    rows = await connection.fetch(
        "SELECT d.digest, e.id FROM unnest($3::text[]) AS d (digest) CROSS JOIN LATERAL ("
        "SELECT DISTINCT s.leaf_index FROM evidence_subject s "
        "WHERE s.tenant_id = $1 AND s.digest = d.digest AND s.leaf_index < $2 ORDER BY s.leaf_index DESC LIMIT $4"
        ") AS s JOIN evidence e ON e.tenant_id = $1 AND e.leaf_index = s.leaf_index "
        "ORDER BY d.digest, e.leaf_index DESC",
        *(scope.id, size, list(digests), limit),
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["digest"], []).append(f"sha256:{row['id'].hex()}")
    return found
