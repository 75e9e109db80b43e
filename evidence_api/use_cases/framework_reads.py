"""Reading within frameworks: verdicts as a guest sees them who was let see some frameworks alone.

An assessment is one record of every control. Of its findings those are left whose control is mapped to a criterion of
such a framework in the assessment itself; counts are counted again over these, and notes, which may be about any
control, are left out. Reads that are not listed here, and hold no verdicts, are told apart in guest_session.py.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from evidence_api.domain.evidence import Fact
from evidence_api.domain.page import Page, Window, slice_of
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import AssessmentView, FindingView
from evidence_api.store import read_outcomes, read_overrides, read_releases
from evidence_api.store.session import Connection


class FrameworkReads:
    """The reads of verdicts, narrowed: each has the arguments of the one it stands in for."""

    def __init__(self, frameworks: frozenset[str], controls: Collection[str]) -> None:
        """`controls` are those of the catalog in force that are mapped to them: an override names one."""
        self._frameworks = frameworks
        self._in_force = controls
        self.instead_of: Mapping[Any, Any] = {
            read_releases.assessments_in_force: self.assessments_in_force,
            read_releases.assessment_pages: self.assessment_pages,
            read_releases.assessments_by_ids: self.assessments_by_ids,
            read_releases.criteria_of: self.criteria_of,
            read_releases.finding_pages: self.finding_pages,
            read_releases.findings_of_controls: self.findings_of_controls,
            read_outcomes.outcomes: self.outcomes,
            read_outcomes.history: self.history,
            read_overrides.overrides: self.overrides,
        }

    async def assessments_in_force(
        self, connection: Connection, scope: TenantScope, releases: Sequence[str], size: int, *, pinned: bool
    ) -> dict[str, AssessmentView]:
        """Instead of read_releases.assessments_in_force."""
        found = await read_releases.assessments_in_force(connection, scope, releases, size, pinned=pinned)
        told = await self._recounted(connection, scope, list(found.values()))
        return {release: told[row.id] for release, row in found.items()}

    async def assessment_pages(
        self, connection: Connection, scope: TenantScope, releases: Sequence[str], window: Window, size: int
    ) -> dict[str, Page[AssessmentView]]:
        """Instead of read_releases.assessment_pages."""
        found = await read_releases.assessment_pages(connection, scope, releases, window, size)
        told = await self._recounted(connection, scope, [row for page in found.values() for row in page.items])
        return {
            release: replace(page, items=tuple(told[row.id] for row in page.items)) for release, page in found.items()
        }

    async def assessments_by_ids(
        self, connection: Connection, scope: TenantScope, ids: Sequence[UUID], size: int
    ) -> dict[UUID, AssessmentView]:
        """Instead of read_releases.assessments_by_ids."""
        found = await read_releases.assessments_by_ids(connection, scope, ids, size)
        return await self._recounted(connection, scope, list(found.values()))

    async def criteria_of(
        self, connection: Connection, scope: TenantScope, ids: Sequence[UUID]
    ) -> dict[UUID, Sequence[Mapping[str, Any]]]:
        """Instead of read_releases.criteria_of: those of the frameworks."""
        found = await read_releases.criteria_of(connection, scope, ids)
        return {one: [row for row in rows if row["framework"] in self._frameworks] for one, rows in found.items()}

    async def finding_pages(
        self,
        connection: Connection,
        scope: TenantScope,
        assessments: Sequence[UUID],
        outcomes: Sequence[str],
        window: Window,
    ) -> dict[UUID, Page[FindingView]]:
        """Instead of read_releases.finding_pages: the same pages of what is left."""
        told = await self.outcomes(connection, scope, assessments)
        pages = {
            one: slice_of(
                sorted(name for name, outcome in told.get(one, {}).items() if not outcomes or outcome in outcomes),
                window,
                lambda name: name,
            )
            for one in assessments
        }
        pairs = [(one, name) for one, page in pages.items() for name in page.items]
        found = await read_releases.findings_of_controls(connection, scope, pairs)
        return {
            one: Page(tuple(found[one, name] for name in page.items), more=page.more) for one, page in pages.items()
        }

    async def findings_of_controls(
        self, connection: Connection, scope: TenantScope, pairs: Sequence[tuple[UUID, str]]
    ) -> dict[tuple[UUID, str], FindingView]:
        """Instead of read_releases.findings_of_controls."""
        seen = await self._controls(connection, scope, list({assessment for assessment, _ in pairs}))
        left = [(one, control) for one, control in pairs if control in seen.get(one, frozenset())]
        return await read_releases.findings_of_controls(connection, scope, left)

    async def outcomes(
        self, connection: Connection, scope: TenantScope, assessments: Sequence[UUID]
    ) -> dict[UUID, dict[str, str]]:
        """Instead of read_outcomes.outcomes."""
        found = await read_outcomes.outcomes(connection, scope, assessments)
        seen = await self._controls(connection, scope, list(found))
        return {
            one: {control: outcome for control, outcome in every.items() if control in seen[one]}
            for one, every in found.items()
        }

    async def history(  # noqa: PLR0913, PLR0917  the arguments of the one it stands in for
        self,
        connection: Connection,
        scope: TenantScope,
        release: str,
        controls: Sequence[str],
        window: Window,
        size: int,
    ) -> dict[str, Page[tuple[AssessmentView, FindingView | None]]]:
        """Instead of read_outcomes.history: as if the assessment had no such control."""
        found = await read_outcomes.history(connection, scope, release, controls, window, size)
        rows = [row for page in found.values() for row, _ in page.items]
        told = await self._recounted(connection, scope, rows)
        seen = await self._controls(connection, scope, list(told))
        return {
            control: replace(
                page,
                items=tuple(
                    (told[row.id], finding if control in seen[row.id] else None) for row, finding in page.items
                ),
            )
            for control, page in found.items()
        }

    async def overrides(
        self, connection: Connection, scope: TenantScope, size: int, limit: int
    ) -> list[tuple[str, Mapping[str, Fact]]]:
        """Instead of read_overrides.overrides."""
        found = await read_overrides.overrides(connection, scope, size, limit)
        return [(one, facts) for one, facts in found if facts.get("control") in self._in_force]

    async def _controls(
        self, connection: Connection, scope: TenantScope, ids: Sequence[UUID]
    ) -> dict[UUID, frozenset[str]]:
        """The controls of each assessment that its criteria of the frameworks are mapped to."""
        found = await self.criteria_of(connection, scope, ids)
        return {one: frozenset(control for row in rows for control in row["controls"]) for one, rows in found.items()}

    async def _recounted(
        self, connection: Connection, scope: TenantScope, rows: Sequence[AssessmentView]
    ) -> dict[UUID, AssessmentView]:
        told = await self.outcomes(connection, scope, [row.id for row in rows])
        return {row.id: replace(row, counts=dict(Counter(told[row.id].values())), notes=()) for row in rows}
