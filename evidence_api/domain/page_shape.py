"""Reading, shapes: what of a page of evidence is put into JSON, in which order and under which names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from evidence_api.domain.page import Window
from evidence_api.domain.reading import EvidenceFilter

LONGEST_KEY = 63  # bytes: what a database keeps of a column's name
_KEY = re.compile(rf"[_A-Za-z][_0-9A-Za-z]{{0,{LONGEST_KEY - 1}}}\Z")


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a JSON object: a field of a record under a name. `members` are those of an object in it, `first`
    bounds a list, `typename` is what __typename tells. Raises ValueError for names no column has."""

    field: str
    key: str
    members: tuple["Member", ...] = ()
    first: int | None = None
    typename: str = ""

    def __post_init__(self) -> None:
        if not _KEY.match(self.key) or (self.typename and not _KEY.match(self.typename)):
            msg = f"no name of a column: {self.key[:80]!r}"
            raise ValueError(msg)

    def below(self) -> Iterator["Member"]:
        """Itself and every member below it."""
        yield self
        for member in self.members:
            yield from member.below()


@dataclass(frozen=True, slots=True, eq=False)
class EdgeShape:
    """The members of each edge (`node`, `cursor`); made once per document, and told apart by identity."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class PageAsked:
    """Which page of the log, at which tree size (the newest without `as_of`), and what its edges hold. `cursor_prefix`
    is what every cursor of the list begins with, ready encoded."""

    chosen: EvidenceFilter
    window: Window
    as_of: int | None
    shape: EdgeShape
    cursor_prefix: str


@dataclass(frozen=True, slots=True)
class PageText:
    """A page as JSON objects joined by commas, in the list's order, and where it lies: `count` items from the leaf
    `start` to the leaf `end` (None for an empty page), `more` beyond it, of a tree of `tree_size` leaves."""

    tree_size: int
    edges: str
    count: int
    start: int | None
    end: int | None
    more: bool
