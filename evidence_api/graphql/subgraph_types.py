"""The subgraph's types: what other graphs may join to, and little of it. Each is known by a digest and nothing else."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import strawberry

from evidence_api.domain.reading import EvidenceView
from evidence_api.graphql import decisions
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import page_size
from evidence_api.graphql.evidence import evidence_row
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.scalars import EvidenceStatus, Time

ABOUT = 20  # records of one artifact that are read to know it
_NONE: Sequence[str] = ()
_WANTED = frozenset({"subjects", "erased"})
First = Annotated[int, strawberry.argument(description="How many at most, up to 100.")]


@strawberry.federation.type(name="Artifact", keys=["digest"], description="Something evidence is about, by its digest.")
class SubgraphArtifact:
    """A digest that at least one record is about."""

    at: strawberry.Private[Moment]
    digest: str = strawberry.field(description='Its digest as "algorithm:hex", e.g. sha256:… or sha1:… for a commit.')

    @resolved("The newest evidence about it, newest first, of every status.")
    async def evidence(self, info: Info, first: First = ABOUT) -> list["SubgraphEvidence"]:
        """Read together with that of the siblings."""
        ids = await about(info, self.digest, page_size("first", first), self.at)
        rows = await asyncio.gather(*(record(info, one, self.at) for one in ids))
        return [SubgraphEvidence.of(row, self.at) for row in rows if row is not None]


@strawberry.federation.type(name="Evidence", keys=["digest"], description="One record of the log, by its identity.")
class SubgraphEvidence:
    """A part of domain.reading.EvidenceView."""

    row: strawberry.Private[EvidenceView]
    at: strawberry.Private[Moment]
    digest: str = strawberry.field(description="sha256:<hex> of its canonical envelope.")
    leaf_index: int = strawberry.field(description="Its place in the log, from 0.")
    kind: str = strawberry.field(description="What catalog queries call this sort of evidence.")
    predicate_type: str = strawberry.field(description="The in-toto predicate type.")
    status: EvidenceStatus = strawberry.field(description="The result of the signature checks.")
    effective: Time | None = strawberry.field(description="The time it is about; null if not said.")
    received: Time = strawberry.field(description="When this server received it.")

    @staticmethod
    def of(row: EvidenceView, at: Moment) -> "SubgraphEvidence":
        """The node of a record."""
        return SubgraphEvidence(
            row=row,
            at=at,
            digest=row.id,
            leaf_index=row.leaf_index,
            kind=row.kind,
            predicate_type=row.predicate_type,
            status=EvidenceStatus(row.status),
            effective=None if row.effective is None else Time(row.effective),
            received=Time(row.received),
        )

    @resolved("What it is about, in the statement's order.")
    def artifacts(self, first: First = 20) -> list[SubgraphArtifact]:
        """The first digest of each subject."""
        subjects = (self.row.subjects or ())[: page_size("first", first)]
        return [SubgraphArtifact(at=self.at, digest=one.digests[0]) for one in subjects if one.digests]

    @resolved("The decision in it; null for other kinds, and once its bytes are erased.")
    async def decision(self, info: Info) -> "SubgraphDecision | None":
        """Computed again together with those of the siblings."""
        return await decision_in(info, self.row, self.at)


@strawberry.federation.type(
    name="Decision", keys=["digest"], description="A decision, by the identity of the evidence it came as."
)
class SubgraphDecision:
    """A part of domain.decisions.reading.DecisionReading."""

    row: strawberry.Private[EvidenceView]
    at: strawberry.Private[Moment]
    digest: str = strawberry.field(description="sha256:<hex>, the same as its evidence's.")
    kind: str = strawberry.field(description="The kind of decision, e.g. router-decision.")
    method: str | None = strawberry.field(description="Which of the kind's methods, e.g. linucb; null if it has one.")
    decided_at: Time = strawberry.field(description="When it was decided, as the producer says.")

    @resolved("The evidence it came as.")
    def evidence(self) -> SubgraphEvidence:
        """The record itself."""
        return SubgraphEvidence.of(self.row, self.at)


async def decision_in(info: Info, row: EvidenceView, at: Moment) -> SubgraphDecision | None:
    """The decision in a record. Raises TooLarge `decisions_too_large`."""
    found = await decisions.decision_of(info, row, at)
    if found is None:
        return None
    return SubgraphDecision(
        row=row, at=at, digest=row.id, kind=found.kind, method=found.method, decided_at=found.decided_at
    )


async def about(info: Info, digest: str, first: int, at: Moment) -> Sequence[str]:
    """The ids of the newest evidence about a digest, read together with those of the siblings."""
    session = info.context.session

    async def load(digests: Sequence[str]) -> dict[str, Sequence[str]]:
        return dict(await session.evidence_about(digests, first, at.size))

    return await info.context.batches.of(("about", first, at), load, _NONE).get(digest)


async def record(info: Info, digest: str, at: Moment) -> EvidenceView | None:
    """One record by its identity, read together with those of the siblings."""
    return await evidence_row(info, digest, at, _WANTED)
