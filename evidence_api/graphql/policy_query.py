"""The root fields about policy decisions and their telemetry."""

from datetime import datetime
from typing import Annotated, cast

import orjson
import strawberry

from evidence_api.domain import policy_telemetry
from evidence_api.domain.decision_reading import DecisionFilter, DecisionView
from evidence_api.domain.errors import StoreUnavailable
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.graphql.connections import After, Before, Connection, First, Last, connect
from evidence_api.graphql.context import Info
from evidence_api.graphql.cursors import Paging, filter_hash, page_size, window_of
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.scalars import Json, Time
from evidence_api.graphql.selection import PAGE_NODE, selected
from evidence_api.use_cases.policy_reads import decisions_by_ids, decisions_page, read_telemetry

READ_POLICY = "policy:read"
_ALL = Annotated[int, strawberry.argument(description="How many at most, up to 100.")]


@strawberry.type(
    description="One distinct answer of a gate: the same question under the same policy bundle is the same decision, "
    "however often it is asked."
)
class PolicyDecision:
    """domain.decision_reading.DecisionView, for readers. Digests are sha256:<hex>."""

    row: strawberry.Private[DecisionView]
    decision_id: str = strawberry.field(description="Its content name; evidence is admitted by one.")
    area: str = strawberry.field(description="The policy area, e.g. admission, override or action.")
    allow: bool = strawberry.field(description="Whether it allowed.")
    rules: list[str] = strawberry.field(description="The ids of the rules that had a say; of a denial at least one.")
    reasons: list[str] = strawberry.field(description="What they said.")
    input_digest: str = strawberry.field(description="Of the whole input, in canonical JSON.")
    policy_digest: str = strawberry.field(description="Of the policy bundle.")
    decided_at: Time = strawberry.field(description="When it was first answered so.")

    @resolved("What was asked, from which the answer can be had again; who asked is in it where the area asks for it.")
    def input(self) -> Json:
        """Read with the page only if selected."""
        return Json(None if self.row.input is None else orjson.loads(self.row.input))


@strawberry.type(description="How often a rule, or (rule null) an area as a whole, allowed and denied.")
class RuleUse:
    """domain.policy_telemetry.RuleUse, for readers."""

    area: str = strawberry.field(description="The policy area.")
    rule: str | None = strawberry.field(description="The rule's id; null for the area as a whole.")
    allows: int = strawberry.field(description="Decisions that allowed.")
    denies: int = strawberry.field(description="Decisions that denied.")
    share: float = strawberry.field(description="Of the area's decisions, 0 to 1.")
    denied_before: int = strawberry.field(description="Denials in as long a time before.")
    overrides: list[str] = strawberry.field(
        description="Evidence ids of overrides of the rule that came after it denied."
    )


@strawberry.type(description="A rule of the loaded policy that never fired.")
class SilentRule:
    """domain.policy_telemetry.Silent, for readers."""

    area: str = strawberry.field(description="The policy area.")
    rule: str = strawberry.field(description="The rule's id.")
    decisions: int = strawberry.field(description="How many decisions its area made.")


@strawberry.type(description="A reason denials were told with, and how often.")
class ReasonCount:
    """domain.policy_telemetry.ReasonCount, for readers."""

    area: str = strawberry.field(description="The policy area.")
    reason: str = strawberry.field(description="What was said.")
    hits: int = strawberry.field(description="How often.")


@strawberry.type(description="What policies did in a period of full hours, for the people who tune them.")
class PolicyTelemetry:
    """domain.policy_telemetry.Telemetry, for readers."""

    told: strawberry.Private[policy_telemetry.Telemetry]
    since: Time = strawberry.field(description="The first hour.")
    until: Time = strawberry.field(description="The end of the last hour.")
    policy_digest: str = strawberry.field(description="Of the policy bundle in force.")
    look_at: list[str] = strawberry.field(description="What to look at, the most urgent first.")

    @resolved("Each area as a whole, those that denied most first.")
    def areas(self, first: _ALL = 50) -> list[RuleUse]:
        """From the counts."""
        return [_use(one) for one in self.told.areas[: page_size("first", first)]]

    @resolved("Every rule that fired, those that denied most first.")
    def rules(self, first: _ALL = 50) -> list[RuleUse]:
        """From the counts."""
        return [_use(one) for one in self.told.rules[: page_size("first", first)]]

    @resolved("Rules whose denials were overridden later, the most overridden first.")
    def noisy(self, first: _ALL = 50) -> list[RuleUse]:
        """From the counts and the overrides in the log."""
        return [_use(one) for one in self.told.noisy[: page_size("first", first)]]

    @resolved("Rules of the loaded policy that never fired.")
    def never_fired(self, first: _ALL = 50) -> list[SilentRule]:
        """The loaded rules without those that fired."""
        shown = self.told.never_fired[: page_size("first", first)]
        return [SilentRule(area=one.area, rule=one.rule, decisions=one.decisions) for one in shown]

    @resolved("What denials were told with, the most frequent first.")
    def reasons(self, first: _ALL = 50) -> list[ReasonCount]:
        """From the counts."""
        shown = self.told.reasons[: page_size("first", first)]
        return [ReasonCount(area=one.area, reason=one.reason, hits=one.hits) for one in shown]


@strawberry.type(description="Root fields about policy decisions and their telemetry.")
class PolicyQuery:
    """Inherited by the root type."""

    @resolved(
        "The decisions of the server's gates that let something in, or turned away what is on record: each distinct "
        "answer once, oldest first. Needs the right policy:read."
    )
    async def policy_decisions(  # noqa: PLR0913, PLR0917  Relay's four, and what narrows the list
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        area: Annotated[str | None, strawberry.argument(description="Of this policy area alone.")] = None,
        allow: Annotated[bool | None, strawberry.argument(description="Only what allowed, or only denials.")] = None,
        rule: Annotated[str | None, strawberry.argument(description="In which this rule had a say.")] = None,
        since: Annotated[Time | None, strawberry.argument(description="From this moment on.")] = None,
        until: Annotated[Time | None, strawberry.argument(description="Before this moment.")] = None,
    ) -> Connection[PolicyDecision]:
        """One statement per page."""
        await info.context.session.allow(READ_POLICY)
        chosen = DecisionFilter(area, allow, rule, _moment(since), _moment(until))
        hashed = filter_hash(
            "policyDecisions",
            area=area,
            allow=allow,
            rule=rule,
            since=chosen.since and format_rfc3339(chosen.since),
            until=chosen.until and format_rfc3339(chosen.until),
        )
        window = window_of(Paging(first, after, last, before), hashed)
        with_input = "input" in selected(info, *PAGE_NODE)
        page = await decisions_page(info.context.session, chosen, window, with_input=with_input)
        return connect(page, window, hashed, lambda row: row.position, _decision)

    @resolved("One decision by its id sha256:<hex>; null if there is none. Needs the right policy:read.")
    async def policy_decision(
        self,
        info: Info,
        id: Annotated[str, strawberry.argument(description="Its content name.")],  # noqa: A002  what readers call it
    ) -> PolicyDecision | None:
        """By identity."""
        await info.context.session.allow(READ_POLICY)
        found = await decisions_by_ids(info.context.session, [id])
        return _decision(found[id]) if id in found else None

    @resolved(
        "What the policies did from the hour of `since` to that of `until` (now without), at most 92 days, compared "
        "with as long a time before. Needs the right policy:read."
    )
    async def policy_telemetry(
        self,
        info: Info,
        since: Annotated[Time, strawberry.argument(description="In the first hour.")],
        until: Annotated[Time | None, strawberry.argument(description="In the last hour; now without.")] = None,
    ) -> PolicyTelemetry:
        """From counts by the hour, and from the log."""
        session = info.context.session
        await session.allow(READ_POLICY)
        if session.policy is None:
            raise StoreUnavailable("no policy is loaded here", code="no_policy")
        tenant = info.context.principal.tenant.name
        told = await read_telemetry(session, tenant, session.policy, cast("datetime", since), _moment(until))
        return PolicyTelemetry(
            told=told,
            since=Time(told.since),
            until=Time(told.until),
            policy_digest=told.policy,
            look_at=list(told.look_at),
        )


def _moment(given: Time | None) -> datetime | None:
    return cast("datetime | None", given)


def _decision(row: DecisionView) -> PolicyDecision:
    return PolicyDecision(
        row=row,
        decision_id=row.id,
        area=row.area,
        allow=row.allow,
        rules=list(row.rules),
        reasons=list(row.reasons),
        input_digest=row.input_digest,
        policy_digest=row.policy_digest,
        decided_at=Time(row.decided),
    )


def _use(one: policy_telemetry.RuleUse) -> RuleUse:
    return RuleUse(
        area=one.area,
        rule=one.rule or None,
        allows=one.allows,
        denies=one.denies,
        share=one.share,
        denied_before=one.denied_before,
        overrides=[override.evidence for override in one.overrides],
    )
