"""Predicates, the shared ground: the types predicate models are made of, and what facts may be said of them.

Third-party predicates may carry members we do not know and null for what is optional; our own may not.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeAlias

from pydantic import Field, StringConstraints

from evidence_api.domain.decisions.shape import Producer
from evidence_api.domain.evidence import Fact
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.typed_json import Model, Moment, Own, Several, ThirdParty, Word, read_typed

__all__ = [
    "Count",
    "Moment",
    "Own",
    "Producer",
    "Several",
    "Sha256",
    "ThirdParty",
    "Word",
    "count_of",
    "known_facts",
    "read_model",
    "short_word",
]

_WORD = 200  # characters of a name of others in a fact

Count: TypeAlias = Annotated[int, Field(ge=0)]
Sha256: TypeAlias = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


def read_model(model: type[Model], predicate: Mapping[str, Any]) -> Model:
    """The predicate as `model`. Raises Malformed with a dotted path (`predicate.buildDefinition.buildType`)."""
    return read_typed(model, predicate, at="predicate")


def known_facts(stated: Mapping[str, Fact | datetime | None]) -> dict[str, Fact]:
    """The facts that were stated: None and empty text mean unknown and leave no fact; times become RFC 3339."""
    return {
        path: format_rfc3339(fact) if isinstance(fact, datetime) else fact
        for path, fact in stated.items()
        if fact is not None and fact != ""
    }


def count_of(items: tuple[object, ...] | None) -> int | None:
    """How many, or None where the list itself is not there."""
    return None if items is None else len(items)


def short_word(text: str) -> str:
    """A name of others as one word of a fact: at most 200 characters, and no control characters."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:_WORD])
