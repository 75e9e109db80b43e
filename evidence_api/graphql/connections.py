"""Connections: pages with opaque cursors, and the arguments every list takes."""

from collections.abc import Callable
from typing import Annotated, Generic, TypeAlias, TypeVar

import strawberry

from evidence_api.domain.page import Page, Window
from evidence_api.graphql.cursors import encode_cursor

T = TypeVar("T")
R = TypeVar("R")

First: TypeAlias = Annotated[
    int | None, strawberry.argument(description="How many from the start, 1 to 100. Give this or `last`.")
]
FirstOnly: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="How many, 1 to 100. Always to be given: this list is read forward alone."),
]
Last: TypeAlias = Annotated[
    int | None, strawberry.argument(description="How many from the end, 1 to 100. Give this or `first`.")
]
After: TypeAlias = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
Before: TypeAlias = Annotated[str | None, strawberry.argument(description="Only what comes before this cursor.")]
AsOf: TypeAlias = Annotated[
    int | None,
    strawberry.argument(
        description="Read the log as it was when it had this many leaves. Without it: the newest tree, the same one "
        "for the whole operation. The same query at the same size answers the same bytes."
    ),
]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Relay's page info."""

    has_next_page: bool = strawberry.field(description="Whether more follows this page.")
    has_previous_page: bool = strawberry.field(description="Whether anything comes before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first item; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last item; null on an empty page.")


@strawberry.type(description="One item of a page, with the cursor that marks its place.")
class Edge(Generic[T]):
    """Relay's edge."""

    node: T = strawberry.field(description="The item.")
    cursor: str = strawberry.field(description="Its place in this list, opaque and good only with the same filter.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    """Relay's connection, without a count: counting is a scan."""

    edges: list[Edge[T]] = strawberry.field(description="The items of this page, in the order of the list.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")


def connect(
    page: Page[R], window: Window, filtered_by: str, position: Callable[[R], str], node: Callable[[R], T]
) -> Connection[T]:
    """A connection of a page of rows."""
    edges = [Edge(node=node(row), cursor=encode_cursor(position(row), filtered_by)) for row in page.items]
    return Connection(
        edges=edges,
        page_info=PageInfo(
            has_next_page=window.before is not None if window.backward else page.more,
            has_previous_page=page.more if window.backward else window.after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )
