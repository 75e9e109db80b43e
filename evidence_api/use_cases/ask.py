"""Ask: agents and CI put a question to a policy area, and the answer is evidence like any other.

The plan:
  1. the area: one that may be asked                                    formats/askable_areas.py
  2. what is asked, held against the area's schema
  3. what the server gives itself: the moment, what its log has verified about a digest, what is left of a budget, and
     whether the bucket of a model has a token, which is taken (use_cases/model_quota.py)
  4. the decision (Rego); where there is none, an error, and never an allow
  5. a statement of it, signed by the server, and appended with the decision itself in one transaction
The same question under the same policy is the same decision, with the same id; each time it is asked is a statement of
its own, with its own time. A crash before the append leaves nothing, and nobody was answered. A token that was taken
for what is then not allowed goes back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from evidence_api.domain.decision import Decision
from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import TooLarge
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.plugin_evidence import PLUGIN_KINDS, plugin_evidence
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.statement import Subject
from evidence_api.engines.clock import Clock
from evidence_api.formats.askable_areas import (
    AT,
    BUCKET,
    BUDGET_STATE,
    DIGEST,
    EVIDENCE,
    TENANT,
    AskableArea,
    find_area,
)
from evidence_api.formats.predicates.policy_decision import POLICY_DECISION, decision_predicate
from evidence_api.store import evidence
from evidence_api.store.session import Database
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.model_quota import ModelQuota
from evidence_api.use_cases.own_evidence import OwnEvidence

MAX_EVIDENCE = 1_000  # records about one digest
MAX_EVIDENCE_BYTES = 2**20  # of what is given of them: each question is kept with its decision


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision, and the receipt of the evidence that it was made. `retry_after` (seconds) where a bucket had no room
    for the call."""

    decision: Decision
    receipt: Receipt = field(repr=False)
    retry_after: float | None = None


class Asking:
    """Answers questions to policy areas."""

    def __init__(  # noqa: PLR0913, PLR0917  one argument for each thing the plan needs
        self,
        database: Database,
        gate: Gate,
        own: OwnEvidence,
        areas: Mapping[str, AskableArea],
        quota: ModelQuota,
        clock: Clock,
    ) -> None:
        self._database = database
        self._gate = gate
        self._own = own
        self._areas = areas
        self._quota = quota
        self._clock = clock

    @property
    def areas(self) -> Mapping[str, AskableArea]:
        """The areas that may be asked, by name."""
        return self._areas

    async def ask(
        self, scope: TenantScope, area: str, asked: Mapping[str, Any], subjects: Sequence[Subject] = ()
    ) -> Answer:
        """Decide and record. Without `subjects` it is about the digest the area takes evidence for, else about what
        was asked.

        Raises NotFound `unknown_area`, Malformed (`invalid_input`, `server_fills`), TooLarge, Refused (the evidence was
        not admitted: the tenant has revoked the server's key), Undecided.
        """
        found = find_area(self._areas, area)
        found.check(asked)
        question_digest = digest_of(canonical(asked))
        at = self._clock.now()
        given = await self._completed(scope, found, asked, at)
        async with self._quota.room(scope, area, asked if BUCKET in found.filled else {}, at) as room:
            decision = await self._gate.decide(area, {**given, **room.given()})
            predicate = decision_predicate(decision, at, question_digest=question_digest)
            about = subjects or (_subject(found, asked, decision),)
            envelope = self._own.sign(about, POLICY_DECISION, predicate)
            answer = Answer(decision, await self._own.append(scope, envelope, also=(decision,)), room.retry_after)
            if decision.allow:
                room.keep()
            return answer

    async def _completed(
        self, scope: TenantScope, area: AskableArea, asked: Mapping[str, Any], at: datetime
    ) -> Mapping[str, Any]:
        """Step 3. Raises TooLarge (more is known about the digest than a policy is given), Malformed (no digest)."""
        known_already = {AT: format_rfc3339(at), TENANT: scope.name}
        given: dict[str, Any] = {name: value for name, value in known_already.items() if name in area.filled}
        if EVIDENCE in area.filled:
            async with self._database.reading(scope) as connection:
                known = await evidence.about(connection, scope, str(asked[DIGEST]), PLUGIN_KINDS, MAX_EVIDENCE + 1)
            if len(known) > MAX_EVIDENCE:
                said = "more is known about the digest than a policy is given"
                raise TooLarge(said, path=DIGEST, limit=MAX_EVIDENCE, value=len(known))
            given[EVIDENCE] = plugin_evidence(known, at)
            size = len(canonical(given[EVIDENCE]))
            if size > MAX_EVIDENCE_BYTES:
                said = "what is known about the digest is longer than what a policy is given"
                raise TooLarge(said, path=DIGEST, limit=MAX_EVIDENCE_BYTES, value=size)
        if (
            BUDGET_STATE in area.filled
            and (budget := await self._quota.budget(scope, area.name, asked, at)) is not None
        ):
            given[BUDGET_STATE] = budget
        return {**asked, **given}


def _subject(area: AskableArea, asked: Mapping[str, Any], decision: Decision) -> Subject:
    about = str(asked[DIGEST]) if EVIDENCE in area.filled else decision.input_digest
    algorithm, _, value = about.partition(":")
    return Subject("", {algorithm: value})
