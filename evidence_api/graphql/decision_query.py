"""The root fields about decisions: which there are, the rollouts among them, and the ledgers kept from them."""

from typing import Annotated

import strawberry

from evidence_api.domain import reading
from evidence_api.domain.decisions.reading import DECISION_KINDS
from evidence_api.domain.errors import Malformed
from evidence_api.graphql.connections import After, AsOf, Before, Connection, First, FirstOnly, Last, connect
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.cursors import Paging, filter_hash, window_of
from evidence_api.graphql.decisions import ReperformanceStatus
from evidence_api.graphql.evidence import (
    Evidence,
    connect_evidence,
    counted_evidence,
    evidence_window,
    listing_of,
    wanted,
)
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.ledgers import (
    Arm,
    Budget,
    BudgetScope,
    ModelBucket,
    Period,
    TrustLedger,
    bucket_of,
    budget_after,
    budget_of,
    budget_position,
    ledger_of,
    page_of,
)
from evidence_api.graphql.releases import moment_of
from evidence_api.graphql.rollouts import FACTS, Rollout, rollout_of
from evidence_api.graphql.selection import PAGE_NODE

Kinds = Annotated[
    list[str] | None,
    strawberry.argument(description="Of any of these kinds, as catalog queries call them, e.g. router."),
]
Statuses = Annotated[
    list[ReperformanceStatus] | None,
    strawberry.argument(description="Any of these came of them when they were computed again."),
]
Differing = Annotated[
    str | None,
    strawberry.argument(description="The inputs do not bear out the claim at this dotted path, e.g. card.chosenArm."),
]
RolloutName = Annotated[str | None, strawberry.argument(description="Of this rollout alone, as its gates name it.")]


@strawberry.type(description="Root fields about decisions.")
class DecisionQuery:
    """Inherited by the root type."""

    @resolved(
        "Verified decisions of agents and pipelines in log order, each with what comes of it when it is computed again."
    )
    async def decisions(  # noqa: PLR0913, PLR0917  Relay's four, three filters and a size
        self,
        info: Info,
        kind: Kinds = None,
        status: Statuses = None,
        differing: Differing = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        as_of: AsOf = None,
    ) -> Connection[Evidence]:
        """One statement per page."""
        chosen = reading.EvidenceFilter(
            kinds=_decision_kinds(kind),
            reperformance=tuple(one.value.lower() for one in status or ()),
            differing=differing,
        )
        window, hashed = evidence_window("decisions", chosen, Paging(first, after, last, before))
        at = await moment_of(info, as_of)
        page = await info.context.session.evidence_page(chosen, listing_of(info, window, at))
        return connect_evidence(page, window, hashed, at, counted_evidence(info, chosen, at))

    @resolved("Verified gates of rollouts in log order: what each came to, recomputed, by rollout and stage.")
    async def rollouts(  # noqa: PLR0913, PLR0917  Relay's four, a filter and a size
        self,
        info: Info,
        rollout: RolloutName = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        as_of: AsOf = None,
    ) -> Connection[Rollout]:
        """One statement per page: the facts of a gate are what it came to when it came in."""
        chosen = reading.EvidenceFilter(kinds=("rollout",), rollout=rollout)
        window, hashed = evidence_window("rollouts", chosen, Paging(first, after, last, before))
        at = await moment_of(info, as_of)
        listing = reading.Listing(window, at.size, FACTS | wanted(info, *PAGE_NODE, "evidence"))
        page = await info.context.session.evidence_page(chosen, listing)
        counting = counted_evidence(info, chosen, at)
        return connect(page, window, hashed, lambda row: str(row.leaf_index), lambda row: rollout_of(row, at), counting)

    @resolved("The trust ledgers by arm and context, as they are now.")
    async def trust_ledger(
        self, info: Info, arm: Arm = None, first: FirstOnly = None, after: After = None
    ) -> Connection[TrustLedger]:
        """One statement per page, one more to go on."""
        hashed = filter_hash("trust-ledger", arm=arm)
        window = window_of(Paging(first, after, None, None), hashed)
        rows = await info.context.session.trust_ledgers(arm, window.after, window.size + 1)
        return page_of(rows, window, hashed, lambda row: reading.ledger_position(row.arm, row.context), ledger_of)

    @resolved("The budgets by period and scope, as they are now.")
    async def budgets(
        self,
        info: Info,
        period: Period = None,
        scope: BudgetScope = None,
        first: FirstOnly = None,
        after: After = None,
    ) -> Connection[Budget]:
        """One statement per page."""
        hashed = filter_hash("budgets", period=period, scope=scope)
        window = window_of(Paging(first, after, None, None), hashed)
        rows = await info.context.session.budgets(period, scope, budget_after(window), window.size + 1)
        at = Moment(await info.context.session.tree_size(None), pinned=False)
        return page_of(rows, window, hashed, budget_position, lambda row: budget_of(row, at))

    @resolved("The token buckets of models that calls were taken from, by model, as they are now.")
    async def model_buckets(self, info: Info, first: FirstOnly = None, after: After = None) -> Connection[ModelBucket]:
        """One statement per page."""
        hashed = filter_hash("model-buckets")
        window = window_of(Paging(first, after, None, None), hashed)
        rows = await info.context.session.model_buckets(window.after or "", window.size + 1)
        return page_of(rows, window, hashed, lambda row: row.model, bucket_of)


def _decision_kinds(given: list[str] | None) -> tuple[str, ...]:
    """The kinds asked for; all of decisions without any. Raises Malformed `unknown_kind` for others."""
    for kind in given or ():
        if kind not in DECISION_KINDS:
            raise Malformed(
                f"{kind[:80]!r} is no kind of decision; there are {', '.join(sorted(DECISION_KINDS))}",
                code="unknown_kind",
                path="kind",
                value=kind[:80],
            )
    return tuple(given or sorted(DECISION_KINDS))
