"""Connections: pages with opaque cursors, and the arguments every list takes."""

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from typing import Annotated, Generic, TypeAlias, TypeVar

import strawberry

from evidence_api.domain.page import Counted, Page, Window, slice_of
from evidence_api.graphql.cursors import Paging, encode_cursor, window_of
from evidence_api.graphql.fields import named, resolved

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


@strawberry.enum(description="How exact a count is.")
class CountRelation(Enum):
    """domain.page.Counted.exact, for readers."""

    _value_: str

    EXACT = named("exact", "That many there are.")
    AT_LEAST = named("at_least", "There are that many, and more: nobody counts on.")


@strawberry.type(description="How long a list is, as far as it is counted.")
class Count:
    """domain.page.Counted, for readers."""

    value: int = strawberry.field(description="The items counted, 10,000 at most.")
    relation: CountRelation = strawberry.field(description="Whether that is all of them.")


Counting: TypeAlias = Callable[[], Awaitable[Counted]]


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
    """Relay's connection. What counts it runs only where the count is selected."""

    counting: strawberry.Private[Counting | None]
    edges: list[Edge[T]] = strawberry.field(description="The items of this page, in the order of the list.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")

    @resolved("How long the whole list is, of which this is a page; null where it is not counted.")
    async def total_count(self) -> Count | None:
        """Bounded."""
        return None if self.counting is None else count_of(await self.counting())


def count_of(found: Counted) -> Count:
    """A count as a reader sees it."""
    return Count(value=found.value, relation=CountRelation.EXACT if found.exact else CountRelation.AT_LEAST)


def known(number: int) -> Counting:
    """What counts a list that is in memory."""

    async def counting() -> Counted:
        return Counted(number)

    return counting


def connect(  # noqa: PLR0913, PLR0917  a page, and how its items are shown
    page: Page[R],
    window: Window,
    filtered_by: str,
    position: Callable[[R], str],
    node: Callable[[R], T],
    counting: Counting | None = None,
) -> Connection[T]:
    """A connection of a page of rows."""
    edges = [Edge(node=node(row), cursor=encode_cursor(position(row), filtered_by)) for row in page.items]
    return Connection(
        counting=counting,
        edges=edges,
        page_info=PageInfo(
            has_next_page=window.before is not None if window.backward else page.more,
            has_previous_page=page.more if window.backward else window.after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def connect_ordered(hashed: str, paging: Paging, items: Sequence[T]) -> Connection[T]:
    """A page of a list in memory whose order is its own; positions are ordinals of that list."""
    window = window_of(paging, hashed)
    numbered = [(f"{number:08d}", item) for number, item in enumerate(items)]
    page = slice_of(numbered, window, lambda pair: pair[0])
    return connect(page, window, hashed, lambda pair: pair[0], lambda pair: pair[1], known(len(items)))
