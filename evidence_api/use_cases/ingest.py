"""Ingest: bytes at the door become durable, provable evidence, or are refused with a code.

The plan, in the order of DESIGN section 4 (authentication, authorisation and the size cap happen at the edge):
  1. parse, verify against the tenant's trust, read, draft the row: in another process     use_cases/drafts.py
  2. ask admission (Rego) with the result of every check                                   use_cases/admit.py
     and, of an override alone, area `override`                                            use_cases/overrides.py
  3. append: body, index rows, leaf and what is due, in one transaction                    use_cases/append.py
A refusal stores no evidence, only a line on record of what was turned away and why, with an override's decision.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeAlias

from evidence_api.domain.decision import Decision
from evidence_api.domain.decisions.reading import DECISION_KINDS, PENDING
from evidence_api.domain.errors import EvidenceError, Refused
from evidence_api.domain.evidence import DecisionNote, Receipt
from evidence_api.domain.principal import Principal
from evidence_api.domain.statement import Subject
from evidence_api.engines.clock import Clock
from evidence_api.store import refusals
from evidence_api.store.batch import Draft
from evidence_api.store.session import Database
from evidence_api.use_cases.admit import Admission
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.check import Trust
from evidence_api.use_cases.draft_worker import from_plain
from evidence_api.use_cases.drafts import Drafts
from evidence_api.use_cases.overrides import OverrideDenied, Overrides
from evidence_api.use_cases.room import Room
from evidence_api.use_cases.trust import TrustBook

_AHEAD = 128  # documents of a batch that are being checked at once: all cores are busy, and others get their turn
_PATHS = 100  # that differ, in a receipt
_PART = 250  # documents of a batch that go to the log together, while those after them are being checked


# A document on its way into the log with what was read of it, or what it is refused for.
Queued: TypeAlias = "tuple[asyncio.Future[Receipt], Draft] | EvidenceError"


class Ingest:
    """Accepts evidence for a tenant."""

    def __init__(  # noqa: PLR0913, PLR0917  one argument for each thing the plan needs
        self,
        database: Database,
        trust: TrustBook,
        admission: Admission,
        appender: Appender,
        clock: Clock,
        drafts: Drafts,
        overrides: Overrides,
    ) -> None:
        self._database = database
        self._trust = trust
        self._admission = admission
        self._appender = appender
        self._clock = clock
        self._drafts = drafts
        self._overrides = overrides
        self._room = Room()

    def warm_up(self) -> None:
        """Be ready before the first upload comes."""
        self._drafts.workers.warm_up()

    async def accept(
        self, principal: Principal, body: bytes, *, subjects: tuple[Subject, ...] = (), also: Sequence[Decision] = ()
    ) -> Receipt:
        """Verify, admit and append one document. Raises Refused (nothing stored) or Undecided (try again).

        `subjects` are those the uploader names, for a raw document, which names none a statement would; `also` are
        decisions the document is about, put on record together with it.
        """
        size, scope = len(body), principal.tenant
        await self._room.take(size)
        try:
            self._appender.announce(scope)
            try:
                trust = await self._trust.of(scope)
                made = from_plain(await self._drafts.ask(body, trust, subjects))
                decision = await self._admission.admit(principal, made, body)
                also = (*also, *await self._overrides.admit(scope, made))
                appended = self._appender.append_draft(scope, made, decision, also)
            finally:
                self._appender.retract(scope)
            return _noted(await appended, made)
        except Refused as refusal:
            await self._put_on_record(principal, [(body, refusal)])
            raise
        finally:
            self._room.give_back(size)

    async def accept_many(self, principal: Principal, bodies: Sequence[bytes]) -> list[Receipt | EvidenceError]:
        """The same for each, in their order; what one is refused for stops none of the others.

        What is let in goes to the log together. Raises nothing for a single document; Overloaded, StoreUnavailable
        where nothing at all could be looked at.
        """
        size = sum(map(len, bodies))
        await self._room.take(size)
        try:
            answers = [await _receipt_of(queued) for queued in await self._queued(principal, bodies)]
            turned_away = [
                (body, answer) for body, answer in zip(bodies, answers, strict=True) if isinstance(answer, Refused)
            ]
            if turned_away:
                await self._put_on_record(principal, turned_away)
            return answers
        finally:
            self._room.give_back(size)

    async def _queued(self, principal: Principal, bodies: Sequence[bytes]) -> list[Queued]:
        """Steps 1 and 2 of each, so many at once that every worker is busy; step 3 begun, part after part."""
        trust = await self._trust.of(principal.tenant)
        asked: deque[asyncio.Future[object] | EvidenceError] = deque()
        waiting = iter(bodies)
        queued: list[Queued] = []
        for begin in range(0, len(bodies), _PART):
            admitted = []
            for body in bodies[begin : begin + _PART]:
                asked.extend(self._asked(one, trust) for one in islice(waiting, _AHEAD - len(asked)))
                admitted.append(await self._admitted(principal, body, asked.popleft()))
            queued += [self._appended(principal, one) for one in admitted]
        return queued

    def _asked(self, body: bytes, trust: Trust) -> "asyncio.Future[object] | EvidenceError":
        try:
            return self._drafts.ask(body, trust)
        except EvidenceError as fault:
            return fault

    async def _admitted(
        self, principal: Principal, body: bytes, asked: "asyncio.Future[object] | EvidenceError"
    ) -> tuple[Draft, Decision, tuple[Decision, ...]] | EvidenceError:
        if isinstance(asked, EvidenceError):
            return asked
        try:
            made = from_plain(await asked)
            decision = await self._admission.admit(principal, made, body)
            return made, decision, await self._overrides.admit(principal.tenant, made)
        except EvidenceError as fault:
            return fault

    def _appended(
        self, principal: Principal, admitted: tuple[Draft, Decision, tuple[Decision, ...]] | EvidenceError
    ) -> Queued:
        if isinstance(admitted, EvidenceError):
            return admitted
        try:
            return self._appender.append_draft(principal.tenant, *admitted), admitted[0]
        except EvidenceError as fault:
            return fault

    async def _put_on_record(self, principal: Principal, refused: Sequence[tuple[bytes, Refused]]) -> None:
        at = self._clock.now()
        lines = [refusals.line(at, principal.id, body, refusal) for body, refusal in refused]
        decided = [refusal.decision for _, refusal in refused if isinstance(refusal, OverrideDenied)]
        await refusals.record(self._database, principal.tenant, lines, decided)


async def _receipt_of(queued: Queued) -> Receipt | EvidenceError:
    if isinstance(queued, EvidenceError):
        return queued
    appended, made = queued
    try:
        return _noted(await appended, made)
    except EvidenceError as fault:
        return fault


def _noted(receipt: Receipt, made: Draft) -> Receipt:
    """The receipt of a decision says what came of it, so that whoever sent it need not ask. The draft knows."""
    if made.kind not in DECISION_KINDS:
        return receipt
    facts = made.facts
    status, differing = facts.get("reperformance", PENDING), facts.get("differing", ())
    paths = differing[:_PATHS] if isinstance(differing, tuple) else ()
    return replace(receipt, note=DecisionNote(str(status).upper(), paths))
