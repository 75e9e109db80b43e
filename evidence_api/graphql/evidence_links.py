"""What evidence is connected with: what stands in its place, and the releases that own it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import strawberry

from evidence_api.domain.page import Page
from evidence_api.domain.reading import EvidenceView
from evidence_api.graphql.connections import After, Before, Connection, First, Last, connect
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash, window_of
from evidence_api.graphql.fields import resolved
from evidence_api.store import read_history

if TYPE_CHECKING:
    from evidence_api.graphql.evidence import Evidence
    from evidence_api.graphql.releases import Release

_NOBODY: Page[tuple[str, int]] = Page((), more=False)
_STANDS = ""


@strawberry.type(description="What evidence is connected with.")
class EvidenceLinks:
    """Inherited by Evidence."""

    row: strawberry.Private[EvidenceView]
    at: strawberry.Private[Moment]

    @resolved(
        "The statement that stands in its place in the tree read: the newest of the same kind and series about the "
        "same subjects. Null while it stands itself."
    )
    async def superseded_by(
        self, info: Info
    ) -> Annotated["Evidence", strawberry.lazy("evidence_api.graphql.evidence")] | None:
        """Loaded together with those of the siblings."""
        session, size = info.context.session, self.at.size

        async def load(ids: Sequence[str]) -> Mapping[str, str]:
            return await session.run(read_history.superseding, ids, size)

        standing = await info.context.batches.of(("superseding", size), load, _STANDS).get(self.row.id)
        found: Evidence | None = await info.context.find(info, "Evidence", standing, self.at) if standing else None
        return found

    @resolved("The releases that own it, directly or by provenance, in the order they were stated.")
    async def releases(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Annotated["Release", strawberry.lazy("evidence_api.graphql.releases")]]:
        """Loaded together with those of the siblings: one statement for who, one for what they are."""
        hashed = filter_hash("evidence-releases", evidence=self.row.id)
        window = window_of(Paging(first, after, last, before), hashed)
        session, size = info.context.session, self.at.size

        async def load(ids: Sequence[str]) -> Mapping[str, Page[tuple[str, int]]]:
            return await session.run(read_history.owners, ids, window, size)

        page = await info.context.batches.of(("owners", window, size), load, _NOBODY).get(self.row.id)
        ids = [release for release, _ in page.items]
        rows = await asyncio.gather(*(info.context.find(info, "Release", one, self.at) for one in ids))
        found: dict[str, Release] = dict(zip(ids, rows, strict=True))
        return connect(page, window, hashed, lambda owner: str(owner[1]), lambda owner: found[owner[0]])
