"""The profile evidence-federation/v1 of RFC 9421: what a question between organisations, and its answer, must sign.

A question covers @method, @target-uri, content-type and content-digest, and says created, expires, nonce, keyid and
tag; it is good for 60 seconds at most. An answer covers @status, content-type, content-digest and the signature of the
question (`"signature";req`), so that it answers that question and no other. Every key is Ed25519; keyid is its
thumbprint (RFC 7638). Clocks may be 5 seconds apart.

The checks of a message, and their codes (what the key did is checked after them, by whoever holds it):
  1. a signature is there, and can be read: signature_missing, signature_malformed           section 4
  2. one of them has the profile's tag: signature_tag                                        section 7.2.7
  3. it covers what it must: component_uncovered                                             section 7.2.1
  4. its parameters are there: parameter_missing, algorithm_mismatch                         section 3.2
  5. it is of now: signature_in_future, signature_expired, signature_lifetime                section 7.2.2
  6. the body is the one it was made over: content_digest, digest_mismatch                   RFC 9530
"""

from collections.abc import Iterable
from datetime import datetime

from evidence_api.domain.errors import EvidenceError, Malformed, VerificationFailed
from evidence_api.formats.content_digest import check_content_digest
from evidence_api.formats.http_message import Message
from evidence_api.formats.http_signature import Component, SignatureInput, Signed, covering, signatures, time_fault
from evidence_api.formats.structured_fields import serialise

TAG = "evidence-federation/v1"
ALGORITHM = "ed25519"
LABEL = "peer"
LIFETIME, SKEW = 60, 5  # seconds
NONCE_LENGTHS = range(16, 129)
CHECKPOINT = "evidence-checkpoint"  # of answers: the log's signed note, and since when the log stands there
COVERED = covering("@method", "@target-uri", "content-type", "content-digest")
ANSWERED = (*covering("@status", "content-type", "content-digest"), Component("signature", {"req": True}))
_SHOWN = 80


def question_input(key_id: str, nonce: str, created: int, lifetime: int = LIFETIME) -> SignatureInput:
    """What a question says of its signature."""
    parameters = {"created": created, "expires": created + lifetime, "nonce": nonce, "keyid": key_id, "tag": TAG}
    return SignatureInput(COVERED, parameters)


def answer_input(key_id: str, created: int, *more: str) -> SignatureInput:
    """What an answer says of its signature; `more` names further fields it covers."""
    return SignatureInput((*ANSWERED, *covering(*more)), {"created": created, "keyid": key_id, "tag": TAG})


def wanted_input(nonce: str) -> SignatureInput:
    """What Accept-Signature asks for, with a nonce that may be used once."""
    return SignatureInput(COVERED, {"created": True, "expires": True, "nonce": nonce, "alg": ALGORITHM, "tag": TAG})


def read_question(message: Message, body: bytes, now: datetime) -> Signed:
    """Checks 1 to 6 of a question. Raises Malformed and VerificationFailed with the check's code."""
    signed = _of_profile(message)
    _check_covered(signed, COVERED)
    _check_parameters(signed, ("created", "expires"), ("nonce", "keyid"))
    nonce = signed.input.text("nonce") or ""
    if len(nonce) not in NONCE_LENGTHS:
        raise _malformed(f"a nonce has {NONCE_LENGTHS[0]} to {NONCE_LENGTHS[-1]} characters", "nonce", len(nonce))
    _check_times(signed, now)
    check_content_digest(message.field("content-digest") or "", body)
    return signed


def read_answer(message: Message, body: bytes, now: datetime) -> Signed:
    """Checks 1 to 6 of an answer, which has no end: it is kept beside its question as a record of both."""
    signed = _of_profile(message)
    _check_covered(signed, ANSWERED)
    _check_parameters(signed, ("created",), ("keyid",))
    _check_moment(signed, now)
    age = int(now.timestamp()) - (signed.input.seconds("created") or 0)
    if age > LIFETIME + SKEW:
        raise _refused("signature_expired", "the answer was signed too long ago", LIFETIME, age)
    check_content_digest(message.field("content-digest") or "", body)
    return signed


def covers(signed: Signed, name: str) -> bool:
    """Whether it covers the whole of a field."""
    return Component(name) in signed.input.components


def _of_profile(message: Message) -> Signed:
    """Checks 1 and 2."""
    try:
        found = signatures(message, once=True)
    except EvidenceError as fault:
        raise Malformed(fault.message, code="signature_malformed", path="signature-input") from fault
    if not found:
        raise Malformed("the message is not signed (RFC 9421)", code="signature_missing", path="signature-input")
    ours = [one for one in found if one.input.text("tag") == TAG]
    if not ours:
        raise VerificationFailed(f"no signature has the tag {TAG!r}", code="signature_tag", path="tag")
    if len(ours) > 1:
        raise _malformed(f"more than one signature has the tag {TAG!r}", "tag", len(ours))
    if serialise({ours[0].label: (ours[0].signature, {})}) not in (message.field("signature") or ""):
        raise _malformed("the signature is not written in the one way there is", "signature", len(ours[0].signature))
    return ours[0]


def _check_covered(signed: Signed, wanted: Iterable[Component]) -> None:
    """Check 3."""
    for component in wanted:
        if component not in signed.input.components:
            raise VerificationFailed(
                f"the signature does not cover {component}", code="component_uncovered", path=component.name
            )


def _check_parameters(signed: Signed, times: Iterable[str], texts: Iterable[str]) -> None:
    """Check 4."""
    absent = [name for name in times if signed.input.seconds(name) is None]
    absent += [name for name in texts if not signed.input.text(name)]
    if absent:
        raise VerificationFailed(f"the signature does not say {absent[0]!r}", code="parameter_missing", path=absent[0])
    said = signed.input.parameters.get("alg", ALGORITHM)
    if said != ALGORITHM:  # the key decides; what contradicts it was not made by one of ours
        raise VerificationFailed(
            f"keys of this profile are {ALGORITHM}, not {said!s:.{_SHOWN}}", code="algorithm_mismatch", path="alg"
        )


def _check_times(signed: Signed, now: datetime) -> None:
    """Check 5."""
    created, expires = signed.input.seconds("created") or 0, signed.input.seconds("expires") or 0
    if not 0 < expires - created <= LIFETIME:
        raise _refused("signature_lifetime", f"a signature lives 1 to {LIFETIME} s", LIFETIME, expires - created)
    _check_moment(signed, now)


def _check_moment(signed: Signed, now: datetime) -> None:
    at = now.timestamp()
    match time_fault(signed.input, at, SKEW):
        case "signature_in_future" as code:
            ahead = int((signed.input.seconds("created") or 0) - at)
            raise _refused(code, f"it was made {ahead} s from now: whose clock is wrong?", SKEW, ahead)
        case "signature_expired" as code:
            late = int(at - (signed.input.seconds("expires") or 0))
            raise _refused(code, f"it expired {late} s ago", SKEW, late)


def _refused(code: str, why: str, limit: int, value: int) -> VerificationFailed:
    return VerificationFailed(why, code=code, limit=limit, value=value)


def _malformed(why: str, path: str, value: int) -> Malformed:
    return Malformed(why, code="signature_malformed", path=path, value=value)
