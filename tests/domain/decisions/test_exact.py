"""Numbers as they are written."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.exact import exact


@pytest.mark.parametrize(
    ("number", "fraction"),
    [
        (0.1, Fraction(1, 10)),
        (-2.5, Fraction(-5, 2)),
        (3, Fraction(3)),
        (1e30, Fraction(10**30)),
        (1e-300, Fraction(1, 10**300)),
        (2**53 - 1, Fraction(2**53 - 1)),
    ],
)
def test_it_is_the_decimal_that_was_written(number: float, fraction: Fraction) -> None:
    assert exact(number) == fraction


@given(st.floats(min_value=-1e30, max_value=1e30, allow_nan=False))
def test_it_reads_as_the_same_double(number: float) -> None:
    assert float(exact(number)) == number
