"""Overrides that people hand in: the approver's own signed envelope, recorded, and who handed it in.

Nobody approves by handing in: the approver's signature is what counts, under a key or identity of theirs, and area
`override` of the policy denies what the requester approved themselves.

The plan:
  1. read the envelope: it is an override, and the client's key stands for no other request, or it is refused
  2. ingest it like any other evidence: signature, admission, area `override`                   use_cases/ingest.py
  3. put on record who handed it in, and what came of it                               use_cases/action_requests.py
Commit points: a crash between 2 and 3 leaves the override, which counts; handing it in again completes the record.
"""

from dataclasses import dataclass

from evidence_api.domain.action_request import RECORD_OVERRIDE, Asked, Recorded
from evidence_api.domain.errors import Inadmissible
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.principal import Principal
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.override import PREDICATE_TYPE, normalised_override
from evidence_api.formats.stored import stored_statement
from evidence_api.formats.upload import identity, recognise
from evidence_api.use_cases.action_requests import ActionRequests
from evidence_api.use_cases.ingest import Ingest
from evidence_api.use_cases.overrides import OverrideDenied


@dataclass(frozen=True, slots=True)
class HandedIn:
    """The override's receipt, and the record of who handed it in."""

    receipt: Receipt
    recorded: Recorded


class DeniedOverride(OverrideDenied):
    """Area `override` said no; `recorded` is the record of that."""

    def __init__(self, denial: OverrideDenied, recorded: Recorded) -> None:
        """The same reasons, and where they are on record."""
        super().__init__(denial.decision)
        self.recorded = recorded


class HandedOverrides:
    """Records overrides that come with an approver's signature."""

    def __init__(self, ingest: Ingest, requests: ActionRequests) -> None:
        self._ingest = ingest
        self._requests = requests

    async def hand_in(self, principal: Principal, body: bytes, *, key: str, request_id: str) -> HandedIn:
        """Record it. Raises Refused (unsigned, another kind, an unknown control …), DeniedOverride, Conflict
        `key_reused`, Undecided."""
        statement = stored_statement(body)
        if statement.predicate_type != PREDICATE_TYPE:
            said = f"the envelope holds {statement.predicate_type[:200]}, not {PREDICATE_TYPE}"
            raise Inadmissible(said, code="not_an_override", path="envelope", value=statement.predicate_type[:200])
        asked = _asked(statement, identity(recognise(body)), key, request_id)
        await self._requests.check_key(principal, asked)
        try:
            receipt = await self._ingest.accept(principal, body)
        except OverrideDenied as denial:
            recorded = await self._requests.record(principal, asked, denial.decision)
            raise DeniedOverride(denial, recorded) from denial
        return HandedIn(receipt, await self._requests.record(principal, asked, None))


def _asked(statement: Statement, evidence: str, key: str, request_id: str) -> Asked:
    """What is asked by handing it in. Raises Malformed."""
    facts = normalised_override(statement.predicate).facts
    return Asked(
        action=RECORD_OVERRIDE,
        target=str(facts.get("control") or facts.get("rule")),
        justification=str(facts["reason"]),
        key=key,
        request_id=request_id,
        about=evidence,
        subjects=statement.subjects,
        parameters={"requester": str(facts["requester"]), "approver": str(facts["approver"])},
    )
