"""What a kind of evidence is made of: the types facts have, and how a kind publishes them to `where`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["FactType", "Kind"]


class FactType(StrEnum):
    """What a fact holds. A `word` is a short string; a `time` RFC 3339 in UTC; a `duration` seconds."""

    BOOLEAN = "boolean"
    NUMBER = "number"
    WORD = "word"
    TIME = "time"
    DURATION = "duration"
    WORDS = "list of words"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: what it is about, where it comes from, and its facts (dotted path -> type)."""

    name: str
    title: str
    facts: Mapping[str, FactType]
    derived: bool = False
    words: Mapping[str, tuple[str, ...]] | None = None  # closed vocabularies, path -> allowed words
