"""Reading what a verdict rests on: whole assessments by id, and the rules they name by digest."""

from collections.abc import Sequence
from uuid import UUID

from evidence_api.domain.assessment import Assessment
from evidence_api.domain.principal import TenantScope
from evidence_api.store import catalogs
from evidence_api.store.findings import unpack_findings
from evidence_api.store.rows import id_text
from evidence_api.store.session import Connection


async def assessments(connection: Connection, scope: TenantScope, ids: Sequence[UUID]) -> dict[UUID, Assessment]:
    """Assessments with their findings; criteria, counts and notes are left out.

    Raises VerificationFailed `stored_findings`.
    """
    rows = await connection.fetch(
        "SELECT id, release_id, tree_size, evaluated_at, catalog_digest, policy_digest, findings FROM assessment "
        "WHERE tenant_id = $1 AND id = ANY ($2::uuid[])",
        *(scope.id, list(ids)),
    )
    return {
        UUID(bytes=row["id"].bytes): Assessment(
            release=id_text(row["release_id"]),
            tree_size=row["tree_size"],
            evaluated_at=row["evaluated_at"],
            catalog_digest=row["catalog_digest"],
            policy_digest=row["policy_digest"],
            findings=unpack_findings(row["findings"]).every(),
            criteria=(),
            counts={},
        )
        for row in rows
    }


async def rules(
    connection: Connection, _scope: TenantScope, catalog: str, policy: str
) -> tuple[dict[str, str], dict[str, str], bytes]:
    """The files of a catalog, and the modules and data of a policy bundle. Raises NotFound."""
    sources, _ = await catalogs.catalog_sources(connection, catalog)
    modules, data = await catalogs.policy_modules(connection, policy)
    return sources, modules, data
