"""The tree behind the log: RFC 9162 section 2.1 (RFC 6962) hashing, growth by a frontier, proofs made and checked.

A node (level, index) covers leaves [index << level, (index + 1) << level) and is complete: all of them are there.
The right edge of a tree, complete or not, is derived from complete nodes, so nothing incomplete is ever stored.
All hashes are 32 raw bytes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from evidence_api.domain.errors import Malformed, VerificationFailed

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()

Node: TypeAlias = tuple[int, int]
NodeSource: TypeAlias = Callable[[int, int], bytes]  # (level, index) of a complete node -> its hash


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256 of 0x00 and the leaf's bytes."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01, the left and the right child."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree of `size` leaves as its largest complete subtrees, largest first: one per set bit of the size."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise Malformed(f"a frontier of size {self.size} does not have {len(self.hashes)} subtrees")

    def append(self, leaf_hashes: Iterable[bytes]) -> "Frontier":
        """The frontier after these leaf hashes."""
        return grow(self, leaf_hashes).frontier

    def root(self) -> bytes:
        """The root hash; of the empty tree SHA-256 of nothing."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in self.hashes[-2::-1]:
            root = node_hash(left, root)
        return root

    def nodes(self) -> dict[Node, bytes]:
        """The subtrees as complete nodes."""
        levels = [level for level in range(self.size.bit_length()) if self.size >> level & 1]
        return {
            (level, (self.size >> level) - 1): subtree
            for level, subtree in zip(reversed(levels), self.hashes, strict=True)
        }


@dataclass(frozen=True, slots=True)
class Growth:
    """A grown tree: its frontier, and every complete node needed to prove the leaves that were added."""

    frontier: Frontier
    nodes: Mapping[Node, bytes]

    def node(self, level: int, index: int) -> bytes:
        """A hash source for leaves added in this growth."""
        return self.nodes[level, index]


def grow(frontier: Frontier, leaf_hashes: Iterable[bytes]) -> Growth:
    """Add leaves, keeping the new complete nodes: receipts of a batch are proved from these alone."""
    nodes = frontier.nodes()
    stack = list(frontier.hashes)
    size = frontier.size
    for leaf in leaf_hashes:
        nodes[0, size] = current = leaf
        level, index = 0, size
        while index & 1:
            current = node_hash(stack.pop(), current)
            level += 1
            index >>= 1
            nodes[level, index] = current
        stack.append(current)
        size += 1
    return Growth(Frontier(size, tuple(stack)), nodes)


class Prover:
    """Makes proofs for the tree of `size` leaves from a source of its complete nodes."""

    def __init__(self, size: int, node: NodeSource) -> None:
        self._size = size
        self._node = node
        self._edge = self._right_edge()
        self._ways: dict[Node, tuple[bytes, ...]] = {}

    def root(self) -> bytes:
        """The root hash."""
        return self._edge[-1] if self._edge else EMPTY_ROOT

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """RFC 9162 section 2.1.3.1: the siblings on the way from leaf `index` to the root."""
        if not 0 <= index < self._size:
            raise VerificationFailed(
                f"no leaf {index} in a tree of {self._size}", code="inclusion_proof", value=index, limit=self._size
            )
        return self._siblings(0, index)

    def consistency(self, old_size: int) -> tuple[bytes, ...]:
        """RFC 9162 section 2.1.4.1: how the tree of `old_size` leaves became this one. From 0 there is no proof."""
        if not 0 < old_size <= self._size:
            raise VerificationFailed(
                f"no consistency proof from size {old_size} to {self._size}", code="consistency_proof", value=old_size
            )
        if old_size == self._size:
            return ()
        level, index = 0, old_size - 1
        while index & 1:
            level += 1
            index >>= 1
        start = (self._node(level, index),) if index else ()
        return (*start, *self._siblings(level, index))

    def _siblings(self, level: int, index: int) -> tuple[bytes, ...]:
        """The way from a node to the root. Neighbours share all but its beginning, so what is known is kept."""
        last = (self._size - 1) >> level
        if not last:
            return ()
        way = self._ways.get((level, index))
        if way is None:
            sibling = index ^ 1
            way = self._siblings(level + 1, index >> 1)
            if sibling < last:
                way = (self._node(level, sibling), *way)
            elif sibling == last:
                way = (self._edge[level], *way)
            if level:
                self._ways[level, index] = way
        return way

    def _right_edge(self) -> list[bytes]:
        """Per level the hash of the last node there, complete or not; the root comes last."""
        if not self._size:
            return []
        last = self._size - 1
        edge = [self._node(0, last)]
        level = 0
        while last:
            below, last = last, last >> 1
            level += 1
            if (last + 1) << level == self._size:
                edge.append(self._node(level, last))
            elif below & 1:
                edge.append(node_hash(self._node(level - 1, below - 1), edge[-1]))
            else:
                edge.append(edge[-1])
        return edge


def inclusion_proof(index: int, size: int, node: NodeSource) -> tuple[bytes, ...]:
    """The proof that leaf `index` is in the tree of `size` leaves. Raises VerificationFailed (no such leaf)."""
    return Prover(size, node).inclusion(index)


def consistency_proof(old_size: int, size: int, node: NodeSource) -> tuple[bytes, ...]:
    """The proof that the tree of `old_size` leaves begins the one of `size`. Raises VerificationFailed."""
    return Prover(size, node).consistency(old_size)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162 section 2.1.3.2; `leaf` is the leaf's hash. Raises VerificationFailed "inclusion_proof"."""
    verify_subtree_inclusion(leaf, index, 0, size, proof, root)


def verify_consistency(old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """RFC 9162 section 2.1.4.2. Raises VerificationFailed "consistency_proof", from size 0 always: the empty tree
    begins every tree, so a proof of it would prove nothing."""
    if old_size <= 0:
        raise _inconsistent("a consistency proof from size 0 proves nothing")
    verify_subtree_consistency(0, old_size, size, old_root, root, proof)


def verify_subtree_inclusion(  # noqa: PLR0913, PLR0917  the terms of the definition
    leaf: bytes, index: int, start: int, end: int, proof: Sequence[bytes], root: bytes
) -> None:
    """A leaf in the subtree [start, end), by its index in the whole tree (Merkle Tree Certificates, section 4.3).

    Raises VerificationFailed "inclusion_proof".
    """
    if not _is_subtree(start, end) or not start <= index < end:
        raise _not_included(f"leaf {index} is not in [{start}, {end})")
    if not _are_hashes((leaf, *proof)):
        raise _not_included("a hash is not 32 bytes")
    number, last, current = index - start, end - start - 1, leaf
    for sibling in proof:
        if not last:
            raise _not_included("the proof is too long")
        if number & 1 or number == last:
            current = node_hash(sibling, current)
            while number and not number & 1:
                number >>= 1
                last >>= 1
        else:
            current = node_hash(current, sibling)
        number >>= 1
        last >>= 1
    if last:
        raise _not_included("the proof is too short")
    if current != root:
        raise _not_included("the proof leads to another root")


def verify_subtree_consistency(  # noqa: PLR0913, PLR0917  the terms of the definition
    start: int, end: int, size: int, subtree_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """The subtree [start, end) is part of the tree of `size` leaves (Merkle Tree Certificates, section 4.4.3).

    An empty subtree has the empty root and needs no proof. Raises VerificationFailed "consistency_proof".
    """
    if not _is_subtree(start, end) or end > size:
        raise _inconsistent(f"[{start}, {end}) is no subtree of a tree of {size}")
    if not _are_hashes(proof):
        raise _inconsistent("a hash is not 32 bytes")
    if start == end:
        if proof or subtree_root != EMPTY_ROOT:
            raise _inconsistent("the empty subtree has the empty root and no proof")
        return
    old, new = _fold(start, end, size, subtree_root, proof)
    if old != subtree_root or new != root:
        raise _inconsistent("the proof leads to another root")


def _fold(start: int, end: int, size: int, subtree_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Both roots as the proof gives them."""
    first, second, third = start, end - 1, size - 1
    while first != second and (second & 1 or second == third):
        first, second, third = first >> 1, second >> 1, third >> 1
    rest = list(proof)
    if first != second and not rest:
        raise _inconsistent("the proof is too short")
    old = new = subtree_root if first == second else rest.pop(0)
    for sibling in rest:
        if not third:
            raise _inconsistent("the proof is too long")
        if second & 1 or second == third:
            if first < second:
                old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while second and not second & 1:
                first, second, third = first >> 1, second >> 1, third >> 1
        else:
            new = node_hash(new, sibling)
        first, second, third = first >> 1, second >> 1, third >> 1
    if third:
        raise _inconsistent("the proof is too short")
    return old, new


def _is_subtree(start: int, end: int) -> bool:
    """Its start is a multiple of the smallest power of two that holds it."""
    if not 0 <= start <= end:
        return False
    length = end - start
    return length == 0 or start % (1 << (length - 1).bit_length()) == 0


def _are_hashes(hashes: Iterable[bytes]) -> bool:
    return all(len(one) == HASH_SIZE for one in hashes)


def _not_included(message: str) -> VerificationFailed:
    return VerificationFailed(message, code="inclusion_proof")


def _inconsistent(message: str) -> VerificationFailed:
    return VerificationFailed(message, code="consistency_proof")
