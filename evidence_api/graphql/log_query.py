"""The root fields about the log itself."""

from base64 import b64encode
from typing import Annotated

import strawberry

from evidence_api.domain.log_reading import LeafView
from evidence_api.graphql.connections import After, AsOf, Before, Connection, First, Last, connect, known
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash, window_of
from evidence_api.graphql.evidence import Evidence, find_evidence
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.proofs import Checkpoint, checkpoint_of
from evidence_api.graphql.releases import moment_of
from evidence_api.graphql.scalars import Time
from evidence_api.use_cases.log_reads import leaves_page, prove_consistency


@strawberry.type(
    description="One leaf of the log: what is promised for ever about one piece of evidence. It stays when the bytes "
    "it stands for are erased."
)
class LogLeaf:
    """domain.log_reading.LeafView, for readers."""

    at: strawberry.Private[Moment]
    index: int = strawberry.field(description="Its place in the log, from 0.")
    evidence_id: str = strawberry.field(description="The evidence it stands for.")
    kind: str = strawberry.field(description="What catalog queries call this sort of evidence.")
    received: Time = strawberry.field(description="When this server received it.")
    leaf: str = strawberry.field(description="The leaf's bytes (canonical JSON), base64.")
    leaf_hash: str = strawberry.field(description="SHA-256 of a zero byte and the leaf, base64.")
    erased: bool = strawberry.field(
        description="Whether the bytes it stands for were erased: the leaf is all that is left, and proofs still hold."
    )

    @resolved("The record, whatever its status.")
    async def evidence(self, info: Info) -> Evidence | None:
        """Loaded together with those of the siblings."""
        return await find_evidence(info, self.evidence_id, self.at)


@strawberry.type(
    description="Proof that one tree begins with another: that the log only grew (RFC 9162 section 2.1.4). "
    "Hashes are base64 of 32 bytes."
)
class ConsistencyProof:
    """domain.log_reading.Consistency, for readers."""

    from_size: int = strawberry.field(description="The size of the older tree.")
    to_size: int = strawberry.field(description="The size of the newer tree.")
    from_root_hash: str = strawberry.field(description="The root of the older tree: compare it with what you kept.")
    to_root_hash: str = strawberry.field(description="The root of the newer tree.")
    hashes: list[str] = strawberry.field(description="The proof; empty between trees of the same size.")


@strawberry.type(description="The tenant's log: an append-only Merkle tree (RFC 9162), read at one size.")
class Log:
    """One tree."""

    at: strawberry.Private[Moment]
    origin: str = strawberry.field(description="The log's origin line, which names it.")
    tree_size: int = strawberry.field(description="How many leaves the tree that is read has.")
    checkpoint: Checkpoint | None = strawberry.field(
        description="The signed head, of the newest tree; null while the log is empty."
    )

    @resolved("The leaves in their order, of evidence of every status.")
    async def leaves(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[LogLeaf]:
        """One statement per page."""
        hashed = filter_hash("leaves")
        window = window_of(Paging(first, after, last, before), hashed)
        page = await leaves_page(info.context.session, window, self.at.size)
        whole = None if info.context.principal.grant is not None else known(self.at.size)
        return connect(page, window, hashed, lambda row: str(row.leaf_index), lambda row: _leaf(row, self.at), whole)

    @resolved("Proof that the tree of the second size begins with that of the first.")
    async def consistency_proof(
        self,
        info: Info,
        from_: Annotated[int, strawberry.argument(name="from", description="The size you know, 1 or more.")],
        to: Annotated[
            int | None, strawberry.argument(description="The size to prove it for; without it the one being read.")
        ] = None,
    ) -> ConsistencyProof:
        """Computed from the tiles, and checked before it leaves."""
        new_size = self.at.size if to is None else await info.context.session.tree_size(to)
        found = await prove_consistency(info.context.session, from_, new_size)
        return ConsistencyProof(
            from_size=found.old_size,
            to_size=found.new_size,
            from_root_hash=_base64(found.old_root),
            to_root_hash=_base64(found.new_root),
            hashes=[_base64(one) for one in found.proof],
        )


@strawberry.type(description="Root fields about the log itself.")
class LogQuery:
    """Inherited by the root type."""

    @resolved("The log: its head, its leaves, and proofs that it only grew.")
    async def log(self, info: Info, as_of: AsOf = None) -> Log:
        """At the newest size of this operation's snapshot, or the one asked for."""
        at = await moment_of(info, as_of)
        head = await info.context.session.head()
        return Log(at=at, origin=head.origin, tree_size=at.size, checkpoint=checkpoint_of(head))


def _leaf(row: LeafView, at: Moment) -> LogLeaf:
    return LogLeaf(
        at=at,
        index=row.leaf_index,
        evidence_id=row.evidence_id,
        kind=row.kind,
        received=Time(row.received),
        leaf=_base64(row.leaf),
        leaf_hash=_base64(row.leaf_hash),
        erased=row.erased,
    )


def _base64(content: bytes) -> str:
    return b64encode(content).decode()
