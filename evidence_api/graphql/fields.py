"""Typed forms of strawberry's decorators, which are untyped where a description is given."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import strawberry

P = ParamSpec("P")
T = TypeVar("T")


def resolved(description: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Make a method a field of the schema, described."""
    decorate: Callable[[Callable[P, T]], Callable[P, T]] = strawberry.field(description=description)
    return decorate


def named(value: str, description: str) -> Any:  # noqa: ANN401  the members of an Enum with `_value_: str`
    """A value of an enumeration, described."""
    return strawberry.enum_value(value, description=description)
