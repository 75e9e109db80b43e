"""Components as readers see them: what verified SBOMs say of a package, and the releases that hold it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias
from uuid import UUID

import strawberry

from evidence_api.domain.component import IndexedComponent
from evidence_api.domain.errors import Malformed
from evidence_api.domain.page import Page
from evidence_api.domain.reading import ComponentFilter, ReleaseView
from evidence_api.formats.component_index import indexed_package
from evidence_api.formats.packages import parse_purl
from evidence_api.graphql import releases
from evidence_api.graphql.connections import After, Before, Connection, First, Last, connect
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash, window_of
from evidence_api.graphql.fields import resolved

if TYPE_CHECKING:
    from evidence_api.graphql.releases import Release

_NO_RELEASES: Page[ReleaseView] = Page((), more=False)

Purl: TypeAlias = Annotated[
    str | None,
    strawberry.argument(
        description="A package URL: its type, namespace and name count, and its version if it has one."
    ),
]
ComponentName: TypeAlias = Annotated[str | None, strawberry.argument(description="The component's name, exactly.")]


@strawberry.type(
    description="What verified SBOMs say of one component, word for word the same. The index follows the log by a "
    "moment; texts longer than 512 characters are cut in it."
)
class Component:
    """domain.component.IndexedComponent, for readers."""

    row: strawberry.Private[IndexedComponent]
    at: strawberry.Private[Moment]
    name: str = strawberry.field(description="Its name.")
    version: str = strawberry.field(description="Its version; empty if none is said.")
    purl: str = strawberry.field(description="Its package URL as written; empty if none is said.")
    package: str = strawberry.field(description="The same without version and qualifiers, in one spelling.")
    supplier: str = strawberry.field(description="Who supplies it; empty if not said.")
    licence: str = strawberry.field(description="An SPDX expression, or the text as written; empty if not said.")
    hashes: list[str] = strawberry.field(description='Hashes as "algorithm:hex", at most 16.')

    @resolved("The releases that hold it, in the order they were stated.")
    async def releases(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Annotated["Release", strawberry.lazy("evidence_api.graphql.releases")]]:
        """Loaded together with those of sibling components."""
        hashed = filter_hash("component-releases", component=str(self.row.id))
        window = window_of(Paging(first, after, last, before), hashed)
        session, size = info.context.session, self.at.size

        async def load(components: Sequence[UUID]) -> dict[UUID, Page[ReleaseView]]:
            return await session.releases_of_components(components, window, size)

        page = await info.context.batches.of(("component-releases", window, size), load, _NO_RELEASES).get(self.row.id)
        return connect(
            page, window, hashed, lambda row: str(row.leaf_index), lambda row: releases.release_of(row, self.at)
        )


def component_filter(purl: str | None, name: str | None) -> ComponentFilter:
    """What a list of components is narrowed to. Raises Malformed (neither is given, or not a purl)."""
    if purl is None and name is None:
        raise Malformed("give `purl` or `name`", code="component_not_named", path="purl")
    if purl is None:
        return ComponentFilter(name=name)
    url = parse_purl(purl)
    if url is None:
        raise Malformed(f"not a package URL: {purl[:80]!r}", path="purl", value=purl[:80])
    return ComponentFilter(indexed_package(url), url.version or None, name)


def component_of(row: IndexedComponent, at: Moment) -> Component:
    """A row as a reader sees it."""
    return Component(
        row=row,
        at=at,
        name=row.name,
        version=row.version,
        purl=row.purl,
        package=row.package,
        supplier=row.supplier,
        licence=row.licence,
        hashes=list(row.hashes),
    )
