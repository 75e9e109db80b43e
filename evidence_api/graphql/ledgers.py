"""What the server keeps from decisions, as readers see it: trust by arm and context, budgets, token buckets of models.

All of it is made from the log as it comes in, and shown as it is now, whatever tree size is read.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import Enum
from typing import Annotated, TypeVar

import orjson
import strawberry

from evidence_api.domain import budget as budgets
from evidence_api.domain.decisions.budget_event import usd_text
from evidence_api.domain.decisions.trust_update import Bin
from evidence_api.domain.errors import Malformed
from evidence_api.domain.model_quota import BucketState
from evidence_api.domain.page import Window, cut
from evidence_api.domain.trust_state import TrustState
from evidence_api.graphql.connections import Connection, connect
from evidence_api.graphql.context import Info, Moment
from evidence_api.graphql.evidence import Evidence
from evidence_api.graphql.fields import named, resolved
from evidence_api.graphql.scalars import Json, Time

R = TypeVar("R")
T = TypeVar("T")


@strawberry.type(description="One row of a reliability table: what was predicted beside what came.")
class ReliabilityBin:
    """domain.decisions.trust_update.Bin, for readers."""

    low: float = strawberry.field(description="Predictions from here on, to the next row's.")
    count: int = strawberry.field(description="How many predictions.")
    predicted: float | None = strawberry.field(description="Their mean; null where there were none.")
    observed: float | None = strawberry.field(description="The share of successes among them; null where none were.")


@strawberry.type(description="A central interval.")
class Interval:
    """Two percentiles."""

    low: float = strawberry.field(description="The 5th percentile.")
    high: float = strawberry.field(description="The 95th percentile.")


@strawberry.type(
    description="Trust in one arm, in one context, as Beta(a, b), kept by the server from signed updates. An update "
    "that does not begin where the ledger stands does not move it."
)
class TrustLedger:
    """domain.trust_state.TrustState, for readers."""

    state: strawberry.Private[TrustState]
    arm: str = strawberry.field(description="Whose trust: the model, agent or tool that did the work.")
    context: Json = strawberry.field(description="For what kind of work.")
    a: float = strawberry.field(description="Successes, with what was assumed at first.")
    b: float = strawberry.field(description="Failures, with what was assumed at first.")
    mean: float = strawberry.field(description="The expected rate of successes: a / (a + b).")
    updates: int = strawberry.field(description="How many updates moved it.")
    discontinuities: int = strawberry.field(description="How many did not, because they began elsewhere.")
    brier: float | None = strawberry.field(
        description="Mean squared error of its predictions, 0 (perfect) to 1; null before the first update."
    )

    @resolved("From the 5th to the 95th percentile of the distribution.")
    def interval(self) -> Interval:
        """Computed only where it is selected."""
        low, high = self.state.interval
        return Interval(low=low, high=high)

    @resolved("What was predicted beside what came, in ten rows of equal width: well calibrated is where both agree.")
    def reliability(self) -> list[ReliabilityBin]:
        """From the sums the ledger keeps."""
        return [_bin(one) for one in self.state.reliability]


@strawberry.enum(description="How near its limit a budget is.")
class BudgetLevel(Enum):
    """domain.decisions.budget_event.LEVELS, for readers."""

    _value_: str

    OK = named("ok", "Below 80 % of the limit.")
    WARN80 = named("warn80", "From 80 % of the limit on.")
    EXCEEDED100 = named("exceeded100", "The limit is reached.")


@strawberry.type(description="A level a budget reached, which the server put on record and told of.")
class BudgetAlert:
    """domain.budget.BudgetAlert, for readers."""

    at: strawberry.Private[Moment]
    evidence_key: strawberry.Private[str | None]
    level: BudgetLevel = strawberry.field(description="The level reached.")
    limit: str = strawberry.field(name="limitUSD", description="The limit then, in US dollars, exact.")
    spent: str = strawberry.field(name="spentUSD", description="What was spent then, in US dollars, exact.")
    crossed_at: Time = strawberry.field(description="When the evidence that crossed the level was received.")

    @resolved("The server's signed statement of it; null until it is in the log.")
    async def evidence(self, info: Info) -> Evidence | None:
        """By its evidence id."""
        if self.evidence_key is None:
            return None
        found: Evidence | None = await info.context.find(info, "Evidence", self.evidence_key, self.at)
        return found


@strawberry.type(description="A budget of one period and scope, summed by the server from signed budget events.")
class Budget:
    """domain.budget.BudgetState, for readers."""

    period: str = strawberry.field(description="The period as its producers name it, e.g. 2026-11.")
    scope: str = strawberry.field(description='What it is for, e.g. a team or a model; "" is the tenant\'s own.')
    limit: str = strawberry.field(name="limitUSD", description="The limit in US dollars, exact.")
    spent: str = strawberry.field(name="spentUSD", description="What was spent in US dollars, exact.")
    entries: int = strawberry.field(description="How many amounts that is.")
    level: BudgetLevel = strawberry.field(description="How near the limit it is.")
    changed_at: Time = strawberry.field(description="When the newest event that changed it was received.")
    last_alert: BudgetAlert | None = strawberry.field(description="The newest alert; null if none was due.")


@strawberry.type(description="The token bucket of one model: how often it may still be called.")
class ModelBucket:
    """domain.model_quota.BucketState, for readers."""

    model: str = strawberry.field(description="The model.")
    level: float = strawberry.field(description="Calls that may be made at once now; parts are on their way.")
    burst: int = strawberry.field(description="Calls it holds when full.")
    refill_per_minute: int = strawberry.field(description="Calls that come back each minute.")
    moved_at: Time = strawberry.field(description="When it was called last.")


Arm = Annotated[str | None, strawberry.argument(description="Of this arm alone.")]
Period = Annotated[str | None, strawberry.argument(description="Of this period alone, as its producers name it.")]
BudgetScope = Annotated[
    str | None, strawberry.argument(description='Of this scope alone; "" is the tenant\'s own budget.')
]


def budget_after(window: Window) -> tuple[str, str] | None:
    """The (period, scope) a page goes on after. Raises Malformed `bad_cursor`."""
    if window.after is None:
        return None
    try:
        period, scope = orjson.loads(window.after)
    except (ValueError, TypeError) as fault:
        raise Malformed("not a cursor this server gave out", code="bad_cursor", path="after") from fault
    if not isinstance(period, str) or not isinstance(scope, str):
        raise Malformed("not a cursor this server gave out", code="bad_cursor", path="after")
    return period, scope


def budget_position(state: budgets.BudgetState) -> str:
    """A budget's place in the list."""
    return orjson.dumps([state.period, state.scope]).decode()


def page_of(
    rows: Sequence[R], window: Window, hashed: str, position: Callable[[R], str], node: Callable[[R], T]
) -> Connection[T]:
    """A page of rows read forward, one more than asked for."""
    return connect(cut(rows, window), window, hashed, position, node)


def ledger_of(state: TrustState) -> TrustLedger:
    """A ledger as a reader sees it."""
    return TrustLedger(
        state=state,
        arm=state.arm,
        context=Json(orjson.loads(state.context)),
        a=state.a,
        b=state.b,
        mean=state.mean,
        updates=state.updates,
        discontinuities=state.discontinuities,
        brier=state.brier,
    )


def budget_of(state: budgets.BudgetState, at: Moment) -> Budget:
    """A budget as a reader sees it."""
    alert = state.last_alert
    return Budget(
        period=state.period,
        scope=state.scope,
        limit=_usd(state.limit),
        spent=_usd(state.spent),
        entries=state.entries,
        level=BudgetLevel(state.level),
        changed_at=Time(state.changed),
        last_alert=None
        if alert is None
        else BudgetAlert(
            at=at,
            evidence_key=alert.evidence,
            level=BudgetLevel(alert.level),
            limit=_usd(alert.limit),
            spent=_usd(alert.spent),
            crossed_at=Time(alert.crossed),
        ),
    )


def bucket_of(state: BucketState) -> ModelBucket:
    """A bucket as a reader sees it."""
    return ModelBucket(
        model=state.model,
        level=state.level,
        burst=state.size.burst,
        refill_per_minute=state.size.refill_per_minute,
        moved_at=Time(state.moved),
    )


def _usd(amount: Decimal) -> str:
    return usd_text(amount)


def _bin(row: Bin) -> ReliabilityBin:
    return ReliabilityBin(low=row.low, count=row.count, predicted=row.predicted, observed=row.observed)
