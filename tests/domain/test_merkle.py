from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.errors import Malformed, VerificationFailed
from evidence_api.domain.merkle import (
    EMPTY_ROOT,
    Frontier,
    Prover,
    consistency_proof,
    grow,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

SIZES = st.integers(1, 300)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def naive_root(hashes: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(naive_root(hashes[:split]), naive_root(hashes[split:]))


def naive_inclusion(index: int, hashes: list[bytes]) -> list[bytes]:
    """RFC 9162 section 2.1.3.1, word for word."""
    if len(hashes) == 1:
        return []
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    if index < split:
        return [*naive_inclusion(index, hashes[:split]), naive_root(hashes[split:])]
    return [*naive_inclusion(index - split, hashes[split:]), naive_root(hashes[:split])]


def naive_consistency(size: int, hashes: list[bytes], *, whole: bool = True) -> list[bytes]:
    """RFC 9162 section 2.1.4.1, word for word."""
    if size == len(hashes):
        return [] if whole else [naive_root(hashes)]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    if size <= split:
        return [*naive_consistency(size, hashes[:split], whole=whole), naive_root(hashes[split:])]
    return [*naive_consistency(size - split, hashes[split:], whole=False), naive_root(hashes[:split])]


def test_the_empty_tree_and_the_known_leaf() -> None:
    assert Frontier().root() == EMPTY_ROOT == Prover(0, lambda *_: b"").root()
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


@given(SIZES, st.lists(st.integers(1, 50), max_size=6))
def test_the_frontier_gives_the_root_however_the_leaves_arrive(size: int, batches: list[int]) -> None:
    hashes = leaves(size)
    frontier, at = Frontier(), 0
    for batch in [*batches, size]:
        frontier = frontier.append(hashes[at : at + batch])
        at = min(at + batch, size)
    assert frontier.size == size
    assert frontier.root() == naive_root(hashes)


@given(SIZES, st.data())
def test_proofs_equal_the_definition_and_verify(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    node = grow(Frontier(), hashes).node
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    inclusion, consistency = inclusion_proof(index, size, node), consistency_proof(old, size, node)
    assert list(inclusion) == naive_inclusion(index, hashes)
    assert list(consistency) == naive_consistency(old, hashes)
    verify_inclusion(hashes[index], index, size, inclusion, naive_root(hashes))
    verify_consistency(old, size, naive_root(hashes[:old]), naive_root(hashes), consistency)


@given(st.integers(0, 300), st.integers(1, 80))
def test_a_batch_is_proved_from_the_frontier_alone(before: int, added: int) -> None:
    hashes = leaves(before + added)
    growth = grow(Frontier().append(hashes[:before]), hashes[before:])
    prover = Prover(before + added, growth.node)
    assert prover.root() == growth.frontier.root()
    for index in range(before, before + added):
        verify_inclusion(hashes[index], index, before + added, prover.inclusion(index), prover.root())


@given(SIZES, st.data())
def test_a_changed_proof_is_refused(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    node = grow(Frontier(), hashes).node
    index = data.draw(st.integers(0, size - 1))
    proof = list(inclusion_proof(index, size, node))
    root = naive_root(hashes)
    changed = data.draw(st.sampled_from(["longer", "shorter", "flipped", "leaf"]))
    leaf = hashes[index]
    if changed == "longer" or not proof:
        proof.append(root)
    elif changed == "shorter":
        proof.pop(data.draw(st.integers(0, len(proof) - 1)))
    elif changed == "flipped":
        position = data.draw(st.integers(0, len(proof) - 1))
        proof[position] = bytes([proof[position][0] ^ 1]) + proof[position][1:]
    else:
        leaf = leaf_hash(b"another")
    with pytest.raises(VerificationFailed) as refused:
        verify_inclusion(leaf, index, size, proof, root)
    assert refused.value.code == "inclusion_proof"


@pytest.mark.parametrize("old", [0, -1, 6])
def test_no_consistency_from_nothing_or_from_the_future(old: int) -> None:
    hashes = leaves(5)
    root = naive_root(hashes)
    with pytest.raises(VerificationFailed) as made:
        consistency_proof(old, 5, grow(Frontier(), hashes).node)
    with pytest.raises(VerificationFailed) as believed:
        verify_consistency(old, 5, EMPTY_ROOT, root, ())
    assert made.value.code == believed.value.code == "consistency_proof"


def test_no_inclusion_beyond_the_tree() -> None:
    with pytest.raises(VerificationFailed) as refused:
        inclusion_proof(5, 5, grow(Frontier(), leaves(5)).node)
    assert refused.value.code == "inclusion_proof"


def test_a_frontier_of_the_wrong_width_is_refused() -> None:
    with pytest.raises(Malformed):
        Frontier(3, (EMPTY_ROOT,))
