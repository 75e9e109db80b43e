"""Verifying, when the library refuses: which step that was, read from where it raised.

The library has two exception classes for some twenty checks. Every check is a function of its own,
so the functions an exception came through say which it was; wording decides only inside the three functions that
make several checks themselves. What is in no table is `verification_failed`: refused all the same.
"""

from collections.abc import Iterator, Mapping, Sequence

from evidence_api.domain.verification import Failed
from evidence_api.engines.sigstore_identity import StepFailed
from evidence_api.engines.sigstore_root import first_line

# Innermost function first: (module, function) -> code.
_FUNCTIONS: Mapping[tuple[str, str], str] = {
    ("sigstore._internal.merkle", "verify_merkle_inclusion"): "inclusion_proof",
    ("sigstore._internal.rekor.checkpoint", "verify_checkpoint"): "checkpoint",
    ("sigstore.models", "TransparencyLogEntry._verify_set"): "signed_entry_timestamp",
    ("sigstore.models", "TimestampVerificationData._verify"): "timestamp",
    ("sigstore._internal.sct", "verify_sct"): "signed_certificate_timestamp",
    ("sigstore.dsse", "_verify"): "bad_signature",
    ("sigstore.verify.verifier", "Verifier._verify_signed_timestamp"): "timestamp",
    ("sigstore.verify.verifier", "Verifier._verify_chain_at_time"): "certificate_chain",
    ("sigstore.verify.verifier", "_validate_dsse_v001_entry_body"): "log_entry_mismatch",
    ("sigstore.verify.verifier", "_validate_hashedrekord_v001_entry_body"): "log_entry_mismatch",
    ("sigstore.verify.verifier", "_validate_hashedrekord_v002_entry_body"): "log_entry_mismatch",
    ("sigstore.verify.verifier", "_validate_hashedrekord_v002_dsse_entry_body"): "log_entry_mismatch",
}

# Checks that share a function: part of the message -> code.
_MESSAGES: Mapping[str, str] = {
    "not enough sources of verified time": "timestamp",
    "expired at time of signing": "certificate_expired",
    "Key usage": "certificate_profile",
    "Extended usage": "certificate_profile",
    "extension was found": "certificate_profile",
    "message digest mismatch": "message_digest",
    "Missing bundle message signature": "bad_signature",
    "Signature is invalid": "bad_signature",
    "Expected entry type": "log_entry_mismatch",
    "Unsupported hashedrekord version": "log_entry_mismatch",
    "Unsupported DSSE log entry type": "log_entry_mismatch",
}
UNKNOWN_STEP = "verification_failed"
_NOT_IN_TIME = "not valid at validation time"  # the X.509 verifier's words for an expired or future certificate


def failed_step(fault: Exception) -> Failed:
    """The result for anything raised by the library's plan."""
    chain = tuple(_chain(fault))
    for one in chain:
        if isinstance(one, StepFailed):
            return Failed(one.code, first_line(one))
    message = first_line(fault)
    code = _by_function(chain) or _by_message(chain) or UNKNOWN_STEP
    if code == "certificate_chain" and _NOT_IN_TIME in str(fault):
        code = "certificate_expired"
    return Failed(code, message)


def _by_function(chain: Sequence[BaseException]) -> str:
    for fault in reversed(chain):
        for place in _places(fault):
            if place in _FUNCTIONS:
                return _FUNCTIONS[place]
    return ""


def _by_message(chain: Sequence[BaseException]) -> str:
    texts = " ".join(map(str, chain))
    return next((code for part, code in _MESSAGES.items() if part in texts), "")


def _places(fault: BaseException) -> list[tuple[str, str]]:
    """(module, function) of each frame the exception came through, innermost first."""
    places = []
    step = fault.__traceback__
    while step is not None:
        places.append((step.tb_frame.f_globals.get("__name__", ""), step.tb_frame.f_code.co_qualname))
        step = step.tb_next
    return places[::-1]


def _chain(fault: BaseException) -> Iterator[BaseException]:
    """The exception and what it was raised in answer to, outermost first; bounded."""
    current: BaseException | None = fault
    for _ in range(16):
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__
