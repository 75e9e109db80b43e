"""The logistic model, from one end of the numbers to the other."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.logistic import log_complement, sigmoid, weighted

SCORES = st.floats(min_value=-30, max_value=30)


@given(SCORES)
def test_probability_and_complement_are_those_of_the_definition(score: float) -> None:
    assert math.isclose(sigmoid(score), 1 / (1 + math.exp(-score)), rel_tol=1e-12)
    assert math.isclose(math.exp(log_complement(score)), 1 / (1 + math.exp(score)), rel_tol=1e-12)


@pytest.mark.parametrize("score", [710.0, 1e4, 1e61])
def test_nothing_overflows_and_nothing_is_lost(score: float) -> None:
    assert (sigmoid(score), sigmoid(-score)) == (1.0, math.exp(-score))
    assert (log_complement(score), log_complement(-score)) == (-score, -math.exp(-score))


def test_the_order_of_the_features_does_not_show() -> None:
    assert weighted(0.3, [1e16, 1.0, -1e16], [1.0, 1.0, 1.0]) == 1.3
    assert weighted(0.3, [1.0, -1e16, 1e16], [1.0, 1.0, 1.0]) == 1.3
