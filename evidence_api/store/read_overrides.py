"""Reading overrides: signed waivers among the evidence, the newest first, as far as a bound."""

from collections.abc import Mapping
from datetime import datetime

import orjson

from evidence_api.domain.evidence import Fact
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.waiver import OVERRIDE
from evidence_api.store.rows import id_text
from evidence_api.store.session import Connection

_OVERRIDES = """
SELECT e.id, e.facts FROM evidence e JOIN body b ON b.tenant_id = $1 AND b.digest = e.body_digest
WHERE e.tenant_id = $1 AND e.kind = $2 AND e.leaf_index < $3 AND e.status = 'verified' AND b.content IS NOT NULL
ORDER BY e.leaf_index DESC LIMIT $4
"""


async def overrides(
    connection: Connection, scope: TenantScope, size: int, limit: int
) -> list[tuple[str, Mapping[str, Fact]]]:
    """(evidence id, facts) of verified overrides below `size` whose bytes are still there."""
    rows = await connection.fetch(_OVERRIDES, *(scope.id, OVERRIDE, size, limit))
    return [(id_text(row["id"]), orjson.loads(row["facts"])) for row in rows]


async def moment_of(connection: Connection, scope: TenantScope, size: int, *, pinned: bool) -> datetime:
    """When a reading takes place: a pinned one when the newest leaf of its tree was received, so that it never changes;
    any other now, by the database's clock."""
    if pinned:
        received: datetime | None = await connection.fetchval(
            "SELECT received FROM evidence WHERE tenant_id = $1 AND leaf_index < $2 ORDER BY leaf_index DESC LIMIT 1",
            *(scope.id, size),
        )
        if received is not None:
            return received
    now: datetime = await connection.fetchval("SELECT now()")
    return now
