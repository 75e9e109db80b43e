"""Ingest: bytes at the door become durable, provable evidence, or are refused with a code.

The plan, in the order of DESIGN section 4 (authentication, authorisation and the size cap happen at the edge):
  1. parse and verify against the tenant's trust (keys, identities, trusted root)   use_cases/check.py
  2. ask admission (Rego) with the result of every check                            use_cases/admit.py
  3. append: body, index rows, leaf and what is due, in one transaction             use_cases/append.py
A refusal stores no evidence, only a line on record of what was turned away and why.
"""

import asyncio
import hashlib
from collections.abc import Sequence

from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import EvidenceError, Refused
from evidence_api.domain.evidence import Checked, Receipt
from evidence_api.domain.principal import Principal
from evidence_api.domain.statement import Subject
from evidence_api.domain.verification import Verification
from evidence_api.engines.clock import Clock
from evidence_api.engines.keys import first_candidate, verified_by
from evidence_api.engines.signature_process import SignatureProcess
from evidence_api.formats import dsse
from evidence_api.formats.upload import EnvelopeUpload, recognise
from evidence_api.store import refusals
from evidence_api.store.session import Database
from evidence_api.use_cases.admit import Admission
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.check import Trust, check_evidence, name_subjects, read_checked, verify
from evidence_api.use_cases.trust import TrustBook

# Below this a DSSE envelope is verified in the time a thread hand-over costs (limits.md section 1),
# so it stays on the loop or, with others under way, goes to the signature process; certificates and large bodies go to
# a thread (verification releases the GIL).
_INLINE_BYTES = 32 * 1024


class Ingest:
    """Accepts evidence for a tenant."""

    def __init__(  # noqa: PLR0913, PLR0917  one argument for each thing the plan needs
        self,
        database: Database,
        trust: TrustBook,
        admission: Admission,
        appender: Appender,
        clock: Clock,
        signatures: SignatureProcess,
    ) -> None:
        self._database = database
        self._trust = trust
        self._admission = admission
        self._appender = appender
        self._clock = clock
        self._signatures = signatures
        self._under_way = 0

    async def accept(self, principal: Principal, body: bytes, *, subjects: tuple[Subject, ...] = ()) -> Receipt:
        """Verify, admit and append one document. Raises Refused (nothing stored) or Undecided (try again).

        `subjects` are those the uploader names, for a raw document, which names none a statement would.
        """
        self._under_way += 1
        try:
            checked, decision = await self._checked_and_admitted(principal, body, subjects)
            return await self._appender.append(principal.tenant, checked, decision)
        finally:
            self._under_way -= 1

    async def accept_many(self, principal: Principal, bodies: Sequence[bytes]) -> list[Receipt | EvidenceError]:
        """The same for each, in their order; what one is refused for stops none of the others."""
        answers = await asyncio.gather(*(self.accept(principal, one) for one in bodies), return_exceptions=True)
        refused = [one for one in answers if isinstance(one, BaseException) and not isinstance(one, EvidenceError)]
        if refused:
            raise refused[0]
        return [one for one in answers if isinstance(one, Receipt | EvidenceError)]

    async def _checked_and_admitted(
        self, principal: Principal, body: bytes, subjects: tuple[Subject, ...]
    ) -> tuple[Checked, Decision]:
        self._appender.announce(principal.tenant)
        try:
            checked = name_subjects(await self._check(principal, body), subjects)
            return checked, await self._admission.admit(principal, checked)
        except Refused as refusal:
            await self._put_on_record(principal, body, refusal)
            raise
        finally:
            self._appender.retract(principal.tenant)

    async def _check(self, principal: Principal, body: bytes) -> Checked:
        trust = await self._trust.of(principal.tenant)
        if len(body) > _INLINE_BYTES:
            return await asyncio.to_thread(check_evidence, body, trust)
        upload = recognise(body)
        if isinstance(upload, EnvelopeUpload):
            return read_checked(body, upload, await self._verify(upload, trust))
        return read_checked(body, upload, await asyncio.to_thread(verify, upload, trust))

    async def _verify(self, upload: EnvelopeUpload, trust: Trust) -> Verification:
        """By the signature process where there is work besides; whatever it does not call good is checked here."""
        key = first_candidate(upload.envelope, trust.keys) if self._under_way > 1 else None
        if key is not None:
            envelope = upload.envelope
            signed = dsse.pae(envelope.payload_type, envelope.payload)
            answer = self._signatures.ask(key, envelope.signatures[0].sig, signed)
            if answer is not None and await answer:
                return verified_by(key, trust.keys)
        return verify(upload, trust)

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
