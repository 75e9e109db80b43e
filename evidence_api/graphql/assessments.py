"""Assessments as readers see them: verdicts per control with the evidence behind them, criteria rolled up."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry

from evidence_api.domain.page import Page, slice_of
from evidence_api.domain.reading import AssessmentView, EvidenceFilter, EvidenceView, FindingView
from evidence_api.graphql.connections import After, Before, Connection, First, Last, connect, known
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash, window_of
from evidence_api.graphql.evidence import NO_EVIDENCE, Evidence, connect_evidence, evidence_window, listing_of
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.ids import encode_id
from evidence_api.graphql.nodes import Node
from evidence_api.graphql.query_rows import QueryResult, query_of
from evidence_api.graphql.scalars import Json, Outcome, Time
from evidence_api.graphql.waivers import Waiver, find_waiver

if TYPE_CHECKING:
    from evidence_api.graphql.catalog import Control, Criterion
    from evidence_api.graphql.releases import Release

NO_ASSESSMENT: AssessmentView | None = None
NO_FINDING: FindingView | None = None
_NO_FINDINGS: Page[FindingView] = Page((), more=False)
_SATISFIED = "pass"


@strawberry.type(description="How many controls had one outcome.")
class OutcomeCount:
    """One of the nine counts."""

    outcome: Outcome = strawberry.field(description="The outcome.")
    count: int = strawberry.field(description="How many controls had it.")


@strawberry.type(description="One control's verdict in one assessment, with the evidence it rests on.")
class Finding(Node):
    """domain.reading.FindingView, for readers."""

    row: strawberry.Private[FindingView]
    at: strawberry.Private[Moment]
    parent: strawberry.Private[AssessmentView]
    control_ref: str = strawberry.field(description="The control's reference, e.g. IG-SC-5.")
    outcome: Outcome = strawberry.field(description="The verdict after waivers.")
    raw: Outcome = strawberry.field(description="The verdict before waivers.")
    satisfied: bool = strawberry.field(description="Whether the outcome is PASS; nothing else satisfies.")
    because: str = strawberry.field(description="Why, as a sentence built from the evidence alone.")
    fix: str = strawberry.field(description='What would make it pass; "" when it did.')
    waiver: str = strawberry.field(description='The id of the waiver applied; "" if none.')
    code: str = strawberry.field(description='Why it could not be evaluated, as a stable code; "" unless ERROR.')
    facts: Json = strawberry.field(description="What an operator's own Rego rule gave back; empty for queries.")

    @resolved("Who accepted that it is not met, and until when; null if nobody did, or it is not on record any more.")
    async def waived_by(self, info: Info) -> Waiver | None:
        """Of the assessment's catalog, or of the release's evidence."""
        if not self.waiver:
            return None
        return await find_waiver(info, self.waiver, self.parent.catalog_digest, self.at, Time(self.parent.evaluated_at))

    @resolved("The control as it was when it was assessed; null if that catalog is not on record.")
    async def control(self, info: Info) -> Annotated["Control", strawberry.lazy("evidence_api.graphql.catalog")] | None:
        """Looked up in the catalog of the assessment."""
        found: Control | None = await info.context.find(
            info, "Control", f"{self.parent.catalog_digest}/{self.row.control}", self.at
        )
        return found

    @resolved("The queries of the control, each with its rows.")
    def queries(self) -> list[QueryResult]:
        """As recorded with the assessment."""
        return [query_of(one, self.at) for one in self.row.queries]

    @resolved("The evidence the verdict rests on, in log order, whatever its status.")
    async def evidence(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Evidence]:
        """Loaded together with the evidence of the siblings."""
        window, hashed = evidence_window(f"finding:{self.id}", EvidenceFilter(), Paging(first, after, last, before))
        listing = listing_of(info, window, self.at)
        session = info.context.session

        async def load(sets: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], Page[EvidenceView]]:
            pages = await session.evidence_among(sets, listing)
            return dict(zip(sets, pages, strict=True))

        batch = info.context.batches.of(("among", listing), load, NO_EVIDENCE)
        return connect_evidence(await batch.get(self.row.evidence), window, hashed, self.at)

    @resolved("The assessment this verdict is part of.")
    def assessment(self) -> "Assessment":
        """Its parent."""
        return assessment_of(self.parent, self.at)


@strawberry.type(description="A framework criterion rolled up by its weakest control.")
class CriterionResult:
    """domain.verdict.CriterionResult, for readers."""

    catalog_digest: strawberry.Private[str]
    at: strawberry.Private[Moment]
    framework_ref: str = strawberry.field(description="The framework's reference, e.g. aicpa-tsc.")
    ref: str = strawberry.field(description="The criterion's reference, e.g. CC7.2.")
    outcome: Outcome = strawberry.field(description="The worst outcome of its controls; NOT_RUN if none is mapped.")
    unmapped: bool = strawberry.field(description="Whether no control is mapped to it.")
    controls: list[str] = strawberry.field(description="References of the controls it was rolled up from.")

    @resolved("The criterion as it was when assessed; null if that catalog is not on record.")
    async def criterion(
        self, info: Info
    ) -> Annotated["Criterion", strawberry.lazy("evidence_api.graphql.catalog")] | None:
        """Looked up in the catalog of the assessment."""
        key = f"{self.catalog_digest}/{self.framework_ref}/{self.ref}"
        found: Criterion | None = await info.context.find(info, "Criterion", key, self.at)
        return found


@strawberry.type(
    description="What the catalog says of one release at one tree size and moment. A pure function of the two digests, "
    "the evidence up to `treeSize` and `evaluatedAt`: anyone can run it again."
)
class Assessment(Node):
    """domain.reading.AssessmentView, for readers."""

    row: strawberry.Private[AssessmentView]
    at: strawberry.Private[Moment]
    tree_size: int = strawberry.field(description="How many leaves of the log it took into account.")
    evaluated_at: Time = strawberry.field(description="The moment freshness was measured from.")
    catalog_digest: str = strawberry.field(description="sha256:<hex> of the catalog it was made with.")
    policy_digest: str = strawberry.field(description="sha256:<hex> of the policy bundle it was made with.")
    counts: list[OutcomeCount] = strawberry.field(description="Controls per outcome, all nine.")
    notes: list[str] = strawberry.field(
        description="What a reader must know beside the findings, e.g. waivers that are over."
    )

    @resolved("The release that was assessed.")
    async def release(
        self, info: Info
    ) -> Annotated["Release", strawberry.lazy("evidence_api.graphql.releases")] | None:
        """By the evidence id of its statement."""
        found: Release | None = await info.context.find(info, "Release", self.row.release, self.at)
        return found

    @resolved("The verdicts, by reference of the control.")
    async def findings(  # noqa: PLR0913, PLR0917  Relay's four, and a filter
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        outcome: Annotated[
            list[Outcome] | None, strawberry.argument(description="Only these outcomes; all without it.")
        ] = None,
    ) -> Connection[Finding]:
        """Loaded together with the findings of sibling assessments."""
        outcomes = tuple(sorted({one.value for one in outcome or ()}))
        hashed = filter_hash("findings", assessment=str(self.row.id), outcomes=outcomes)
        window = window_of(Paging(first, after, last, before), hashed)
        session = info.context.session

        async def load(ids: Sequence[UUID]) -> dict[UUID, Page[FindingView]]:
            return await session.finding_pages(ids, outcomes, window)

        batch = info.context.batches.of(("findings", window, outcomes), load, _NO_FINDINGS)
        page = await batch.get(self.row.id)
        total = sum(count for one, count in self.row.counts.items() if not outcomes or one in outcomes)
        return connect(
            *(page, window, hashed, lambda row: row.control),
            lambda row: finding_of(row, self.row, self.at),
            known(total),
        )

    @resolved("Framework criteria rolled up from the verdicts, by framework and reference.")
    async def criteria(  # noqa: PLR0913, PLR0917  Relay's four, and a filter
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        framework: Annotated[
            str | None, strawberry.argument(description="Only this framework, by reference; all without it.")
        ] = None,
    ) -> Connection[CriterionResult]:
        """Loaded together with the criteria of sibling assessments."""
        hashed = filter_hash("criteria", assessment=str(self.row.id), framework=framework)
        window = window_of(Paging(first, after, last, before), hashed)
        every = await criteria_rows(info, self.row.id)
        chosen = [one for one in every if framework is None or one["framework"] == framework]
        page = slice_of(sorted(chosen, key=_position), window, _position)
        digest = self.row.catalog_digest
        return connect(
            page, window, hashed, _position, lambda one: criterion_of(one, digest, self.at), known(len(chosen))
        )


def _position(given: Mapping[str, Any]) -> str:
    return f"{given['framework']}/{given['ref']}"


def assessment_of(row: AssessmentView, at: Moment) -> Assessment:
    """A row as a reader sees it."""
    return Assessment(
        id=strawberry.ID(encode_id("Assessment", str(row.id))),
        row=row,
        at=at,
        tree_size=row.tree_size,
        evaluated_at=Time(row.evaluated_at),
        catalog_digest=row.catalog_digest,
        policy_digest=row.policy_digest,
        notes=list(row.notes),
        counts=[OutcomeCount(outcome=one, count=row.counts.get(one.value, 0)) for one in Outcome],
    )


def finding_of(row: FindingView, parent: AssessmentView, at: Moment) -> Finding:
    """A row as a reader sees it."""
    return Finding(
        id=strawberry.ID(encode_id("Finding", f"{row.assessment}/{row.control}")),
        row=row,
        at=at,
        parent=parent,
        control_ref=row.control,
        outcome=Outcome(row.outcome),
        raw=Outcome(row.raw),
        satisfied=row.outcome == _SATISFIED,
        because=row.because,
        fix=row.fix,
        waiver=row.waiver,
        code=row.code,
        facts=Json(row.facts),
    )


def criterion_of(given: Mapping[str, Any], catalog_digest: str, at: Moment) -> CriterionResult:
    """A criterion's result as formats/records.py writes it."""
    return CriterionResult(
        catalog_digest=catalog_digest,
        at=at,
        framework_ref=given["framework"],
        ref=given["ref"],
        outcome=Outcome(given["outcome"]),
        unmapped=given["unmapped"],
        controls=list(given["controls"]),
    )


async def criteria_rows(info: Info, assessment: UUID) -> Sequence[Mapping[str, Any]]:
    """The criteria of one assessment as formats/records.py writes them, loaded together with the siblings'."""
    session = info.context.session

    async def load(ids: Sequence[UUID]) -> dict[UUID, Sequence[Mapping[str, Any]]]:
        return await session.criteria_of(ids)

    none: Sequence[Mapping[str, Any]] = ()
    return await info.context.batches.of("criteria", load, none).get(assessment)


async def find_assessment_row(info: Info, key: str, at: Moment) -> AssessmentView | None:
    """One assessment by its UUID."""
    identity = _uuid(key)
    if identity is None:
        return None
    session = info.context.session

    async def load(ids: Sequence[UUID]) -> dict[UUID, AssessmentView]:
        return await session.assessments_by_ids(ids, at.size)

    return await info.context.batches.of(("assessment", at.size), load, NO_ASSESSMENT).get(identity)


async def find_assessment(info: Info, key: str, at: Moment) -> Assessment | None:
    """One assessment by its UUID."""
    row = await find_assessment_row(info, key, at)
    return None if row is None else assessment_of(row, at)


async def find_finding(info: Info, key: str, at: Moment) -> Finding | None:
    """One finding by "assessment/control"."""
    assessment, _, control = key.partition("/")
    parent = await find_assessment_row(info, assessment, at)
    return None if parent is None else await finding_in(info, parent, control, at)


async def finding_in(info: Info, parent: AssessmentView, control: str, at: Moment) -> Finding | None:
    """The verdict on one control in an assessment, loaded together with the siblings'."""
    session = info.context.session

    async def load(pairs: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], FindingView]:
        return await session.findings_of_controls(pairs)

    row = await info.context.batches.of("finding", load, NO_FINDING).get((parent.id, control))
    return None if row is None else finding_of(row, parent, at)


async def latest_row(info: Info, release: str, at: Moment) -> AssessmentView | None:
    """The assessment of a release in force at that moment, loaded together with the siblings'."""
    session = info.context.session

    async def load(releases: Sequence[str]) -> dict[str, AssessmentView]:
        return await session.assessments_in_force(releases, at.size, pinned=at.pinned)

    return await info.context.batches.of(("latest", at), load, NO_ASSESSMENT).get(release)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
