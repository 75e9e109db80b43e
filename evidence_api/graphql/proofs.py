"""The log as readers see it: its checkpoint, and proofs that a leaf is in a tree."""

from base64 import b64encode
from collections.abc import Sequence

import strawberry

from evidence_api.domain.reading import Inclusion, LogHead
from evidence_api.graphql.context import Info
from evidence_api.graphql.scalars import Time


@strawberry.type(description="The signed head of the tenant's log (C2SP tlog-checkpoint).")
class Checkpoint:
    """domain.reading.LogHead, for readers."""

    origin: str = strawberry.field(description="The log's origin line, which names it.")
    tree_size: int = strawberry.field(description="How many leaves the tree has; use it as `asOf`.")
    root_hash: str = strawberry.field(description="The root of the tree, base64 of 32 bytes.")
    note: str = strawberry.field(description="The signed note, exactly as monitors read it.")
    updated_at: Time = strawberry.field(description="When the newest leaf was added.")


@strawberry.type(
    description="Proof that a leaf is in the tree of a given size (RFC 9162 section 2.1.3). Check it offline: hash "
    "`leaf` with a zero byte in front, fold in `hashes`, compare with `rootHash`."
)
class InclusionProof:
    """domain.reading.Inclusion, for readers. Hashes are base64 of 32 bytes, as signed notes write them."""

    evidence_id: str = strawberry.field(description="The evidence the leaf stands for.")
    leaf_index: int = strawberry.field(description="The leaf's place in the log, from 0.")
    tree_size: int = strawberry.field(description="The size of the tree the proof is for.")
    leaf: str = strawberry.field(description="The leaf's bytes (canonical JSON), base64.")
    leaf_hash: str = strawberry.field(description="SHA-256 of a zero byte and the leaf, base64.")
    root_hash: str = strawberry.field(description="The root the proof leads to, base64.")
    hashes: list[str] = strawberry.field(description="The siblings from the leaf to the root, base64 each.")
    checkpoint: str | None = strawberry.field(
        description="The signed note of that tree; null if the tree is not the newest one."
    )


def checkpoint_of(head: LogHead) -> Checkpoint | None:
    """The checkpoint; None while the log has no leaf."""
    if not head.checkpoint or head.updated_at is None:
        return None
    return Checkpoint(
        origin=head.origin,
        tree_size=head.tree_size,
        root_hash=_base64(head.root),
        note=head.checkpoint,
        updated_at=Time(head.updated_at),
    )


async def prove(info: Info, leaf_index: int, tree_size: int) -> InclusionProof | None:
    """The proof of one leaf, made together with those its siblings ask for; None if it is not in that tree."""
    session = info.context.session

    async def load(leaves: Sequence[int]) -> dict[int, Inclusion]:
        return await session.proofs(leaves, tree_size)

    absent: Inclusion | None = None
    row = await info.context.batches.of(("proofs", tree_size), load, absent).get(leaf_index)
    return None if row is None else proof_of(row, await session.head())


def proof_of(row: Inclusion, head: LogHead) -> InclusionProof:
    """A proof as a reader sees it."""
    return InclusionProof(
        evidence_id=row.evidence_id,
        leaf_index=row.leaf_index,
        tree_size=row.tree_size,
        leaf=_base64(row.leaf),
        leaf_hash=_base64(row.leaf_hash),
        root_hash=_base64(row.root),
        hashes=[_base64(one) for one in row.proof],
        checkpoint=head.checkpoint if row.tree_size == head.tree_size else None,
    )


def _base64(content: bytes) -> str:
    return b64encode(content).decode()
