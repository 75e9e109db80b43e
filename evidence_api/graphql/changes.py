"""Why a verdict changed, as readers see it: both verdicts, the factor that moved it, and what is other."""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated
from uuid import UUID

import strawberry

from evidence_api.domain import change as domain
from evidence_api.domain.errors import Malformed
from evidence_api.domain.reading import AssessmentView, ReleaseView
from evidence_api.domain.replay import ABSENT, Factor
from evidence_api.graphql.assessments import Assessment, assessment_of, find_assessment_row, latest_row
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import page_size
from evidence_api.graphql.evidence import Evidence, find_all_evidence
from evidence_api.graphql.fields import named, resolved
from evidence_api.graphql.ids import decode_id
from evidence_api.graphql.releases import Release, release_of
from evidence_api.graphql.scalars import Outcome

_DIGITS = 18

FirstRecords = Annotated[int, strawberry.argument(description="How many at most, up to 100.")]


@strawberry.enum(description="What a verdict rests on.")
class ChangeFactor(Enum):
    """domain.replay.Factor, for readers."""

    _value_: str

    EVIDENCE = named("evidence", "Evidence that arrived, or whose bytes were erased.")
    CATALOG = named("catalog", "The definition of the control.")
    POLICY = named("policy", "The operator's own Rego and its data.")
    WAIVER = named("waiver", "Waivers of the catalog, and signed overrides.")
    TRUST_ROOT = named("trust root", "What a later check of the same signatures said.")
    TIME = named("time", "The moment of evaluation: freshness, and waivers that begin or end.")
    SOFTWARE = named("software", "The server itself: what was recorded does not follow from its own records.")


@strawberry.type(description="One of the two verdicts compared.")
class Standpoint:
    """domain.change.Standpoint, for readers."""

    row: strawberry.Private[AssessmentView]
    at: strawberry.Private[Moment]
    outcome: Outcome | None = strawberry.field(
        description="The verdict after waivers; null where the catalog of then had no such control."
    )
    because: str = strawberry.field(description="Why, in the words of then.")
    waiver: str = strawberry.field(description='The id of the waiver applied; "" if none.')

    @resolved("The assessment it is part of.")
    def assessment(self) -> Assessment:
        """Read already."""
        return assessment_of(self.row, self.at)


@strawberry.type(description="One key of a control's definition that differs.")
class FieldChange:
    """domain.change.FieldChange, for readers."""

    path: str = strawberry.field(description="The key, e.g. query[0].source.")
    before: str = strawberry.field(description='What it said; "" if nothing.')
    after: str = strawberry.field(description='What it says; "" if nothing.')


@strawberry.type(description="What became of evidence, of kinds that the control reads, between the two.")
class EvidenceChanges:
    """domain.change.EvidenceChanges, for readers."""

    given: strawberry.Private[domain.EvidenceChanges]
    at: strawberry.Private[Moment]
    arrived_count: int = strawberry.field(description="How many records arrived.")
    superseded_count: int = strawberry.field(description="How many have a later statement in their place.")
    erased_count: int = strawberry.field(description="How many lost their bytes.")
    stale_count: int = strawberry.field(description="How many became too old.")

    @resolved("Those that arrived, in log order.")
    async def arrived(self, info: Info, first: FirstRecords = 20) -> list[Evidence]:
        """Loaded together with the others."""
        return await _records(info, self.given.arrived, first, self.at)

    @resolved("Those a later statement stands in the place of, in log order.")
    async def superseded(self, info: Info, first: FirstRecords = 20) -> list[Evidence]:
        """The same."""
        return await _records(info, self.given.superseded, first, self.at)

    @resolved("Those whose bytes were erased, in log order.")
    async def erased(self, info: Info, first: FirstRecords = 20) -> list[Evidence]:
        """The same."""
        return await _records(info, self.given.erased, first, self.at)

    @resolved("Those that became too old to count, in log order.")
    async def stale(self, info: Info, first: FirstRecords = 20) -> list[Evidence]:
        """The same."""
        return await _records(info, self.given.stale, first, self.at)


@strawberry.type(
    description="Why the verdict on one control of a release changed between two of its assessments. What moved it was "
    "worked out by evaluating the records of then again with one factor swapped at a time."
)
class Change:
    """domain.change.Change, for readers."""

    given: strawberry.Private[domain.Change]
    about: strawberry.Private[ReleaseView]
    at: strawberry.Private[Moment]
    control: str = strawberry.field(description="The control's reference.")
    changed: bool = strawberry.field(description="Whether the outcome is another one.")
    sentence: str = strawberry.field(description="The whole in one or two sentences; the same change, the same words.")
    before: Standpoint = strawberry.field(description="The verdict it went from.")
    after: Standpoint = strawberry.field(description="The verdict it went to.")
    differing: list[ChangeFactor] = strawberry.field(
        description="The factors that are other, whether or not they moved it."
    )
    moved: list[list[ChangeFactor]] = strawberry.field(
        description="What moved it: each entry is a set of factors that alone gives the new outcome. Empty where the "
        "outcome is the same, or where `note` says why it could not be told."
    )
    note: str = strawberry.field(description='Why it could not be told what moved it; "" if it could.')
    definition: list[FieldChange] = strawberry.field(description="What the control's definition says otherwise.")
    modules: list[str] = strawberry.field(
        description="Files of the operator's policy that came, went or changed; empty where that cannot be told."
    )
    evidence: EvidenceChanges = strawberry.field(description="What became of the evidence.")

    @resolved("The release.")
    def release(self) -> Release:
        """Read already."""
        return release_of(self.about, self.at)


def change_of(given: domain.Change, about: ReleaseView, points: Sequence[AssessmentView], at: Moment) -> Change:
    """A change as a reader sees it."""
    before, after = points
    return Change(
        given=given,
        about=about,
        at=at,
        control=given.control,
        changed=given.changed,
        sentence=domain.sentence_of(given),
        before=_standpoint(given.before, before, at),
        after=_standpoint(given.after, after, at),
        differing=[_factor(one) for one in given.differing],
        moved=[[_factor(one) for one in together] for together in given.moved if together],
        note=given.note,
        definition=[FieldChange(path=one.path, before=one.before, after=one.after) for one in given.definition],
        modules=list(given.modules),
        evidence=_evidence(given.evidence, at),
    )


async def standpoint(info: Info, argument: str, text: str | None, release: str, at: Moment) -> AssessmentView | None:
    """The assessment a reader names: by its id, by a tree size (the first made at the greatest one not over it), or,
    unnamed, the one in force. Raises Malformed `bad_standpoint`, Refused `as_of_beyond_head`."""
    if text is None:
        return await latest_row(info, release, at)
    named_id = decode_id(text)
    key = named_id.key if named_id is not None and named_id.type == "Assessment" else text
    if key.isascii() and key.isdecimal() and len(key) <= _DIGITS:
        size = await info.context.session.tree_size(int(key))
        return await latest_row(info, release, Moment(min(size, at.size), pinned=True))
    try:
        UUID(key)
    except ValueError as fault:
        raise Malformed(
            f"`{argument}` is an assessment's id or a tree size, not {text[:80]!r}",
            code="bad_standpoint",
            path=argument,
            value=text[:80],
        ) from fault
    row = await find_assessment_row(info, key, at)
    return row if row is not None and row.release == release else None


def _standpoint(given: domain.Standpoint, row: AssessmentView, at: Moment) -> Standpoint:
    outcome = None if given.outcome == ABSENT else Outcome(given.outcome)
    return Standpoint(row=row, at=at, outcome=outcome, because=given.sentence, waiver=given.waiver)


def _factor(factor: Factor) -> ChangeFactor:
    return ChangeFactor(factor.value)


def _evidence(given: domain.EvidenceChanges, at: Moment) -> EvidenceChanges:
    return EvidenceChanges(
        given=given,
        at=at,
        arrived_count=len(given.arrived),
        superseded_count=len(given.superseded),
        erased_count=len(given.erased),
        stale_count=len(given.stale),
    )


async def _records(info: Info, ids: Sequence[str], first: int, at: Moment) -> list[Evidence]:
    return await find_all_evidence(info, ids[: page_size("first", first)], at)
