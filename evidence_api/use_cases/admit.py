"""Admission, the gate between checking and appending: Rego decides from the result of every check."""

from typing import TypeAlias

from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import Inadmissible, Refused, VerificationFailed
from evidence_api.domain.evidence import Candidate
from evidence_api.domain.principal import Principal
from evidence_api.domain.verification import Failed, Unsigned, Unsupported, Verified
from evidence_api.use_cases.decide import Gate

_KEPT = 4096
_QUESTION = ("tenant", "rights", "status", "code", "signer", "kind", "predicate_type")  # of area `admission`

Question: TypeAlias = tuple[str, frozenset[str], str, str, str, str, str]


class Admission:
    """Asks area `admission` of the policy, and keeps what it answered."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._kept: dict[Question, Decision] = {}

    async def admit(self, principal: Principal, candidate: Candidate) -> Decision:
        """The decision that lets it in. Raises Inadmissible, VerificationFailed (a check did not hold), Undecided.

        The question holds only what repeats from upload to upload, so that answers are shared.
        """
        result = candidate.verification
        question: Question = (
            principal.tenant.name,
            principal.rights,
            result.status,
            "" if isinstance(result, Verified) else result.code,
            result.signer.label if isinstance(result, Verified) else "",
            candidate.kind,
            candidate.predicate_type,
        )
        decision = self._kept.get(question)
        if decision is None:
            asked = dict(zip(_QUESTION, question, strict=True)) | {"rights": sorted(principal.rights)}
            decision = await self._gate.decide("admission", asked)
            if len(self._kept) >= _KEPT:
                self._kept.clear()  # the gate keeps them too, under a name that takes longer to make
            self._kept[question] = decision
        if not decision.allow:
            raise _refusal(candidate, decision)
        return decision


def _refusal(candidate: Candidate, decision: Decision) -> Refused:
    """The failed check's own code where a check failed; otherwise the policy's refusal."""
    rules, reasons = list(decision.rules), list(decision.reasons)
    match candidate.verification:
        case Failed(code=code, message=message):
            return VerificationFailed(message, code=code, rules=rules, reasons=reasons, decision=decision.id)
        case Verified() | Unsupported() | Unsigned():
            text = "; ".join(reasons) or "policy gave no reason"
            return Inadmissible(f"admission denied: {text}", rules=rules, reasons=reasons, decision=decision.id)
