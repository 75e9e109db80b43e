"""Reading what policy said: the gates' decisions, and what their counts say of the rules in force."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from evidence_api.domain.decision_reading import DecisionFilter, DecisionView
from evidence_api.domain.errors import Refused
from evidence_api.domain.page import Page, Window
from evidence_api.domain.policy_telemetry import Counts, Telemetry, telemetry
from evidence_api.store import policy_hits, read_policy_decisions
from evidence_api.use_cases.policy_in_force import PolicyInForce
from evidence_api.use_cases.read_session import ReadSession

_HOUR = timedelta(hours=1)
MAX_PERIOD = timedelta(days=92)


async def decisions_page(
    session: ReadSession, chosen: DecisionFilter, window: Window, *, with_input: bool
) -> Page[DecisionView]:
    """One page, oldest first."""
    return await session.run(read_policy_decisions.page, chosen, window, with_input=with_input)


async def decisions_by_ids(session: ReadSession, ids: Sequence[str]) -> dict[str, DecisionView]:
    """Decisions by id, with their inputs."""
    return await session.run(read_policy_decisions.by_ids, ids)


async def read_telemetry(
    session: ReadSession, tenant: str, policy: PolicyInForce, since: datetime, until: datetime | None
) -> Telemetry:
    """The telemetry of the full hours from that of `since` to that of `until` (now without), compared with as long a
    time before. Raises Refused `bad_period` for none, and for one longer than MAX_PERIOD."""
    if until is None:
        until = await session.run(read_policy_decisions.moment)
    first, last = _full_hour(since), _full_hour(until) + _HOUR
    if not timedelta(0) < last - first <= MAX_PERIOD + _HOUR:
        raise Refused(
            f"the period ends after it begins, and within {MAX_PERIOD.days} days",
            code="bad_period",
            path="since",
            limit=MAX_PERIOD.days,
            value=(last - first).days,
        )
    before = first - (last - first)
    counts = Counts(
        tenant=tenant,
        since=first,
        until=last,
        hits=await session.run(policy_hits.counted, first, last),
        before=await session.run(policy_hits.counted, before, first),
        reasons=await session.run(policy_hits.reasons, first, last),
        overrides=await session.run(policy_hits.overrides, first, last),
    )
    return telemetry(counts, policy.rules, policy.digest)


def _full_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
