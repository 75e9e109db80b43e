"""Admission, the gate between checking and appending: Rego decides from the result of every check and the tenant's
trust rules.

The question holds what repeats from upload to upload, so that its answers are shared: of a signer what rules ask of it,
of the subjects nothing, unless a rule about this signer binds it to some.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from evidence_api.domain import ci_identity
from evidence_api.domain.ci_identity import CiIdentity
from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import (
    Inadmissible,
    InvalidSource,
    Refused,
    SourceFault,
    UntrustedIdentity,
    VerificationFailed,
)
from evidence_api.domain.evidence import Candidate
from evidence_api.domain.pii import Found, counted
from evidence_api.domain.principal import SERVER, Principal
from evidence_api.domain.trust_rule import TenantRules, TrustRule, outside
from evidence_api.domain.verification import CertificateSigner, Failed, KeySigner, Unsigned, Unsupported, Verified
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.trust import TrustBook

_KEPT = 4096
_PLACES = 20  # of personal data and secrets that a refusal names
_UNTRUSTED = "admission.untrusted_identity"

Outside: TypeAlias = tuple[tuple[str, str], ...]  # id of a rule, first subject its patterns do not cover
Question: TypeAlias = tuple[object, ...]
Look: TypeAlias = Callable[[bytes], tuple[Found, ...]]


# Signed by somebody no rule names: an admission policy that takes this does not look at trust rules at all.
_STRANGER: Mapping[str, Any] = {
    "tenant": "",
    "rights": ["evidence:write"],
    "own": False,
    "status": "verified",
    "code": "",
    "signer": "urn:evidence-api:nobody",
    "kind": "other",
    "predicate_type": "urn:evidence-api:nothing",
    "by": {
        "type": "certificate",
        "key_id": "",
        "issuer": "urn:evidence-api:nobody",
        "identity": "urn:evidence-api:nobody",
        "claims": {},
    },
    "outside": {},
    "rules": [TrustRule(None, "probe", issuer="urn:evidence-api:probe", identity="urn:evidence-api:probe").asked()],
}


async def check_admission(gate: Gate) -> None:
    """Refuse to start with an admission policy of before there were trust rules: it would take what anybody signed
    whose issuer is trusted. Raises InvalidSource, Undecided."""
    if (await gate.decide("admission", _STRANGER)).allow:
        message = "area admission lets in a certificate that no trust rule names"
        hint = "take over the rules about trust from the policies shipped"
        raise InvalidSource([SourceFault("admission", 1, 1, "trust_rules_ignored", message, hint)])


class Admission:
    """Asks area `admission` of the policy, and keeps what it answered."""

    def __init__(self, gate: Gate, trust: TrustBook, look: Look | None = None) -> None:
        """`look` finds personal data and secrets in a body; None where policy refuses none of it."""
        self._gate = gate
        self._trust = trust
        self._look = look
        self._kept: dict[Question, Decision] = {}

    async def admit(self, principal: Principal, checked: Candidate, body: bytes) -> Decision:
        """The decision that lets it in. Raises UntrustedIdentity (no rule names the signer), Inadmissible,
        VerificationFailed (a check did not hold), Undecided."""
        found = () if self._look is None else await asyncio.to_thread(self._look, body)
        decision = await self.decide(principal, checked, counted(found))
        self._gate.count(principal.tenant, decision)
        if not decision.allow:
            raise _refusal(checked, decision, found)
        return decision

    async def decide(
        self, principal: Principal, checked: Candidate, found: Mapping[str, int] = MappingProxyType({})
    ) -> Decision:
        """The decision, whatever it is; `found` is how much of each detector is in the body. Raises Undecided."""
        rules = await self._trust.rules(principal.tenant)
        result = checked.verification
        signer = result.signer if isinstance(result, Verified) else None
        bound = [] if signer is None or not rules.by_subject else _bound(rules, signer)
        beyond = await asyncio.to_thread(_outside, bound, checked) if bound else ()  # there may be 100,000 subjects
        question: Question = (
            principal.tenant.name,
            principal.rights,
            principal.kind == SERVER,
            result.status,
            "" if isinstance(result, Verified) else result.code,
            _seen(signer, rules),
            checked.kind,
            checked.predicate_type,
            rules.digest,
            beyond,
            None if principal.uploader is None else _party(principal.uploader, rules),
            tuple(found.items()),
        )
        decision = self._kept.get(question)
        if decision is None:
            decision = await self._gate.decide("admission", _asked(principal, checked, rules, beyond, found))
            if len(self._kept) >= _KEPT:
                self._kept.clear()  # the gate keeps them too, under a name that takes longer to make
            self._kept[question] = decision
        return decision


def _seen(signer: KeySigner | CertificateSigner | None, rules: TenantRules) -> object:
    """Of a signer, what can make a difference to the answer: of a certificate its claims that rules ask for."""
    match signer:
        case KeySigner(key_id=key_id):
            return key_id, signer.label
        case CertificateSigner(issuer=issuer, identity=identity, claims=claims):
            named = ci_identity.of_certificate(claims)
            return issuer, identity, *(named.get(claim, "") for claim in rules.claims)
        case None:
            return None


def _party(party: CiIdentity, rules: TenantRules) -> tuple[str, ...]:
    return party.issuer, party.identity, *(party.claims.get(claim, "") for claim in rules.claims)


def _bound(rules: TenantRules, signer: KeySigner | CertificateSigner) -> list[TrustRule]:
    """The rules about this signer that are bound to subjects."""
    return [rule for rule in _concerning(rules, signer) if rule.subjects]


def _outside(bound: Sequence[TrustRule], checked: Candidate) -> Outside:
    """For each of the rules the first subject that it does not cover, if there is one."""
    subjects = checked.subjects
    found = ((str(rule.id), outside(rule.subjects, subjects)) for rule in bound)
    return tuple((rule, subject) for rule, subject in found if subject is not None)


def _concerning(rules: TenantRules, signer: KeySigner | CertificateSigner) -> tuple[TrustRule, ...]:
    """The rules that may name the signer; of an issuer nobody named, all others, to say which came closest."""
    if isinstance(signer, KeySigner):
        return rules.of_key(signer.key_id)
    return rules.of_issuer(signer.issuer) or rules.by_issuer()


def _asked(
    principal: Principal, checked: Candidate, rules: TenantRules, beyond: Outside, found: Mapping[str, int]
) -> dict[str, Any]:
    """The input of area `admission` (policy/admission/admission.rego)."""
    result = checked.verification
    signer = result.signer if isinstance(result, Verified) else None
    concerning = [] if signer is None else list(_concerning(rules, signer))
    asked = {
        "tenant": principal.tenant.name,
        "rights": sorted(principal.rights),
        "own": principal.kind == SERVER,
        "status": result.status,
        "code": "" if isinstance(result, Verified) else result.code,
        "signer": "" if signer is None else signer.label,
        "kind": checked.kind,
        "predicate_type": checked.predicate_type,
        "by": None if signer is None else _by(signer, rules),
        "outside": dict(beyond),
    }
    if found:
        asked["found"] = dict(found)
    if principal.uploader is not None:
        uploader = principal.uploader
        asked["uploader"] = {
            "issuer": uploader.issuer,
            "identity": uploader.identity,
            "claims": _of_interest(uploader.claims.items(), rules),
        }
        concerning += [rule for rule in rules.of_issuer(uploader.issuer) if rule not in concerning]
    return asked | {"rules": [rule.asked() for rule in concerning]}


def _by(signer: KeySigner | CertificateSigner, rules: TenantRules) -> dict[str, Any]:
    if isinstance(signer, KeySigner):
        return {"type": "key", "key_id": signer.key_id, "issuer": "", "identity": "", "claims": {}}
    claims = _of_interest(ci_identity.of_certificate(signer.claims).items(), rules)
    return {
        "type": "certificate",
        "key_id": "",
        "issuer": signer.issuer,
        "identity": signer.identity,
        "claims": claims,
    }


def _of_interest(claims: Iterable[tuple[str, str]], rules: TenantRules) -> dict[str, str]:
    """The claims that rules ask for: the rest differs from run to run (commit, run)."""
    return {name: value for name, value in claims if name in rules.claims}


def _refusal(checked: Candidate, decision: Decision, found: Sequence[Found]) -> Refused:
    """The failed check's own code where a check failed; otherwise the policy's refusal, with the places of what was
    found."""
    rules, reasons = list(decision.rules), list(decision.reasons)
    match checked.verification:
        case Failed(code=code, message=message):
            return VerificationFailed(message, code=code, rules=rules, reasons=reasons, decision=decision.id)
        case Verified() | Unsupported() | Unsigned():
            text = "; ".join(reasons) or "policy gave no reason"
            kind = UntrustedIdentity if _UNTRUSTED in rules else Inadmissible
            fields: dict[str, Any] = {"places": [str(one) for one in found[:_PLACES]]} if found else {}
            return kind(f"admission denied: {text}", rules=rules, reasons=reasons, decision=decision.id, **fields)
