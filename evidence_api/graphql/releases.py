"""Releases as readers see them: a product version, the evidence it owns, its assessments."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import strawberry

from evidence_api.domain import reading
from evidence_api.domain.component import IndexedComponent
from evidence_api.domain.page import Counted, Page
from evidence_api.domain.reading import AssessmentView, EvidenceView, ReleaseView
from evidence_api.graphql import components, products
from evidence_api.graphql.assessments import Assessment, assessment_of, latest_row
from evidence_api.graphql.connections import After, AsOf, Before, Connection, Counting, First, Last, connect
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash, page_size, window_of
from evidence_api.graphql.evidence import (
    NO_EVIDENCE,
    Evidence,
    Filter,
    chosen_by,
    connect_evidence,
    evidence_window,
    listing_of,
)
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.ids import encode_id
from evidence_api.graphql.nodes import Node
from evidence_api.graphql.release_inventory import ReleaseInventory
from evidence_api.store import read_history
from evidence_api.use_cases import inventory
from evidence_api.use_cases.list_counts import count_assessments, count_owned

if TYPE_CHECKING:
    from evidence_api.graphql.components import Component
    from evidence_api.graphql.products import Product

_NO_COMPONENTS: Page[IndexedComponent] = Page((), more=False)
NO_RELEASE: ReleaseView | None = None
_NO_ASSESSMENTS: Page[AssessmentView] = Page((), more=False)


async def moment_of(info: Info, as_of: int | None) -> Moment:
    """The moment to read at. Raises Refused `as_of_beyond_head`."""
    return Moment(await info.context.session.tree_size(as_of), as_of is not None)


@strawberry.type(
    description="What is assessed: a product version with the digests of its artifacts, made by a signed release "
    "statement. It owns the evidence about those digests and, by provenance, about the sources they were built from."
)
class Release(ReleaseInventory, Node):
    """domain.reading.ReleaseView, for readers."""

    evidence_id: str = strawberry.field(description="The evidence id of the release statement.")
    leaf_index: int = strawberry.field(description="The place of the release statement in the log.")
    name: str = strawberry.field(description="The product's name.")
    version: str = strawberry.field(description="The version.")

    @resolved('Digests of its artifacts as "algorithm:hex", in order.')
    def digests(
        self, first: Annotated[int, strawberry.argument(description="How many at most, up to 100.")] = 20
    ) -> list[str]:
        """The first digests."""
        return list(self.row.digests[: page_size("first", first)])

    @resolved("The signed release statement itself.")
    async def statement(self, info: Info) -> Evidence | None:
        """Loaded together with those of sibling releases."""
        found: Evidence | None = await info.context.find(info, "Evidence", self.row.id, self.at)
        return found

    @resolved("The product: the name its releases go by, with all of them.")
    def product(self) -> Annotated["Product", strawberry.lazy("evidence_api.graphql.products")]:
        """By name."""
        return products.Product(at=self.at, name=self.row.name)

    @resolved("The release of the product stated just before it; null for the first.")
    async def previous(self, info: Info) -> "Release | None":
        """Loaded together with those of sibling releases."""
        return await _neighbour(info, self.row, self.at, later=False)

    @resolved("The release of the product stated just after it; null for the newest of the tree read.")
    async def next(self, info: Info) -> "Release | None":
        """Loaded together with those of sibling releases."""
        return await _neighbour(info, self.row, self.at, later=True)

    @resolved("The evidence the release owns, in log order.")
    async def evidence(  # noqa: PLR0913, PLR0917  Relay's four, and a filter
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Filter = None,  # noqa: A002  the name readers know
    ) -> Connection[Evidence]:
        """Loaded together with the evidence of sibling releases."""
        chosen = chosen_by(filter)
        window, hashed = evidence_window(f"release:{self.id}", chosen, Paging(first, after, last, before))
        listing = listing_of(info, window, self.at)
        session = info.context.session

        async def load(releases: Sequence[str]) -> dict[str, Page[EvidenceView]]:
            return await session.evidence_of_releases(releases, chosen, listing)

        key = ("owned", chosen, listing)
        page = await info.context.batches.of(key, load, NO_EVIDENCE).get(self.row.id)
        return connect_evidence(page, window, hashed, self.at, self._owned(info, chosen))

    @resolved(
        "The assessment in force: the newest, or with `asOf` the first made at the greatest tree size "
        "not over it, which nothing later changes. Null before the first one."
    )
    async def assessment(self, info: Info, as_of: AsOf = None) -> Assessment | None:
        """Loaded together with those of sibling releases."""
        at = self.at if as_of is None else await moment_of(info, as_of)
        row = await latest_row(info, self.row.id, at)
        return None if row is None else assessment_of(row, at)

    @resolved("All assessments of the release, oldest first.")
    async def assessments(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Assessment]:
        """Loaded together with those of sibling releases."""
        hashed = filter_hash("assessments", release=self.row.id)
        window = window_of(Paging(first, after, last, before), hashed)
        session, size = info.context.session, self.at.size

        async def load(releases: Sequence[str]) -> dict[str, Page[AssessmentView]]:
            return await session.assessment_pages(releases, window, size)

        key = ("assessments", window, size)
        page = await info.context.batches.of(key, load, _NO_ASSESSMENTS).get(self.row.id)
        return connect(
            *(page, window, hashed, lambda row: row.position),
            lambda row: assessment_of(row, self.at),
            self._assessed(info),
        )

    @resolved("The components its current, verified SBOMs hold: one item for each thing said.")
    async def components(  # noqa: PLR0913, PLR0917  Relay's four, and a filter
        self,
        info: Info,
        name: Annotated[
            str | None, strawberry.argument(description="Only components of exactly this name; all without it.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Annotated["Component", strawberry.lazy("evidence_api.graphql.components")]]:
        """Loaded together with those of sibling releases."""
        hashed = filter_hash("release-components", release=self.row.id, name=name)
        window = window_of(Paging(first, after, last, before), hashed)
        session, size = info.context.session, self.at.size

        async def load(releases: Sequence[str]) -> Mapping[str, Page[IndexedComponent]]:
            return await inventory.components(session, releases, name, window, size)

        batch = info.context.batches.of(("release-components", name, window, size), load, _NO_COMPONENTS)
        page = await batch.get(self.row.id)
        return connect(page, window, hashed, lambda row: str(row.id), lambda row: components.component_of(row, self.at))

    def _owned(self, info: Info, chosen: reading.EvidenceFilter) -> Counting:
        async def load(releases: Sequence[str]) -> Mapping[str, Counted]:
            return await count_owned(info.context.session, releases, chosen, self.at.size)

        batch = info.context.batches.of(("count-owned", chosen, self.at.size), load, Counted(0))
        return lambda: batch.get(self.row.id)

    def _assessed(self, info: Info) -> Counting:
        async def load(releases: Sequence[str]) -> Mapping[str, Counted]:
            return await count_assessments(info.context.session, releases, self.at.size)

        batch = info.context.batches.of(("count-assessments", self.at.size), load, Counted(0))
        return lambda: batch.get(self.row.id)


def release_of(row: ReleaseView, at: Moment) -> Release:
    """A row as a reader sees it."""
    return Release(
        id=strawberry.ID(encode_id("Release", row.id)),
        row=row,
        at=at,
        evidence_id=row.id,
        leaf_index=row.leaf_index,
        name=row.name,
        version=row.version,
    )


async def _neighbour(info: Info, row: ReleaseView, at: Moment, *, later: bool) -> Release | None:
    session = info.context.session

    async def load(releases: Sequence[str]) -> Mapping[str, ReleaseView]:
        return await session.run(read_history.neighbours, releases, at.size, later=later)

    found = await info.context.batches.of(("neighbour", later, at.size), load, NO_RELEASE).get(row.id)
    return None if found is None else release_of(found, at)


async def find_release(info: Info, key: str, at: Moment) -> Release | None:
    """One release by the evidence id of its statement, loaded together with others asked for in this turn."""
    session = info.context.session

    async def load(ids: Sequence[str]) -> dict[str, ReleaseView]:
        return await session.releases_by_ids(ids, at.size)

    row = await info.context.batches.of(("release", at.size), load, NO_RELEASE).get(key)
    return None if row is None else release_of(row, at)
