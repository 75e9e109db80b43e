"""Reading outcomes: of every control in an assessment, and of one control in all assessments of a release."""

from collections.abc import Sequence
from uuid import UUID

from evidence_api.domain.page import Page, Window, cut
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import AssessmentView, FindingView
from evidence_api.store.findings import unpack_findings
from evidence_api.store.read_releases import ASSESSMENT_COLUMNS, assessment_range, assessment_view, finding_view
from evidence_api.store.reads import Arguments, digest_bytes
from evidence_api.store.session import Connection


async def outcomes(
    connection: Connection, scope: TenantScope, assessments: Sequence[UUID]
) -> dict[UUID, dict[str, str]]:
    """Control -> outcome of each assessment, without reading the findings themselves.

    Raises VerificationFailed `stored_findings`.
    """
    rows = await connection.fetch(
        "SELECT id, findings FROM assessment WHERE tenant_id = $1 AND id = ANY ($2::uuid[])",
        *(scope.id, list(assessments)),
    )
    return {
        UUID(bytes=row["id"].bytes): {
            control: outcome for control, outcome, _ in unpack_findings(row["findings"]).index
        }
        for row in rows
    }


async def history(  # noqa: PLR0913, PLR0917  of whom, which of their controls, a window and a size
    connection: Connection, scope: TenantScope, release: str, controls: Sequence[str], window: Window, size: int
) -> dict[str, Page[tuple[AssessmentView, FindingView | None]]]:
    """One page per control of what assessments of a release made up to `size` say of it, oldest first, in one
    statement; None where the catalog of then had no such control. Raises VerificationFailed `stored_findings`."""
    arguments = Arguments(scope)
    where = [
        "a.tenant_id = $1",
        f"a.release_id = {arguments.put(digest_bytes(release))}",
        f"a.tree_size <= {arguments.put(size)}",
        *assessment_range(arguments, window),
    ]
    way = "DESC" if window.backward else "ASC"
    rows = await connection.fetch(
        f"SELECT {ASSESSMENT_COLUMNS}, a.findings FROM assessment a WHERE {' AND '.join(where)} "  # noqa: S608  constant texts, numbered arguments
        f"ORDER BY a.tree_size {way}, a.evaluated_at {way}, a.id {way} LIMIT {arguments.put(window.size + 1)}",
        *arguments,
    )
    read = [(assessment_view(row), unpack_findings(row["findings"])) for row in rows]
    found: dict[str, Page[tuple[AssessmentView, FindingView | None]]] = {}
    for control in controls:
        told: list[tuple[AssessmentView, FindingView | None]] = []
        for assessment, findings in read:
            at = next((place for place, (name, _, _) in enumerate(findings.index) if name == control), None)
            told.append((assessment, None if at is None else finding_view(assessment.id, findings.document(at))))
        found[control] = cut(told, window)
    return found
