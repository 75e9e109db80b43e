"""Derived evidence: PageRank over a directed graph, exactly the same for the same graph.

Source: Brin and Page 1998; damping 0.85, nodes without edges giving their rank to all. As both teleporting and those
give to every node alike, the ranks are x = 1 + 0.85·Aᵀx, scaled to sum 1: solved in one pass over a graph without
cycles, and by repeated passes (Gauss-Seidel) over what lies on or behind them.
"""

from collections.abc import Iterable, Sequence

DAMPING = 0.85
TOLERANCE = 1e-12
MAX_PASSES = 200  # 0.85²⁰⁰ is 8e-15: by then it has converged


def page_rank(size: int, edges: Iterable[tuple[int, int]]) -> list[float]:
    """The ranks of nodes 0..size-1, summing to 1; an edge gives rank from its first node to its second.

    Several edges between the same two nodes are one; an edge to itself is none.
    """
    distinct = sorted({(giver, taker) for giver, taker in edges if giver != taker})
    out = [0] * size
    givers: list[list[int]] = [[] for _ in range(size)]
    for giver, taker in distinct:
        out[giver] += 1
        givers[taker].append(giver)
    order, cyclic = _givers_first(size, distinct, givers)
    ranks = [1.0] * size

    def settle(nodes: Sequence[int]) -> float:
        """Set each node's rank by its givers'; gives the largest relative change."""
        change = 0.0
        for node in nodes:
            if taken := givers[node]:
                rank = 1.0 + DAMPING * sum([ranks[giver] / out[giver] for giver in taken])
                change = max(change, abs(rank - ranks[node]) / rank)
                ranks[node] = rank
        return change

    settle(order)
    passes = 0
    while cyclic and settle(cyclic) > TOLERANCE and passes < MAX_PASSES:
        passes += 1
    total = sum(ranks)
    return [rank / total for rank in ranks]


def _givers_first(
    size: int, edges: Sequence[tuple[int, int]], givers: Sequence[Sequence[int]]
) -> tuple[list[int], list[int]]:
    """The nodes that no cycle leads to, each after those that give to it; and the others, by number."""
    takers: list[list[int]] = [[] for _ in range(size)]
    for giver, taker in edges:
        takers[giver].append(taker)
    waiting = [len(one) for one in givers]
    order = [node for node in range(size) if not waiting[node]]
    for node in order:  # grows while it is walked
        for taker in takers[node]:
            waiting[taker] -= 1
            if not waiting[taker]:
                order.append(taker)
    return order, [node for node in range(size) if waiting[node]]
