"""Products as readers see them: the name releases go by, with all of them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import strawberry

from evidence_api.domain.page import Page
from evidence_api.domain.reading import ReleaseView
from evidence_api.graphql import releases
from evidence_api.graphql.connections import After, Before, Connection, First, Last, connect
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash, window_of
from evidence_api.graphql.fields import resolved
from evidence_api.store import read_history

if TYPE_CHECKING:
    from evidence_api.graphql.releases import Release

_NO_RELEASES: Page[ReleaseView] = Page((), more=False)


@strawberry.type(description="A product: the name its releases go by.")
class Product:
    """The releases of one name."""

    at: strawberry.Private[Moment]
    name: str = strawberry.field(description="The name.")

    @resolved("Its releases, in the order they were stated: `last: 1` is the newest.")
    async def releases(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Annotated["Release", strawberry.lazy("evidence_api.graphql.releases")]]:
        """Loaded together with those of sibling products."""
        hashed = filter_hash("product-releases", name=self.name)
        window = window_of(Paging(first, after, last, before), hashed)
        session, size = info.context.session, self.at.size

        async def load(names: Sequence[str]) -> Mapping[str, Page[ReleaseView]]:
            return await session.run(read_history.releases_of_names, names, window, size)

        page = await info.context.batches.of(("product-releases", window, size), load, _NO_RELEASES).get(self.name)
        return connect(
            page, window, hashed, lambda row: str(row.leaf_index), lambda row: releases.release_of(row, self.at)
        )
