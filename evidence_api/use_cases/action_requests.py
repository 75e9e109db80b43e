"""Requests for actions: somebody asks, policy says whether they may, and both are put on record as signed evidence.

The plan of one request:
  1. ask area `action` of the policy (Rego)                                             policy/action
  2. keep the statement of it under the key the client gave; a retry finds it, and goes on with what is kept
  3. sign it with the server's key and append it: signed twice it is the same evidence, and has one leaf
  4. note that it is in the log, and tell the tenant's webhook, in one transaction
Commit points: a crash after 2 leaves a request nobody was answered for, which a retry, or the next round here,
completes; one after 3 leaves evidence that both find there; after 4 all is done. A denial goes the same way.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid5

import orjson
import structlog

from evidence_api.domain.action_request import Asked, Recorded, actor_of, usd_of
from evidence_api.domain.decision import Decision
from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import Conflict, EvidenceError
from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.statement import Subject
from evidence_api.engines.clock import Clock
from evidence_api.formats.predicates.action_request import ACTION_REQUEST, request_predicate
from evidence_api.store import action_requests, budgets, decisions, tenants, webhooks
from evidence_api.store.action_requests import ActionRequest
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.own_evidence import OwnEvidence
from evidence_api.use_cases.rounds import Rounds
from evidence_api.use_cases.webhooks import Webhooks

logger = structlog.get_logger(__name__)

AREA = "action"
_LEFT_ALONE = timedelta(seconds=60)  # whoever asked is still at it, or has left
_AT_ONCE = 100
_IDLE = 20  # intervals of the front between two looks

# What is to be written together with the note that an allowed request is in the log.
Also: TypeAlias = Callable[[Connection, TenantScope, ActionRequest], Awaitable[None]]


class ActionRequests:
    """Puts requests on record."""

    def __init__(self, database: Database, gate: Gate, own: OwnEvidence, hooks: Webhooks, clock: Clock) -> None:
        self._database = database
        self._gate = gate
        self._own = own
        self._hooks = hooks
        self._clock = clock
        self._also: dict[str, Also] = {}
        self._rounds = Rounds(self.sweep, "action_requests_postponed")

    def with_each(self, action: str, also: Also) -> None:
        """Write something more for each allowed request of this action, in the transaction of step 4."""
        self._also[action] = also

    async def ask(self, principal: Principal, asked: Asked) -> Recorded:
        """Ask policy and record. Raises Conflict `key_reused` (the key stands for another request), Refused (the
        tenant has revoked the server's key), Undecided."""
        decision = await self._gate.decide(AREA, await self._question(principal, asked), scope=principal.tenant)
        return await self.record(principal, asked, decision)

    async def check_key(self, principal: Principal, asked: Asked) -> None:
        """Before something is done that is only put on record afterwards: whether the key is free, or stands for this
        very request. Raises Conflict `key_reused`."""
        async with self._database.reading(principal.tenant) as connection:
            kept = await action_requests.get(connection, principal.tenant, _identity(principal, asked))
        if kept is not None:
            _check_same(kept, _question_digest(asked))

    async def record(self, principal: Principal, asked: Asked, decision: Decision | None) -> Recorded:
        """Steps 2 to 4 of what was decided already, or (None) let in by the gate of the thing itself."""
        scope, actor, at = principal.tenant, actor_of(principal), self._clock.now()
        identity = _identity(principal, asked)
        predicate = request_predicate(asked, str(identity), actor, at, decision)
        made = ActionRequest(
            id=identity,
            principal=actor,
            action=asked.action,
            question=_question_digest(asked),
            statement=canonical({"subjects": _subjects(asked), "predicate": predicate}).decode(),
            allow=decision is None or decision.allow,
            requested=at,
        )
        async with self._database.tenant(scope) as connection:
            kept = await action_requests.put(connection, scope, made)
            if decision is not None:
                await decisions.keep(connection, scope, [decision], at)
        _check_same(kept, made.question)
        repeated = kept.evidence is not None
        evidence = kept.evidence or await self._complete(scope, kept)
        return _recorded(kept, evidence, repeated=repeated)

    async def run(self, interval: float) -> None:
        """Complete what nobody completes, for ever."""
        await self._rounds.run(interval * _IDLE)

    async def sweep(self) -> int:
        """Steps 3 and 4 of every request that was left after step 2; how many that were."""
        done = 0
        for scope in await tenants.every(self._database):
            async with self._database.reading(scope) as connection:
                before = self._clock.now() - _LEFT_ALONE
                left = await action_requests.unsettled(connection, scope, before, _AT_ONCE)
            for kept in left:
                try:
                    await self._complete(scope, kept)
                    done += 1
                except EvidenceError as fault:
                    logger.warning("action_request_postponed", tenant=scope.name, code=fault.code, detail=fault.message)
        return done

    async def _question(self, principal: Principal, asked: Asked) -> Mapping[str, Any]:
        """The input of area `action`. Of a budget, the limit as it is kept from evidence goes with it."""
        question: dict[str, Any] = {
            "action": asked.action,
            "actor": {"kind": principal.kind, "id": principal.id},
            "target": asked.target,
            "justification": asked.justification,
            "parameters": _told(asked.parameters),
        }
        if asked.action == "raise_budget":
            period, of = str(asked.parameters.get("period", "")), str(asked.parameters.get("scope", ""))
            async with self._database.reading(principal.tenant) as connection:
                known = await budgets.standing(connection, principal.tenant, [period], [of])
            if known:
                question["budget"] = {"limit_usd": float(known[0].limit)}
        return question

    async def _complete(self, scope: TenantScope, kept: ActionRequest) -> str:
        """Steps 3 and 4; the id of the evidence."""
        said = orjson.loads(kept.statement)
        subjects = tuple(Subject(one["name"], one["digest"]) for one in said["subjects"])
        envelope = self._own.sign(subjects, ACTION_REQUEST, said["predicate"])
        receipt = await self._own.append(scope, envelope)
        async with self._database.tenant(scope) as connection:
            if await action_requests.settle(connection, scope, kept.id, receipt.evidence_id):
                also = self._also.get(kept.action)
                if also is not None and kept.allow:
                    await also(connection, scope, kept)
                body = orjson.dumps(_message(scope, kept, said["predicate"], receipt.evidence_id)).decode()
                await webhooks.tell(connection, scope, kept.id, body, self._clock.now())
        self._hooks.wake()
        logger.info("action_requested", tenant=scope.name, action=kept.action, request=str(kept.id), allow=kept.allow)
        return receipt.evidence_id


def _identity(principal: Principal, asked: Asked) -> UUID:
    """The request's own id: the same key of the same caller is the same request."""
    return uuid5(principal.tenant.id, f"{actor_of(principal)} {asked.key}")


def _check_same(kept: ActionRequest, question: str) -> None:
    if kept.question != question:
        raise Conflict("the key was used for another request", code="key_reused", path="clientMutationId")


def _told(parameters: Mapping[str, str | bool]) -> dict[str, Any]:
    """Parameters as policy sees them: an amount of money is a number there; one that is none stays text."""
    told: dict[str, Any] = dict(parameters)
    if "limitUSD" in told:
        amount = usd_of(str(told.pop("limitUSD")))
        told |= {} if amount is None else {"limit_usd": float(amount)}
    return told


def _subjects(asked: Asked) -> list[dict[str, Any]]:
    """What it is about; without anything, the target itself, by the digest of its name."""
    if asked.subjects:
        return [{"name": one.name, "digest": dict(one.digest)} for one in asked.subjects]
    digest = digest_of(canonical({"target": asked.target}))
    return [{"name": asked.target, "digest": {"sha256": digest.removeprefix("sha256:")}}]


def _question_digest(asked: Asked) -> str:
    """What a retry must have in common with the first attempt: all but the id of the HTTP request."""
    told = {
        "action": asked.action,
        "target": asked.target,
        "justification": asked.justification,
        "about": asked.about,
        "parameters": dict(asked.parameters),
    }
    return digest_of(canonical(told))


def _recorded(kept: ActionRequest, evidence: str, *, repeated: bool) -> Recorded:
    predicate = orjson.loads(kept.statement)["predicate"]
    decided = predicate["decision"]
    return Recorded(
        id=kept.id,
        action=kept.action,
        target=predicate["target"],
        justification=predicate["justification"],
        actor=kept.principal,
        allow=kept.allow,
        rules=tuple(decided.get("rules", ())),
        reasons=tuple(decided.get("reasons", ())),
        decision=decided.get("id", ""),
        evidence=evidence,
        repeated=repeated,
    )


def _message(scope: TenantScope, kept: ActionRequest, predicate: Mapping[str, Any], evidence: str) -> dict[str, Any]:
    """What a webhook is told: whoever acts reads the rest from the evidence."""
    return {
        "id": str(kept.id),
        "type": "action.requested",
        "tenant": scope.name,
        "evidence": evidence,
        "action": kept.action,
        "actor": kept.principal,
        "target": predicate["target"],
        "justification": predicate["justification"],
        "parameters": predicate["parameters"],
        "decided": "allow" if kept.allow else "deny",
        "requestedAt": format_rfc3339(kept.requested),
    }
