"""Decisions as readers see them: what was decided, from what, and what comes of it when it is computed again.

Nothing is stored of this: a decision is recomputed from the bytes received when somebody selects it, together with its
siblings, and kept for a while. Of the kinds that only the server can judge, its own signed statement is shown.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from evidence_api.domain.decisions import DEFERRABLE
from evidence_api.domain.decisions import reading as domain
from evidence_api.domain.reading import EvidenceView, ReadingProgress
from evidence_api.formats.reperformance import bounded
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import page_size
from evidence_api.graphql.fields import named, resolved
from evidence_api.graphql.scalars import Json, Time
from evidence_api.use_cases.decision_readings import DecisionKey

if TYPE_CHECKING:
    from evidence_api.graphql.evidence import Evidence

_UNREAD: domain.DecisionReading | None = None
_UNTOLD: domain.Standing | None = None
_NO_WAIT: ReadingProgress | None = None
_ERASED: Mapping[str, Any] | None = None


@strawberry.enum(description="What came of a decision when it was computed again from its own signed inputs.")
class ReperformanceStatus(Enum):
    """Statuses of domain.decisions.reading.Reperformed, for readers."""

    _value_: str

    AGREES = named("AGREES", "Every derived field comes out as claimed.")
    DISAGREES = named("DISAGREES", "Some do not; the differences say which. The evidence stays on record.")
    NOT_REPERFORMABLE = named("NOT_REPERFORMABLE", "Something it needs is not here; the reason says what.")
    PENDING = named(
        "PENDING",
        "Only the server can tell (it keeps the ledger, has the rule or reads the artifact), and its own statement is "
        "not in the log yet, or was erased.",
    )


@strawberry.type(description="One claim that the inputs do not bear out.")
class Difference:
    """domain.decisions.reperforming.Difference, for readers."""

    path: str = strawberry.field(description="The dotted path of the claim in the predicate.")
    claimed: Json | None = strawberry.field(
        description="What the producer claims; null if nothing. Of a long value the beginning."
    )
    recomputed: Json | None = strawberry.field(
        description="What the inputs come to; money as text. Of a long value the beginning."
    )


@strawberry.type(description="What came of a decision when it was computed again.")
class Reperformance:
    """domain.decisions.reading.Reperformed, for readers."""

    told: strawberry.Private[domain.Reperformed]
    at: strawberry.Private[Moment]
    status: ReperformanceStatus = strawberry.field(description="The result.")
    reason: str = strawberry.field(description="Why, as a clause with the numbers.")
    sentence: str = strawberry.field(description="The same as one sentence for people.")
    disagreements: int | None = strawberry.field(
        description="How many claims the inputs do not bear out; null where it was not recomputed."
    )

    @resolved("The claims that the inputs do not bear out, by path.")
    def differences(
        self, first: Annotated[int, strawberry.argument(description="How many at most, up to 100.")] = 20
    ) -> list[Difference]:
        """The first ones."""
        return [
            Difference(path=one.path, claimed=_json(one.claimed), recomputed=_json(one.recomputed))
            for one in self.told.differences[: page_size("first", first)]
        ]

    @resolved(
        "The server's own signed statement, where only the server can tell; null where the arithmetic alone says it."
    )
    async def checked_by(
        self, info: Info
    ) -> Annotated["Evidence", strawberry.lazy("evidence_api.graphql.evidence")] | None:
        """By its evidence id."""
        if not self.told.checked_by:
            return None
        found: Evidence | None = await info.context.find(info, "Evidence", self.told.checked_by, self.at)
        return found


@strawberry.type(description="Who decided.")
class DecisionProducer:
    """The producer a decision names; who signed is in the evidence's verification."""

    id: str = strawberry.field(description="Its name, as it says.")
    version: str = strawberry.field(description="The version that ran.")


@strawberry.type(
    description="A router's Decision Card as it claims it: the arm chosen for a task, what was expected of it, and "
    "why. What of it does not follow from the inputs is among the differences."
)
class DecisionCard:
    """The card of a router-decision predicate."""

    task_id: str = strawberry.field(description="The task.")
    chosen_arm: str | None = strawberry.field(description="The arm chosen; null if none may be.")
    alternatives: list[str] = strawberry.field(
        description="The other arms, in the order listed; at most 100 are shown."
    )
    predicted_eval: float | None = strawberry.field(description="The quality expected, from 0 to 1.")
    predicted_cost: float | None = strawberry.field(
        name="predictedCostUSD", description="The cost expected, in US dollars."
    )
    uncertainty: float | None = strawberry.field(description="How far the quality may be off, by the method's measure.")
    probability: float | None = strawberry.field(
        description="With which probability the arm was chosen, where the method has one."
    )
    rationale: str = strawberry.field(description="Why, in the producer's own words; its numbers are checked.")
    fallback: Json | None = strawberry.field(
        description="What was taken because no arm may be chosen, and the reason; null if there was no need."
    )


@strawberry.type(description="The artifact a decision waits for, and how far the server has read it.")
class AwaitedArtifact:
    """domain.reading.ReadingProgress, for readers."""

    digest: str = strawberry.field(description="sha256:<hex> of the file that is to be uploaded, or is being read.")
    begun: bool = strawberry.field(description="Whether the server is at it, or was when it last stopped.")
    rows: int = strawberry.field(description="Rows read so far.")
    share: float = strawberry.field(description="How much of the file is read, from 0 to 1.")


@strawberry.type(
    description="What a piece of decision evidence decided. Recomputed when it is read: nothing is believed that can "
    "be computed."
)
class Decision:
    """domain.decisions.reading.DecisionReading, for readers."""

    row: strawberry.Private[EvidenceView]
    at: strawberry.Private[Moment]
    read: strawberry.Private[domain.DecisionReading]
    kind: str = strawberry.field(description="The kind of decision, as in its predicate type, e.g. router-decision.")
    method: str | None = strawberry.field(description="Which of the kind's methods, e.g. linucb; null if it has one.")
    decided_at: Time = strawberry.field(description="When it was decided, as the producer says.")
    producer: DecisionProducer = strawberry.field(description="Who decided.")

    @resolved("What it comes to, as one clause made from the recomputed numbers; null where nothing could be computed.")
    async def explanation(self, info: Info) -> str | None:
        """Of the arithmetic here or at the server, never of a claim."""
        return (await self._told(info)).explanation or None

    @resolved("What came of it when it was computed again.")
    async def reperformance(self, info: Info) -> Reperformance:
        """Of deferred kinds what the server says, loaded together with the siblings'."""
        told = await self._told(info)
        computed = told.status in {ReperformanceStatus.AGREES.value, ReperformanceStatus.DISAGREES.value}
        return Reperformance(
            told=told,
            at=self.at,
            status=ReperformanceStatus(told.status),
            reason=told.reason,
            sentence=told.sentence,
            disagreements=len(told.differences) if computed else None,
        )

    @resolved("The artifact it waits for to be computed from, as it is now; null once it is computed, or needs none.")
    async def waits_for(self, info: Info) -> AwaitedArtifact | None:
        """Loaded together with the siblings'."""
        return await _awaited(info, self.row) if self.read.deferred else None

    @resolved("The Decision Card; null for decisions that are no router's.")
    def card(self) -> DecisionCard | None:
        """As claimed."""
        card = self.read.card
        return None if card is None else _card(card)

    @resolved(
        "What it was computed from: the predicate's `inputs`, or all of it that is not derived. Counted like bodies: "
        "an answer holds at most 8 MiB; null once erased."
    )
    async def inputs(self, info: Info) -> Json | None:
        """From the bytes received."""
        predicate = await _predicate(info, self.row)
        return None if predicate is None else Json(domain.inputs_of(self.read, predicate))

    @resolved("The whole predicate as signed. Counted like bodies: an answer holds at most 8 MiB; null once erased.")
    async def predicate(self, info: Info) -> Json | None:
        """From the bytes received."""
        predicate = await _predicate(info, self.row)
        return None if predicate is None else Json(dict(predicate))

    async def _told(self, info: Info) -> domain.Reperformed:
        standing = await _standing(info, self.row, self.at) if self.read.deferred else None
        return domain.reperformed(self.read, standing)


async def decision_of(info: Info, row: EvidenceView, at: Moment) -> Decision | None:
    """The decision in a record, recomputed together with those of the siblings; null for other kinds and once erased.
    Raises TooLarge `decisions_too_large`."""
    if row.kind not in domain.DECISION_KINDS or row.erased:
        return None
    info.context.take_decision_bytes(row.body_size)
    session = info.context.session
    key = DecisionKey(row.id, row.body_digest, row.body_size)

    async def load(keys: Sequence[DecisionKey]) -> dict[DecisionKey, domain.DecisionReading]:
        found = await session.decisions(keys)
        return {key: found[key.evidence] for key in keys if key.evidence in found}

    read = await info.context.batches.of("decisions", load, _UNREAD).get(key)
    if read is None:
        return None
    return Decision(
        row=row,
        at=at,
        read=read,
        kind=read.kind,
        method=read.method or None,
        decided_at=Time(read.decided_at),
        producer=DecisionProducer(id=read.producer, version=read.version),
    )


async def _standing(info: Info, row: EvidenceView, at: Moment) -> domain.Standing | None:
    if row.kind not in DEFERRABLE:
        return None
    session = info.context.session

    async def load(decisions: Sequence[str]) -> dict[str, domain.Standing]:
        return await session.standing(decisions, at.size)

    return await info.context.batches.of(("standing", at.size), load, _UNTOLD).get(row.id)


async def _awaited(info: Info, row: EvidenceView) -> AwaitedArtifact | None:
    session = info.context.session

    async def load(leaves: Sequence[int]) -> dict[int, ReadingProgress]:
        return await session.reading_progress(leaves)

    found = await info.context.batches.of("awaited", load, _NO_WAIT).get(row.leaf_index)
    if found is None:
        return None
    return AwaitedArtifact(digest=found.artifact, begun=found.begun, rows=found.rows, share=found.share)


async def _predicate(info: Info, row: EvidenceView) -> Mapping[str, Any] | None:
    session = info.context.session

    async def load(digests: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        return await session.predicates(digests)

    info.context.take_body_bytes(row.body_size)
    return await info.context.batches.of("predicates", load, _ERASED).get(row.body_digest)


def _card(card: Mapping[str, Any]) -> DecisionCard:
    fallback = card.get("fallback")
    return DecisionCard(
        task_id=card["taskId"],
        chosen_arm=card.get("chosenArm"),
        alternatives=list(card.get("alternatives") or ())[:100],
        predicted_eval=card.get("predictedEval"),
        predicted_cost=card.get("predictedCostUSD"),
        uncertainty=card.get("uncertainty"),
        probability=card.get("probability"),
        rationale=card["rationale"],
        fallback=None if fallback is None else Json(bounded(fallback)),
    )


def _json(value: object) -> Json | None:
    return None if value is None else Json(bounded(value))
