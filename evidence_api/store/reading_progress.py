"""How far the artifact is read that a decision waits for: the rows of a long recomputation, for whoever asks."""

from collections.abc import Collection, Mapping

from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import ReadingProgress
from evidence_api.store.rows import id_bytes, id_text
from evidence_api.store.session import Connection


async def progressed(connection: Connection, scope: TenantScope, artifact: str, rows: int, share: float) -> None:
    """Every decision that waits for the artifact is so far."""
    await connection.execute(
        "UPDATE waiting_decision SET rows_read = $3, share_read = $4 WHERE tenant_id = $1 AND artifact = $2",
        *(scope.id, id_bytes(artifact), rows, share),
    )


async def reading_progress(
    connection: Connection, scope: TenantScope, leaves: Collection[int]
) -> Mapping[int, ReadingProgress]:
    """Of those of the decisions (by leaf index) that wait for an artifact: never uploaded, or not read to its end."""
    rows = await connection.fetch(
        "SELECT leaf_index, artifact, claimed_until IS NOT NULL AS begun, rows_read, share_read FROM waiting_decision "
        "WHERE tenant_id = $1 AND leaf_index = ANY ($2::bigint[])",
        *(scope.id, list(leaves)),
    )
    return {
        row["leaf_index"]: ReadingProgress(id_text(row["artifact"]), row["begun"], row["rows_read"], row["share_read"])
        for row in rows
    }
