import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.page_rank import DAMPING, page_rank


def reference(size: int, edges: list[tuple[int, int]]) -> list[float]:
    """The definition, by plain power iteration; nodes without edges give to all."""
    distinct = {(giver, taker) for giver, taker in edges if giver != taker}
    out = [sum(1 for giver, _ in distinct if giver == node) for node in range(size)]
    ranks = [1 / size] * size
    for _ in range(300):
        loose = sum(rank for rank, edges_out in zip(ranks, out, strict=True) if not edges_out)
        taken = [sum(ranks[giver] / out[giver] for giver, taker in distinct if taker == node) for node in range(size)]
        ranks = [(1 - DAMPING) / size + DAMPING * (one + loose / size) for one in taken]
    return ranks


SIZES = st.integers(1, 8)
GRAPHS = SIZES.flatmap(
    lambda size: st.tuples(
        st.just(size), st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=16)
    )
)


@settings(max_examples=100, deadline=None)
@given(GRAPHS)
def test_ranks_are_those_of_the_definition(graph: tuple[int, list[tuple[int, int]]]) -> None:
    size, edges = graph
    assert page_rank(size, edges) == pytest.approx(reference(size, edges), rel=1e-9)
    assert page_rank(size, edges) == page_rank(size, [*reversed(edges), *edges])


def test_what_many_depend_on_ranks_highest_and_a_long_chain_needs_no_recursion() -> None:
    ranks = page_rank(4, [(0, 3), (1, 3), (2, 3)])
    assert ranks[3] == max(ranks)
    assert sum(page_rank(50_000, [(node, node + 1) for node in range(49_999)])) == pytest.approx(1)
    assert page_rank(0, []) == []
