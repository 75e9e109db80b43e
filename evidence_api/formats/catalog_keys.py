"""Catalog load, what a key may hold: the vocabulary in which catalog_shapes.py lists the keys of every document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from evidence_api.formats.catalog_fields import MAX_TEXT


@dataclass(frozen=True, slots=True)
class Text:
    """Free text; with a pattern, text of that form."""

    limit: int = MAX_TEXT
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Identifier:
    """Letters, digits, `.`, `_` and `-`; a reference to a criterion may also end in `(1)`."""

    reference: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One of a closed list; `default` where nothing is said."""

    allowed: tuple[str, ...]
    default: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A list of words (of a closed list, where there is one), or one word standing for a list of one."""

    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between two bounds."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Duration:
    """An ISO 8601 duration of fixed length."""


@dataclass(frozen=True, slots=True)
class Day:
    """YYYY-MM-DD."""


@dataclass(frozen=True, slots=True)
class Condition:
    """The `where` language."""


@dataclass(frozen=True, slots=True)
class KindName:
    """A kind of evidence."""


@dataclass(frozen=True, slots=True)
class Nested:
    """A mapping."""

    shape: "Shape"


@dataclass(frozen=True, slots=True)
class Either:
    """One word or text, or a mapping that says more."""

    scalar: "Text | Word"
    shape: "Shape"


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of mappings, each of them sometimes written as one word."""

    item: "Nested | Either"


Reads: TypeAlias = (
    Text | Identifier | Word | Words | Integer | Duration | Day | Condition | KindName | Nested | Either | ListOf
)


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what it holds, what it means, an example of its value."""

    reads: Reads
    doc: str
    example: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A mapping: `name` is what faults call it."""

    name: str
    doc: str
    keys: Mapping[str, Key] = field(default_factory=dict)
