"""Reading, between JSON and meaning: the types models of documents are made of, and the way a mismatch is told.

Types are strict everywhere: "3" is no number, 1 is no boolean. Paths in refusals are dotted (`runs.0.tool.driver`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.rfc3339 import parse_rfc3339

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)
_SHOWN = 80
_MOST_DESCRIBED = 400  # characters of a message: a union names every alternative


class ThirdParty(BaseModel):
    """What somebody else defined: unknown members are tolerated."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Own(BaseModel):
    """What we defined, or a closed schema: a member nobody defined is a mistake."""

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


# The first fault is told and ends the reading: a million faults would take a gigabyte.
Several: TypeAlias = Annotated[tuple[T, ...], Field(fail_fast=True), BeforeValidator(_as_tuple)]
Moment: TypeAlias = Annotated[datetime, BeforeValidator(_as_moment)]
Word: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f]+$")]


def read_typed(model: type[Model], document: Mapping[str, Any], *, at: str = "") -> Model:
    """The document as `model`; `at` is its own path inside something larger. Raises Malformed with a dotted path."""
    try:
        return model.model_validate(dict(document))
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_context=False)[0]
        loc = first["loc"][:-1] if first["loc"][-1:] == ("[key]",) else first["loc"]  # of a name, its own path
        path = ".".join((*((at,) if at else ()), *map(str, loc))) or "$"
        value = repr(first["input"])[:_SHOWN]
        reason = first["msg"].removeprefix("Value error, ")[:_MOST_DESCRIBED]
        raise Malformed(f"{path}: {reason}", path=path, value=value) from fault


def check_length(document: Mapping[str, Any], member: str, most: int) -> None:
    """Refuse a list that is too long before its items are read. Raises TooLarge."""
    listed = document.get(member)
    if isinstance(listed, list) and len(listed) > most:
        raise TooLarge(f"{member}: too many", path=member, limit=most, value=len(listed))


def inside(fault: Malformed, at: str) -> Malformed:
    """The same refusal as seen from outside: its path begins with `at`."""
    fields = dict(fault.fields)
    path = fields.get("path")
    fields["path"] = at if path in {None, "", "$", "/"} else f"{at}.{path}"
    return Malformed(f"{at}.{fault.message}", code=fault.code, **fields)
