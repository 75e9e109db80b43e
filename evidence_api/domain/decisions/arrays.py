"""Decisions, numbers in bulk: lists of a predicate read straight into float arrays.

A card of a router holds some thousands of numbers, and reading each as an object of its own would cost more than the
linear algebra on them. So what is well formed is converted at once; what is not is read again slowly, for the path of
its first bad element (`inputs.arms.0.A.3.2`). Bounds are those of `Real`: finite, at most 1e30 from zero.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PlainValidator, TypeAdapter, WithJsonSchema
from pydantic_core import PydanticCustomError

from evidence_api.domain.decisions.shape import MAX_DIMENSIONS, MAX_REAL, MAX_ROWS, Real

Floats: TypeAlias = NDArray[np.float64]

_Row: TypeAlias = Annotated[list[Real], Field(min_length=1, max_length=MAX_DIMENSIONS)]
_ROW: TypeAdapter[list[float]] = TypeAdapter(_Row)
_ROWS: TypeAdapter[list[list[float]]] = TypeAdapter(Annotated[list[_Row], Field(min_length=1, max_length=MAX_ROWS)])
_NUMBERS = frozenset({float, int})  # types of JSON numbers; bool is neither here


def _row(value: object) -> Floats:
    """A vector of 1 to 64 numbers."""
    if isinstance(value, list) and 0 < len(value) <= MAX_DIMENSIONS:
        numbers = _floats(value)
        if numbers is not None:
            return numbers
    return np.array(_ROW.validate_python(value, strict=True), dtype=np.float64)


def _rows(value: object) -> Floats:
    """A matrix: up to 10,000 rows of one length, 1 to 64 numbers each."""
    if isinstance(value, list) and 0 < len(value) <= MAX_ROWS and set(map(type, value)) == {list}:
        widths = set(map(len, value))
        if len(widths) == 1 and 0 < max(widths) <= MAX_DIMENSIONS:
            numbers = _floats(list(chain.from_iterable(value)))
            if numbers is not None:
                return numbers.reshape(len(value), -1)
    rows = _ROWS.validate_python(value, strict=True)
    if len(set(map(len, rows))) > 1:
        raise PydanticCustomError("ragged", "the rows are not of one length")
    return np.array(rows, dtype=np.float64)


def _floats(values: Sequence[Any]) -> Floats | None:
    """The values as an array; None where one of them is no number within bounds, and must be named."""
    if not _NUMBERS.issuperset(map(type, values)):
        return None
    try:
        numbers = np.fromiter(values, np.float64, len(values))
    except OverflowError:  # an integer no double holds
        return None
    within = np.minimum.reduce(numbers) >= -MAX_REAL and np.maximum.reduce(numbers) <= MAX_REAL
    return numbers if within else None


_NUMBER_SCHEMA = {"type": "number", "minimum": -MAX_REAL, "maximum": MAX_REAL}
_ROW_SCHEMA = {"type": "array", "items": _NUMBER_SCHEMA, "minItems": 1, "maxItems": MAX_DIMENSIONS}
_ROWS_SCHEMA = {"type": "array", "items": _ROW_SCHEMA, "minItems": 1, "maxItems": MAX_ROWS}

Reals: TypeAlias = Annotated[Floats, PlainValidator(_row), WithJsonSchema(_ROW_SCHEMA)]  # d
Matrix: TypeAlias = Annotated[Floats, PlainValidator(_rows), WithJsonSchema(_ROWS_SCHEMA)]  # n x d
