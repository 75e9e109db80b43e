"""Reperforming what only the server can: the decisions whose ledger, rule or artifact it has, in the order of the log.

The plan for what comes next in a tenant's log (use_cases/follow_log.py):
  1. what was found before is not looked for again: the follower may hand over what it did not note as done, or begin
     anew with empty tables, which steps 2 and 3 fill as they were
  2. take the steps of trust ledgers, in one transaction, in the order of the leaves
  3. reperform: with the answers of a policy area, or with the ledger's word on the prior
  4. sign and append what was found                                        use_cases/reperformance_record.py
A crash after 2 finds the same steps there; after 4, the statements. What needs an artifact waits for it, and is not
computed here (use_cases/reperform_waiting.py): until it comes, that it cannot be reperformed is what stands.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from evidence_api.domain.decisions import DECISIONS, DEFERRABLE
from evidence_api.domain.decisions.reperforming import ArtifactNeed, DecisionKind, Given, RuleNeed
from evidence_api.domain.decisions.shape import Predicate
from evidence_api.domain.decisions.trust_update import Beta, TrustUpdate, ledger_key
from evidence_api.domain.errors import EvidenceError, Refused, StoreUnavailable, Undecided
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.trust_state import TrustStep, continued
from evidence_api.store import reperformances, trust_ledger
from evidence_api.store.session import Database
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.follow_log import Followed, LogFollower
from evidence_api.use_cases.reperform import Reperforming
from evidence_api.use_cases.reperformance_record import ReperformanceRecord, not_decided, not_readable

logger = structlog.get_logger(__name__)

FOLLOWER = "reperformance"
_AT_ONCE = 16  # statements
_TRIES = 5  # of a rule that does not answer: one decision must not hold up all others for ever


@dataclass(frozen=True, slots=True)
class _Deferred:
    """One decision of which only the server can tell, and the step of its ledger."""

    followed: Followed
    kind: DecisionKind[Any]
    read: Predicate = field(repr=False)
    step: TrustStep | None = None


class DeferredDecisions:
    """Reperforms deferred decisions as they come in."""

    def __init__(self, database: Database, gate: Gate, record: ReperformanceRecord) -> None:
        self._database = database
        self._gate = gate
        self._record = record
        self._reperforming = Reperforming(self._asked, _nothing)
        self._tried: Counter[str] = Counter()

    def follower(self) -> LogFollower:
        """What reads the log for this."""
        return LogFollower(self._database, FOLLOWER, DEFERRABLE, self.handle)

    async def handle(self, scope: TenantScope, batch: Sequence[Followed]) -> None:
        """The whole plan. Raises Undecided: then none of the batch is noted as done."""
        async with self._database.reading(scope) as connection:
            known = await reperformances.standing(connection, scope, [one.evidence.id for one in batch])
        deferred = [made for one in batch if (made := _deferred(one))]
        stepped = await self._step(scope, deferred)
        room = asyncio.Semaphore(_AT_ONCE)

        async def settle(one: _Deferred) -> None:
            async with room:
                if one.followed.evidence.id in known:
                    await self._enlist(scope, one)
                else:
                    await self._settle_or_pass(scope, one)

        ended = await asyncio.gather(*map(settle, stepped), return_exceptions=True)
        faults = [one for one in ended if isinstance(one, BaseException)]
        if faults:
            raise faults[0]

    async def _step(self, scope: TenantScope, deferred: Sequence[_Deferred]) -> list[_Deferred]:
        """Step 2. Commit point: a crash before it leaves the ledgers as they were."""
        if not any(isinstance(one.read, TrustUpdate) for one in deferred):
            return list(deferred)
        stepped = []
        async with self._database.tenant(scope) as connection:
            for one in deferred:
                made = None
                if isinstance(one.read, TrustUpdate):
                    about = one.followed.evidence
                    made = await trust_ledger.move(connection, scope, about.leaf_index, about.id, one.read)
                stepped.append(_Deferred(one.followed, one.kind, one.read, made))
        return stepped

    async def _settle_or_pass(self, scope: TenantScope, one: _Deferred) -> None:
        """A fault of ours over one decision must not keep all after it from theirs: it is said, and passed over."""
        try:
            await self._settle(scope, one)
        except EvidenceError:
            raise
        except Exception:
            logger.exception("decision_passed_over", tenant=scope.name, of=one.followed.evidence.id, code="internal")

    async def _settle(self, scope: TenantScope, one: _Deferred) -> None:
        """Steps 3 and 4 of one decision. Raises Undecided."""
        about = one.followed.evidence
        need = one.kind.need(one.read)
        if isinstance(need, ArtifactNeed):
            await self._wait(scope, one, need)
            return
        try:
            result = await self._reperforming.of(about.predicate_type, one.followed.predicate)
        except Refused as refusal:
            result = not_readable(refusal)
        except StoreUnavailable:
            raise
        except Undecided as fault:
            self._tried[about.id] += 1
            if self._tried[about.id] < _TRIES:
                raise
            logger.warning("rule_gave_no_answer", tenant=scope.name, of=about.id, code=fault.code)
            result = not_decided(f"the policy area {need.area}" if isinstance(need, RuleNeed) else "the server")
        self._tried.pop(about.id, None)
        if one.step is not None:
            result = continued(result, one.step)
        await self._record.append(scope, about, result, self._grounds(one))

    async def _enlist(self, scope: TenantScope, one: _Deferred) -> None:
        """Of what was found before, only that it waits for an artifact: what then is found is compared with it."""
        need = one.kind.need(one.read)
        if isinstance(need, ArtifactNeed):
            async with self._database.tenant(scope) as connection:
                await reperformances.enlist(connection, scope, one.followed.evidence.leaf_index, need.digest)

    async def _wait(self, scope: TenantScope, one: _Deferred, need: ArtifactNeed) -> None:
        """Let it wait for its artifact, and say so if that is not here yet. Whoever computes it takes it only when the
        follower is past it, so what is said here never comes after what is found there."""
        about = one.followed.evidence
        async with self._database.tenant(scope) as connection:
            await reperformances.enlist(connection, scope, about.leaf_index, need.digest)
            here = await reperformances.has_artifact(connection, scope, need.digest)
        if not here:
            result = one.kind.reperform_read(one.read, one.followed.predicate, Given())
            await self._record.append(scope, about, result, {"artifact": need.digest})

    def _grounds(self, one: _Deferred) -> dict[str, Any]:
        if one.step is not None and isinstance(one.read, TrustUpdate):
            arm, context = ledger_key(one.read.arm, one.read.context)
            stands = {"prior": _numbers(one.step.before), "posterior": _numbers(one.step.after)}
            return {"ledger": {"arm": arm, "context": context, **stands}}
        return {"policyBundle": self._gate.policy_digest} if isinstance(one.kind.need(one.read), RuleNeed) else {}

    async def _asked(self) -> Gate:
        return self._gate


def _deferred(followed: Followed) -> _Deferred | None:
    """None for what told everything by itself when it came in. It was read then, by the readers of then."""
    kind = DECISIONS.get(followed.evidence.predicate_type)
    if kind is None:
        return None
    try:
        read = kind.read(followed.predicate)
    except Refused as refusal:
        logger.warning("decision_unreadable", evidence=followed.evidence.id, code=refusal.code)
        return None
    return _Deferred(followed, kind, read) if kind.deferred(read) else None


def _numbers(beta: Beta) -> Mapping[str, float]:
    return {"a": beta.a, "b": beta.b}


async def _nothing(_: str) -> None:
    """What needs an artifact is not computed here."""
