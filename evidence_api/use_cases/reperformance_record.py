"""Recording what was found of a decision: a statement about the same subjects, signed by the server, and appended.

The same result is the same statement, and gets no second leaf. A result that differs from what stands supersedes it.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from evidence_api.domain.decisions.reperforming import Reperformance, Status
from evidence_api.domain.errors import Refused
from evidence_api.domain.evidence import Evidence
from evidence_api.domain.principal import TenantScope
from evidence_api.formats.dsse import Envelope, identity_of
from evidence_api.formats.reperformance import REPERFORMANCE_TYPE, reperformance_predicate
from evidence_api.formats.stored import stored_statement
from evidence_api.store import evidence, reperformances
from evidence_api.store.session import Database
from evidence_api.use_cases.own_evidence import OwnEvidence

logger = structlog.get_logger(__name__)


class ReperformanceRecord:
    """Appends what was found of decisions."""

    def __init__(self, database: Database, own: OwnEvidence) -> None:
        self._database = database
        self._own = own

    async def append(
        self, scope: TenantScope, decision: Evidence, result: Reperformance, grounds: Mapping[str, Any]
    ) -> bool:
        """Append it unless exactly this stands; whether it did. A tenant that has revoked the server's key, or whose
        policy refuses it, gets none: that is said in the server's log. Raises Undecided.

        Commit point: the append. A crash before it leaves nothing; after it, doing all again appends nothing.
        """
        envelope = await self._new(scope, decision, result, grounds)
        if envelope is None:
            return False
        try:
            receipt = await self._own.append(scope, envelope)
        except Refused as refusal:
            logger.warning(
                "reperformance_refused", tenant=scope.name, of=decision.id, code=refusal.code, detail=refusal.message
            )
            return False
        logger.info("decision_reperformed", tenant=scope.name, of=decision.id, kind=decision.kind, status=result.status)
        return receipt.created

    async def _new(
        self, scope: TenantScope, decision: Evidence, result: Reperformance, grounds: Mapping[str, Any]
    ) -> Envelope | None:
        """The signed statement; None where exactly this stands already."""
        async with self._database.reading(scope) as connection:
            standing = (await reperformances.standing(connection, scope, [decision.id])).get(decision.id)
            bodies = await evidence.bodies(connection, scope, [standing.body_digest] if standing else [])

        def signed(supersedes: str) -> Envelope:
            predicate = reperformance_predicate(decision, result, grounds, supersedes=supersedes)
            return self._own.sign(decision.subjects, REPERFORMANCE_TYPE, predicate)

        if standing is None:
            return signed("")
        body = bodies.get(standing.body_digest)
        before = "" if body is None else stored_statement(body).predicate.get("supersedes") or ""
        return None if identity_of(signed(before)) == standing.id else signed(standing.id)


def not_readable(fault: Refused) -> Reperformance:
    """Of a decision, or an artifact, that cannot be read as what it should be."""
    status = Status.NOT_REPERFORMABLE
    return Reperformance(status, fault.message, facts={"reperformance": status.value.lower()})


def not_decided(area: str) -> Reperformance:
    """Of a decision for which something that had to answer did not, again and again."""
    status = Status.NOT_REPERFORMABLE
    said = f"{area} gave no answer, however often it was asked"
    return Reperformance(status, said, facts={"reperformance": status.value.lower()})
