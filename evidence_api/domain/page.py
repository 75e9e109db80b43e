"""One page of a list: which slice is asked for, and what came back. Keyset, never an offset."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window:
    """At most `size` items strictly between the positions `after` and `before`.

    `backward` takes them from the end of that range; the order of the items is the list's own either
    way. A position is the sort key of an item as text (a leaf index, a reference), never an offset.
    """

    size: int
    backward: bool = False
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The items of one window, in the list's order; `more` says that the range went on past them."""

    items: tuple[T, ...]
    more: bool


def cut(rows: Sequence[T], window: Window) -> Page[T]:
    """Make a page of rows read in reading order (newest first when backward), one more than asked for."""
    items = rows[: window.size]
    return Page(tuple(reversed(items)) if window.backward else tuple(items), len(rows) > window.size)


def slice_of(items: Sequence[T], window: Window, position: Callable[[T], str]) -> Page[T]:
    """The page of a list held in memory, sorted by `position`."""
    within = [
        item
        for item in items
        if (window.after is None or position(item) > window.after)
        and (window.before is None or position(item) < window.before)
    ]
    return cut(within[::-1] if window.backward else within, window)


MAX_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Counted:
    """How many items a list has: `value` of them, or, where it is not `exact`, at least as many."""

    value: int
    exact: bool = True


def counted(found: int) -> Counted:
    """What counting up to one more than MAX_COUNTED came to."""
    return Counted(min(found, MAX_COUNTED), found <= MAX_COUNTED)
