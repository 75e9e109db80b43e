"""Budgets: kept by the server from the log's budget events, and said aloud when they run out.

The plan for each verified event, in the order of the log:
  1. not one of our own: those say again what the ledger knows already
  2. its entries and its limit into the ledger, each entry once                          store/budgets.py
  3. the level that gives, by the server's own sum; one not alerted yet under this limit, or another than was alerted
     last, is noted, with what is to be said, in the same transaction. That it is ok is said only where something else
     was said last: a raised limit takes back what was said of the old one. Commit point: a crash before it does all of
     it again, with the same result
And for each alert that is noted and not in the log:
  4. our own budget event about the same subjects, signed and appended. There is no clock in it but that of the evidence
     that crossed the level: appended again after a crash, it is the same evidence
  5. its id is noted, and the message for the tenant's webhook put into the outbox, in one transaction
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid5

import orjson
import structlog

from evidence_api.domain.budget import BudgetState
from evidence_api.domain.decisions import budget_event
from evidence_api.domain.decisions.budget_event import BudgetEvent, usd_text
from evidence_api.domain.digest import canonical
from evidence_api.domain.errors import EvidenceError, Malformed
from evidence_api.domain.model_quota import budget_limit
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.statement import Subject
from evidence_api.domain.verification import KeySigner, Verified
from evidence_api.engines.clock import Clock
from evidence_api.store import budgets, tenants, webhooks
from evidence_api.store.budgets import PendingAlert, SpentEntries
from evidence_api.store.rows import id_bytes
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.follow_log import Followed, LogFollower
from evidence_api.use_cases.own_evidence import OwnEvidence
from evidence_api.use_cases.rounds import Rounds
from evidence_api.use_cases.webhooks import Webhooks

logger = structlog.get_logger(__name__)

PRODUCER = "evidence-api/budgets"
_FOLLOWER, _KINDS = "budgets", frozenset({"budget"})
MAX_ENTRIES = 10_000  # of one event
_VERSION = "1"  # of what is said of the same ledger
_LEASE = timedelta(seconds=30)
_IDLE = 4  # intervals of the front between two looks
_FIRST, _LONGEST = timedelta(seconds=1), timedelta(minutes=10)


class Budgets:
    """Keeps the ledgers, and alerts."""

    def __init__(self, database: Database, own: OwnEvidence, hooks: Webhooks, settings: object, clock: Clock) -> None:
        """`settings` are the operator's of area model_call: limits that take the place of those in events."""
        self._database = database
        self._own = own
        self._hooks = hooks
        self._settings = settings
        self._clock = clock
        self._rounds = Rounds(self.sweep, "budget_alerts_postponed")

    def follower(self) -> LogFollower:
        """Reads the log for it."""
        return LogFollower(self._database, _FOLLOWER, _KINDS, self.follow)

    async def follow(self, scope: TenantScope, found: Sequence[Followed]) -> None:
        """Steps 1 to 3, for a follower of the log."""
        noted = False
        async with self._database.tenant(scope) as connection:
            for one in found:
                noted |= not self._is_own(one) and await self._add(connection, scope, one)
        if noted:
            self._rounds.wake()

    async def run(self, interval: float) -> None:
        """Steps 4 and 5, for ever: when something was noted here, and every few intervals."""
        await self._rounds.run(interval * _IDLE)

    async def sweep(self) -> int:
        """Say everything that is noted, of every tenant; the number of alerts."""
        said = 0
        for scope in await tenants.every(self._database):
            now = self._clock.now()
            async with self._database.tenant(scope) as connection:
                pending = await budgets.claim_alerts(connection, scope, now, now + _LEASE)
            for alert in pending:
                said += await self._say_or_postpone(scope, alert)
        return said

    def _is_own(self, one: Followed) -> bool:
        """Step 1: by the key, which nobody else has."""
        match one.evidence.verification:
            case Verified(signer=KeySigner(key_id=key)):
                return key == self._own.public_key.key_id
            case _:
                return False

    async def _add(self, connection: Connection, scope: TenantScope, one: Followed) -> bool:
        """Steps 2 and 3; whether an alert was noted."""
        try:
            read = budget_event.KIND.read(one.predicate)
        except Malformed as refusal:  # it was read when it came in, by the rules of then
            logger.warning("budget_event_unreadable", tenant=scope.name, evidence=one.evidence.id, code=refusal.code)
            return False
        limit = budget_limit(self._settings, scope.name, read.period) if read.scope is None else None
        state = await budgets.add(connection, scope, _spent(read, one), limit=limit)
        last = await budgets.last_alerted(connection, scope, state) or "ok"
        if last == state.level and (last == "ok" or await budgets.alerted(connection, scope, state)):
            return False  # nothing to say, and nothing to take back
        entries = await budgets.newest_entries(connection, scope, state, MAX_ENTRIES)
        predicate = alert_predicate(state, entries)
        subjects = [{"name": subject.name, "digest": dict(subject.digest)} for subject in one.subjects]
        await budgets.keep_alert(
            connection, scope, state, canonical({"subjects": subjects, "predicate": predicate}).decode()
        )
        return True

    async def _say_or_postpone(self, scope: TenantScope, alert: PendingAlert) -> bool:
        """What cannot be said now (the tenant has revoked our key, policy does not admit it) is tried again later, and
        keeps nobody else from being told."""
        try:
            await self._say(scope, alert)
        except EvidenceError as fault:
            logger.warning("budget_alert_postponed", tenant=scope.name, code=fault.code, detail=fault.message)
        except Exception:  # the same
            logger.exception("budget_alert_postponed", tenant=scope.name, code="internal")
        else:
            return True
        wait = min(_LONGEST, _FIRST * 2 ** min(alert.attempts - 1, 20))
        async with self._database.tenant(scope) as connection:
            await budgets.postpone_alert(connection, scope, alert, self._clock.now() + wait)
        return False

    async def _say(self, scope: TenantScope, alert: PendingAlert) -> None:
        """Steps 4 and 5. A crash between them appends the same evidence again, which changes nothing."""
        said = orjson.loads(alert.statement)
        subjects = tuple(Subject(one["name"], one["digest"]) for one in said["subjects"])
        envelope = self._own.sign(subjects, budget_event.KIND.predicate_type, said["predicate"])
        receipt = await self._own.append(scope, envelope)
        async with self._database.tenant(scope) as connection:
            if await budgets.record_alert(connection, scope, alert, id_bytes(receipt.evidence_id)):
                name = uuid5(scope.id, receipt.evidence_id)
                body = {"id": str(name), **message(scope, alert, receipt.evidence_id)}
                await webhooks.tell(connection, scope, name, orjson.dumps(body).decode(), self._clock.now())
        budget = alert.budget
        logger.info(
            "budget_alert", tenant=scope.name, period=budget.period, scope=budget.scope, level=alert.level,
            spent=usd_text(budget.spent), limit=usd_text(budget.limit),
        )  # fmt: skip
        self._hooks.wake()


def alert_predicate(budget: BudgetState, newest: Sequence[tuple[str, Decimal]]) -> dict[str, Any]:
    """The server's own budget event: `newest` are the newest entries, oldest first. Those before them, if there are
    any, are one entry, so that the sum can be repeated from what is there."""
    listed = [(name, usd_text(usd)) for name, usd in newest]
    if budget.entries > len(newest):
        listed = listed[1:]
        earlier = f"{budget.entries - len(listed)} earlier entries"
        while any(name == earlier for name, _ in listed):
            earlier += "."
        shown = budget_event.spent(usd for _, usd in listed)
        listed.insert(0, (earlier, usd_text(budget_event.difference(budget.spent, shown))))
    named = f"{budget.period} of {budget.scope}" if budget.scope else budget.period
    told = f"the budget of {named} is spent: ${usd_text(budget.spent)} of ${usd_text(budget.limit)}"
    note = {"action": "downshift", "reason": told} if budget.level == "exceeded100" else None
    stated = budget_event.statement(budget.period, usd_text(budget.limit), listed, note, scope=budget.scope)
    at = format_rfc3339(budget.changed)
    return {"producer": {"id": PRODUCER, "version": _VERSION}, "decidedAt": at, **stated}


def message(scope: TenantScope, alert: PendingAlert, evidence: str) -> dict[str, Any]:
    """What a webhook is told of an alert."""
    return {
        "type": "budget.alert",
        "tenant": scope.name,
        "evidence": evidence,
        "period": alert.budget.period,
        "scope": alert.budget.scope or None,
        "level": alert.level,
        "spentUSD": usd_text(alert.budget.spent),
        "limitUSD": usd_text(alert.budget.limit),
        "crossedAt": format_rfc3339(alert.budget.changed),
    }


def _spent(read: BudgetEvent, one: Followed) -> SpentEntries:
    return SpentEntries(
        period=read.period,
        scope=read.scope or "",
        limit=Decimal(read.limit_usd),
        entries=[(entry.id, Decimal(entry.usd)) for entry in read.entries],
        leaf_index=one.evidence.leaf_index,
        received=one.evidence.received,
    )
