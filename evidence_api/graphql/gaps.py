"""Gaps as readers see them: what stands between a framework and being met, what would help, and who is to do it."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any

import strawberry

from evidence_api.domain import gap as domain
from evidence_api.domain.page import Counted, slice_of
from evidence_api.graphql.assessments import Finding, finding_in
from evidence_api.graphql.catalog import Control, Criterion, Framework, control_of, criterion_in, framework_of
from evidence_api.graphql.connections import After, Before, Connection, Count, First, Last, connect, count_of, known
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash, window_of
from evidence_api.graphql.fields import named, resolved
from evidence_api.graphql.query_rows import QueryResult, query_of
from evidence_api.graphql.releases import Release, release_of
from evidence_api.graphql.scalars import Outcome
from evidence_api.use_cases.gaps import GapReport

_FINE = frozenset({"pass", "not_applicable"})


@strawberry.enum(description="Why a criterion is not met.")
class GapReason(Enum):
    """domain.gap.Reason, for readers."""

    _value_: str

    NOT_ASSESSED = named("not_assessed", "The release was never assessed.")
    UNDECIDED = named("undecided", "A control could not be evaluated.")
    FAILING = named("failing", "Evidence says a control is not met.")
    ABSENT = named("absent", "There is no evidence for a control, or it does not say enough.")
    STALE = named("stale", "The evidence for a control is too old.")
    NEEDS_REVIEW = named("needs_review", "A person has to decide on a control.")
    NOT_RUN = named("not_run", "A control was not evaluated: it is a draft, retired, or newer than the assessment.")
    WAIVED = named("waived", "A control is not met, and somebody accepted that for a while.")
    UNMAPPED = named("unmapped", "No control is mapped to the criterion.")


@strawberry.enum(description="What is wrong with the evidence for one query, the weightiest thing alone.")
class LackReason(Enum):
    """In the order in which the outcome of a query is decided."""

    _value_: str

    WITHHELD = named("withheld", "The bytes of some were erased.")
    ABSENT = named("absent", "There is none of the kind.")
    FAILING = named("failed", "Some contradicts the condition.")
    UNKNOWN = named("unknown", "Some does not state the facts asked for.")
    STALE = named("stale", "It is too old.")
    TOO_FEW = named("too_few", "There is too little of it, or none for some subject.")


@strawberry.type(description="Evidence that one query of a control lacks.")
class LackingEvidence:
    """One query that did not pass."""

    kind: str = strawberry.field(description="The kind of evidence.")
    reason: LackReason = strawberry.field(description="What is wrong with it.")
    query: QueryResult = strawberry.field(description="The query, with the rows it looked at.")


@strawberry.type(description="One thing that stands between a framework and being met.")
class Gap:
    """domain.gap.Gap, for readers."""

    report: strawberry.Private[GapReport]
    given: strawberry.Private[domain.Gap]
    at: strawberry.Private[Moment]
    reason: GapReason = strawberry.field(description="Why.")
    outcome: Outcome | None = strawberry.field(
        description="The outcome of the control; null where none is mapped, or the release was never assessed."
    )

    @resolved("The criterion; null where a whole release was never assessed.")
    def criterion(self) -> Criterion | None:
        """In the report's catalog."""
        return criterion_in(self.report.index, self.report.framework, self.given.criterion, self.at)

    @resolved("The control, with its owner, severity, tier and fix; null where none is mapped.")
    def control(self) -> Control | None:
        """In the same catalog."""
        control = self.report.index.controls.get(self.given.control)
        return None if control is None else control_of(control, self.report.index, self.at)

    @resolved("The release; null where it would be the same for every release.")
    def release(self) -> Release | None:
        """Read already."""
        release = self.report.releases.get(self.given.release)
        return None if release is None else release_of(release, self.at)

    @resolved("The verdict on the control, with why, the fix and the waiver; null without one.")
    async def finding(self, info: Info) -> Finding | None:
        """Loaded together with those of the other gaps."""
        assessment = self.report.assessments.get(self.given.release)
        if assessment is None or not self.given.control:
            return None
        return await finding_in(info, assessment, self.given.control, self.at)

    @resolved("What evidence is absent, stale or failing, by query; empty where an operator's own rule decides.")
    async def lacking(self, info: Info) -> list[LackingEvidence]:
        """From the finding."""
        finding = await self.finding(info)
        return [] if finding is None else [_lack(one, self.at) for one in finding.row.queries if _lacks(one)]


@strawberry.type(description="How many gaps there are for one reason.")
class GapCount:
    """An entry of domain.gap.counts_of, for readers."""

    reason: GapReason = strawberry.field(description="The reason.")
    count: int = strawberry.field(description="How many gaps.")


@strawberry.type(
    description="What stands between a framework and being met, by the verdicts on record. Criteria, mappings and "
    "controls are those of the catalog by which the newest of these assessments was made."
)
class GapsOfFramework:
    """use_cases.gaps.GapReport, for readers."""

    report: strawberry.Private[GapReport]
    at: strawberry.Private[Moment]
    summary: list[GapCount] = strawberry.field(description="Gaps per reason, all reasons named.")
    criteria: int = strawberry.field(description="How many criteria the framework has.")
    criteria_with_gaps: int = strawberry.field(description="How many of them have a gap.")
    next_product: str | None = strawberry.field(
        description="The name to give as `afterProduct` to go on with more products; null where these were all."
    )

    @resolved("The framework.")
    def framework(self) -> Framework:
        """In the report's catalog."""
        index = self.report.index
        return framework_of(index.frameworks[self.report.framework], index, self.at)

    @resolved("How many releases it is about: AT_LEAST where there are more products than one report holds.")
    def releases(self) -> Count:
        """Those read."""
        return count_of(Counted(len(self.report.releases), exact=not self.report.next_product))

    @resolved(
        "The gaps: by severity, then tier, then the worst outcome; releases never assessed first, criteria "
        "without a control last."
    )
    def gaps(
        self,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        reason: Annotated[
            list[GapReason] | None, strawberry.argument(description="Only for these reasons; all without it.")
        ] = None,
    ) -> Connection[Gap]:
        """A page of what was read already."""
        reasons = {one.value for one in reason or GapReason}
        framework, about = self.report.framework, sorted(self.report.releases)
        hashed = filter_hash("gaps", framework=framework, reasons=sorted(reasons), releases=about)
        window = window_of(Paging(first, after, last, before), hashed)
        chosen = [one for one in self.report.gaps if one.reason.value in reasons]
        page = slice_of(chosen, window, lambda one: one.position)
        return connect(page, window, hashed, lambda one: one.position, self._gap, known(len(chosen)))

    def _gap(self, given: domain.Gap) -> Gap:
        outcome = None if given.outcome is None else Outcome(given.outcome.value)
        return Gap(report=self.report, given=given, at=self.at, reason=GapReason(given.reason.value), outcome=outcome)


def report_of(report: GapReport, at: Moment) -> GapsOfFramework:
    """A report as a reader sees it."""
    counts = domain.counts_of(report.gaps)
    return GapsOfFramework(
        report=report,
        at=at,
        summary=[GapCount(reason=GapReason(one.value), count=count) for one, count in counts.items()],
        criteria=len(report.index.frameworks[report.framework].criteria),
        criteria_with_gaps=len({one.criterion for one in report.gaps if one.criterion}),
        next_product=report.next_product or None,
    )


def _lacks(query: Mapping[str, Any]) -> bool:
    return query["outcome"] not in _FINE


def _lack(query: Mapping[str, Any], at: Moment) -> LackingEvidence:
    return LackingEvidence(kind=query["kind"], reason=_reason(query), query=query_of(query, at))


def _reason(query: Mapping[str, Any]) -> LackReason:
    if query.get("withheld"):
        return LackReason.WITHHELD
    if not query["population"]:
        return LackReason.ABSENT
    parts = (LackReason.FAILING, LackReason.UNKNOWN, LackReason.STALE)
    return next((one for one in parts if query.get(one.value)), LackReason.TOO_FEW)
