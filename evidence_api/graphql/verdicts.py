"""The history of one control in a release: its verdict in every assessment."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import strawberry

from evidence_api.domain.page import Page
from evidence_api.domain.reading import AssessmentView, FindingView
from evidence_api.graphql.assessments import Assessment, Finding, assessment_of, finding_of
from evidence_api.graphql.connections import Connection, connect
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash, window_of
from evidence_api.graphql.fields import resolved
from evidence_api.store import read_outcomes

_Told: TypeAlias = tuple[AssessmentView, FindingView | None]
_NOTHING: Page[_Told] = Page((), more=False)


@strawberry.type(description="What one assessment says of a control.")
class Verdict:
    """One place in the history of a control."""

    row: strawberry.Private[AssessmentView]
    found: strawberry.Private[FindingView | None]
    at: strawberry.Private[Moment]

    @resolved("The verdict; null where the catalog of then had no such control.")
    def finding(self) -> Finding | None:
        """Read already."""
        return None if self.found is None else finding_of(self.found, self.row, self.at)

    @resolved("The assessment.")
    def assessment(self) -> Assessment:
        """Read already."""
        return assessment_of(self.row, self.at)


async def connect_history(info: Info, release: str, control: str, paging: Paging, at: Moment) -> Connection[Verdict]:
    """A page of a control's history, loaded together with those of its siblings."""
    hashed = filter_hash("history", release=release, control=control)
    window, session = window_of(paging, hashed), info.context.session

    async def load(controls: Sequence[str]) -> Mapping[str, Page[_Told]]:
        return await session.run(read_outcomes.history, release, controls, window, at.size)

    key = ("history", release, window, at.size)
    page = await info.context.batches.of(key, load, _NOTHING).get(control)
    return connect(
        page, window, hashed, lambda told: told[0].position, lambda told: Verdict(row=told[0], found=told[1], at=at)
    )
