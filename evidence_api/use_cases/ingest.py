"""Ingest: bytes at the door become durable, provable evidence, or are refused with a code.

The plan, in the order of DESIGN section 4 (authentication, authorisation and the size cap happen at the edge):
  1. parse and verify against the tenant's trust (keys, identities, trusted root)   use_cases/check.py
  2. ask admission (Rego) with the result of every check
  3. append: body, index rows, leaf and what is due, in one transaction             use_cases/append.py
A refusal stores no evidence, only a line on record of what was turned away and why.
"""

import asyncio
import hashlib

from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import EvidenceError, Inadmissible, Refused, VerificationFailed
from evidence_api.domain.evidence import Checked, Receipt
from evidence_api.domain.principal import Principal
from evidence_api.domain.verification import Failed, Unsigned, Unsupported, Verified
from evidence_api.engines.clock import Clock
from evidence_api.formats.upload import EnvelopeUpload, recognise
from evidence_api.store import refusals
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.check import check_evidence, read_checked, verify
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.trust import TrustBook

# Below this a DSSE envelope is verified in the time a thread hand-over costs (limits.md section 1),
# so it stays on the loop; certificates and large bodies go to a thread (verification releases the GIL).
_INLINE_BYTES = 32 * 1024


class Ingest:
    """Accepts evidence for a tenant."""

    def __init__(self, database: Database, trust: TrustBook, gate: Gate, appender: Appender, clock: Clock) -> None:
        self._database = database
        self._trust = trust
        self._gate = gate
        self._appender = appender
        self._clock = clock

    async def accept(self, principal: Principal, body: bytes) -> Receipt:
        """Verify, admit and append one document. Raises Refused (nothing stored) or Undecided (try again)."""
        try:
            checked = await self._check(principal, body)
            decision = await self._admit(principal, checked)
        except Refused as refusal:
            await self._put_on_record(principal, body, refusal)
            raise
        return await self._appender.append(principal.tenant, checked, decision)

    async def _check(self, principal: Principal, body: bytes) -> Checked:
        trust = await self._trust.of(principal.tenant)
        if len(body) > _INLINE_BYTES:
            return await asyncio.to_thread(check_evidence, body, trust)
        upload = recognise(body)
        if isinstance(upload, EnvelopeUpload):
            return read_checked(body, upload, verify(upload, trust))
        return read_checked(body, upload, await asyncio.to_thread(verify, upload, trust))

    async def _admit(self, principal: Principal, checked: Checked) -> Decision:
        """Ask area `admission`; its input holds only what repeats, so that answers are shared."""
        result = checked.verification
        decision = await self._gate.decide(
            "admission",
            {
                "tenant": principal.tenant.name,
                "rights": sorted(principal.rights),
                "status": result.status,
                "code": "" if isinstance(result, Verified) else result.code,
                "signer": result.signer.label if isinstance(result, Verified) else "",
                "kind": checked.normalised.kind,
                "predicate_type": checked.predicate_type,
            },
        )
        if not decision.allow:
            raise _refusal(checked, decision)
        return decision

    async def _put_on_record(self, principal: Principal, body: bytes, refusal: EvidenceError) -> None:
        await refusals.record(
            self._database,
            principal.tenant,
            at=self._clock.now(),
            token_id=principal.id,
            code=refusal.code,
            message=refusal.message,
            body_digest=hashlib.sha256(body).digest(),
            body_size=len(body),
        )


def _refusal(checked: Checked, decision: Decision) -> Refused:
    """The failed check's own code where a check failed; otherwise the policy's refusal."""
    rules, reasons = list(decision.rules), list(decision.reasons)
    match checked.verification:
        case Failed(code=code, message=message):
            return VerificationFailed(message, code=code, rules=rules, reasons=reasons, decision=decision.id)
        case Verified() | Unsupported() | Unsigned():
            text = "; ".join(reasons) or "policy gave no reason"
            return Inadmissible(f"admission denied: {text}", rules=rules, reasons=reasons, decision=decision.id)
