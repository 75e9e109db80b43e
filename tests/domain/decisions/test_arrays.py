"""Numbers in bulk: what is well formed is taken as it stands, what is not, refused with a path."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.arrays import Matrix, Reals
from evidence_api.domain.decisions.shape import Part
from evidence_api.domain.errors import Malformed
from evidence_api.domain.typed_json import read_typed

NUMBERS = st.floats(-1e30, 1e30) | st.integers(-(2**60), 2**60)


class Both(Part):
    a: Matrix
    x: Reals


@given(st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=1)))
def test_rows_of_one_length_are_taken(rows: list[list[float]]) -> None:
    read = read_typed(Both, {"a": rows, "x": rows[0]})
    assert read.a.tolist() == [[float(one) for one in row] for row in rows]
    assert read.x.tolist() == read.a[0].tolist()
    assert read.a.dtype == read.x.dtype == np.float64


@pytest.mark.parametrize(
    ("rows", "path"),
    [
        ("none", "a"),
        (None, "a"),
        ([], "a"),
        ([[]], "a.0"),
        ([1.0], "a.0"),
        ([[1.0], [2.0, 3.0]], "a"),
        ([[1.0, 2.0], [3.0, True]], "a.1.1"),
        ([[True]], "a.0.0"),
        ([[1.0, "2"]], "a.0.1"),
        ([[1.0, None]], "a.0.1"),
        ([[float("nan")]], "a.0.0"),
        ([[0.0, float("-inf")]], "a.0.1"),
        ([[1.0], [1e308]], "a.1.0"),
        ([[-1.1e30]], "a.0.0"),
        ([[10**400]], "a.0.0"),
        ([[0.0] * 65], "a.0"),
        ([[0.0]] * 10_001, "a"),
    ],
)
def test_what_is_no_matrix_is_refused_with_its_path(rows: Any, path: str) -> None:  # noqa: ANN401  any JSON
    with pytest.raises(Malformed) as refused:
        read_typed(Both, {"a": rows, "x": [1.0]})
    assert refused.value.fields["path"] == path


@pytest.mark.parametrize(
    ("row", "path"),
    [([], "x"), ([[1.0]], "x.0"), ([1.0, False], "x.1"), ([1.0, float("inf")], "x.1"), ([0.0] * 65, "x"), ({}, "x")],
)
def test_what_is_no_vector_is_refused_with_its_path(row: Any, path: str) -> None:  # noqa: ANN401  any JSON
    with pytest.raises(Malformed) as refused:
        read_typed(Both, {"a": [[1.0]], "x": row})
    assert refused.value.fields["path"] == path


def test_the_schema_says_the_bounds() -> None:
    schema = json.dumps(Both.model_json_schema())
    assert '"maxItems": 64' in schema
    assert '"maxItems": 10000' in schema
    assert '"maximum": 1e+30' in schema
