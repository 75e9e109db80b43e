"""Predicates, the shared ground: the types predicate models are made of, and the way a mismatch is told.

Third-party predicates may carry members we do not know and null for what is optional; our own may not.
Types are strict everywhere: "3" is no number, 1 is no boolean.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Fact
from evidence_api.formats.rfc3339 import format_rfc3339, parse_rfc3339

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)
_SHOWN = 80


class ThirdParty(BaseModel):
    """A predicate somebody else defined: unknown members are tolerated (in-toto parsing rules)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Own(BaseModel):
    """A `urn:evidence-api:` predicate: a member we did not define is a mistake."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _as_moment(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("an RFC 3339 time is text")  # noqa: TRY004  pydantic wraps ValueError, not TypeError
    try:
        return parse_rfc3339(value)
    except Malformed as fault:
        raise ValueError("not an RFC 3339 time") from fault


Several: TypeAlias = Annotated[tuple[T, ...], BeforeValidator(_as_tuple)]
Moment: TypeAlias = Annotated[datetime, BeforeValidator(_as_moment)]
Word: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f]+$")]
Sha256: TypeAlias = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class Producer(Own):
    """Who made the statement: an id that stays, and the version that ran."""

    id: Word
    version: Word


def read_model(model: type[Model], predicate: Mapping[str, Any]) -> Model:
    """The predicate as `model`. Raises Malformed with a dotted path (`predicate.buildDefinition.buildType`)."""
    try:
        return model.model_validate(dict(predicate))
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_context=False)[0]
        path = ".".join(("predicate", *map(str, first["loc"])))
        value = repr(first["input"])[:_SHOWN]
        raise Malformed(f"{path}: {first['msg']}", path=path, value=value) from fault


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
