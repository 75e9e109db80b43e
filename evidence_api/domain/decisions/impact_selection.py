"""Selecting tests by impact: those that cover what changed, or are near it in a hypergraph of the code.

In a hypergraph an edge joins any number of nodes (the files of a module, an owner and what is owned, a test and what it
covers). One hop leads from a node to every node that shares an edge with it; tests are the nodes named `test:…`.
Both take time linear in the size of what they are given.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

TEST = "test:"


def select_by_coverage(
    changed: Iterable[str], coverage: Iterable[tuple[str, Iterable[str]]]
) -> tuple[list[str], list[str]]:
    """The tests that cover any changed file, and the changed files that none covers, both sorted.

    >>> select_by_coverage(["a.py", "new.py"], [("t/one", ["a.py", "b.py"]), ("t/two", ["b.py"])])
    (['t/one'], ['new.py'])
    """
    wanted = set(changed)
    selected, covered = set(), set()
    for test, files in coverage:
        met = wanted.intersection(files)
        if met:
            selected.add(test)
            covered |= met
    return sorted(selected), sorted(wanted - covered)


def reached(edges: Sequence[Sequence[str]], changed: Iterable[str], max_hops: int) -> set[str]:
    """Every node within `max_hops` of what changed, itself included; breadth first, each edge walked once.

    >>> sorted(reached([["file:a", "file:b"], ["file:b", "test:x"]], ["file:a"], max_hops=1))
    ['file:a', 'file:b']
    """
    edges_of: defaultdict[str, list[int]] = defaultdict(list)
    for index, nodes in enumerate(edges):
        for node in nodes:
            edges_of[node].append(index)
    seen, walked = set(changed), set[int]()
    ring = list(seen)
    for _ in range(max_hops):
        near = {index for node in ring for index in edges_of.get(node, ())} - walked
        if not near:
            break
        walked |= near
        ring = list({node for index in near for node in edges[index]} - seen)
        seen.update(ring)
    return seen


def select_by_hops(edges: Sequence[Sequence[str]], changed: Iterable[str], max_hops: int) -> list[str]:
    """The tests within `max_hops` of what changed, sorted; a test that changed is 0 hops away.

    >>> select_by_hops([["file:a", "file:b"], ["file:b", "test:x"]], ["file:a", "test:new"], max_hops=2)
    ['test:new', 'test:x']
    """
    return sorted(node for node in reached(edges, changed, max_hops) if node.startswith(TEST))
