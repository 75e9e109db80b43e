"""Selection by impact, held against the definition spelt out step by step."""

import time

from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.decisions.impact_selection import reached, select_by_coverage, select_by_hops

NODES = st.sampled_from(["file:a", "file:b", "file:c", "dep:z", "owner:u", "test:1", "test:2", "test:3"])
EDGES = st.lists(st.lists(NODES, max_size=4), max_size=7)


@given(EDGES, st.lists(NODES, max_size=3), st.integers(0, 8))
def test_every_hop_leads_to_all_that_share_an_edge(edges: list[list[str]], changed: list[str], hops: int) -> None:
    near = set(changed)
    for _ in range(hops):
        near = near.union(*(edge for edge in edges if near.intersection(edge)))
    assert reached(edges, changed, hops) == near
    assert select_by_hops(edges, changed, hops) == sorted(node for node in near if node.startswith("test:"))


def test_a_test_that_changed_is_no_hop_away_even_without_an_edge() -> None:
    assert select_by_hops([["test:b", "test:c"]], ["test:b", "test:a"], 0) == ["test:a", "test:b"]


def test_a_name_that_only_holds_the_word_is_no_test() -> None:
    assert select_by_hops([["file:a", "file:test:x", "tests", "test:"]], ["file:a"], 1) == ["test:"]


def test_a_long_chain_with_a_crowded_node_is_walked_once() -> None:
    chain = [[f"file:{index}", f"file:{index + 1}", "file:0"] for index in range(10_000)]
    started = time.process_time()
    assert len(reached(chain, ["file:10000"], 10_000)) == 10_001
    assert time.process_time() - started < 1


@given(
    st.lists(st.sampled_from("abcdef")),
    st.lists(st.tuples(st.sampled_from(["t1", "t2", "t3"]), st.lists(st.sampled_from("abcd")))),
)
def test_every_test_that_covers_a_changed_file(changed: list[str], coverage: list[tuple[str, list[str]]]) -> None:
    selected, uncovered = select_by_coverage(changed, coverage)
    assert selected == sorted({test for test, files in coverage if any(one in files for one in changed)})
    assert uncovered == sorted({one for one in changed if not any(one in files for _, files in coverage)})
