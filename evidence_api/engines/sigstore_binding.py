"""Verifying, step 8 of a bundle: the log entry is about this bundle's content, signature and signer (CVE-2022-36056).

Each thing an entry can be wrong in has its code:
  log_entry_type       the entry is of another type than the bundle says, of another shape, or not for this content
  log_entry_payload    another payload, payload type or artifact was logged
  log_entry_signature  another signature was logged
  log_entry_signer     another certificate or key was logged
For the types that had one code from the start (hashedrekord and dsse 0.0.1) all of them are `log_entry_mismatch`.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator

import orjson

from evidence_api.domain.digest import canonical
from evidence_api.engines.sigstore_entry import ENVELOPE_TYPES, LoggedEntry, content_digest, read_entry
from evidence_api.engines.sigstore_identity import StepFailed
from evidence_api.formats import dsse
from evidence_api.formats.dsse import Envelope
from evidence_api.formats.upload import BundleUpload, MessageSignature

_ONE_CODE = ("hashedrekord 0.0.1", "dsse 0.0.1")
_HASHED = frozenset({"hashedrekord 0.0.1", "hashedrekord 0.0.2"})
UNKNOWN_SPELLING = "log entry intoto 0.0.1 that covers another spelling of the envelope than any known one"


def check_binding(body: bytes, upload: BundleUpload, signer: str) -> str:
    """Compare an entry's body with the bundle; `signer` is whom the bundle's signature was checked against.

    Gives what cannot be checked ("" if all could). Raises StepFailed with the codes above.
    """
    named = upload.log_entries[0]
    try:
        return _check(read_entry(body, named), upload, signer)
    except StepFailed as fault:
        if named in _ONE_CODE:
            raise StepFailed("log_entry_mismatch", str(fault)) from fault
        raise


def _check(entry: LoggedEntry, upload: BundleUpload, signer: str) -> str:
    if entry.signer != signer:
        raise StepFailed("log_entry_signer", "the log entry is about another certificate or key")
    if upload.envelope is not None:
        return _check_envelope(entry, upload.envelope)
    if upload.message is not None:
        _check_message(entry, upload.message)
    return ""


def _check_envelope(entry: LoggedEntry, envelope: Envelope) -> str:
    signed = dsse.pae(envelope.payload_type, envelope.payload)
    kind = entry.named.partition(" ")[0]
    # 1. the same payload and payload type; types for envelopes name the payload, hashedrekord what was signed
    content = envelope.payload if kind in ENVELOPE_TYPES else signed
    same = entry.digest == content_digest(entry, content) and entry.payload in (None, envelope.payload)
    if not same or entry.payload_type not in (None, envelope.payload_type):
        raise StepFailed("log_entry_payload", "the log entry is about another payload or payload type")
    # 2. the same signature
    if entry.signature is None:
        return "" if entry.envelope_digest in _spellings(envelope) else UNKNOWN_SPELLING
    if entry.signature != envelope.signatures[0].sig:
        raise StepFailed("log_entry_signature", "the log entry is about another signature")
    return ""


def _check_message(entry: LoggedEntry, message: MessageSignature) -> None:
    if entry.named not in _HASHED:
        raise StepFailed("log_entry_type", f"a log entry of type {entry.named} is not about an artifact")
    if (entry.algorithm, entry.digest) != ("sha256", message.digest.hex()):
        raise StepFailed("log_entry_payload", "the log entry is about another artifact")
    if entry.signature != message.signature:
        raise StepFailed("log_entry_signature", "the log entry is about another signature")


def _spellings(envelope: Envelope) -> Iterator[str]:
    """SHA-256 of the ways in which signing tools write one envelope: the order of members of Go's and of the
    canonical form, with and without the key's id. Whichever it was, one that matches holds the signature too."""
    payload, kind = b64encode(envelope.payload).decode(), envelope.payload_type
    (only,) = envelope.signatures
    sig = b64encode(only.sig).decode()
    for signature in ({"keyid": only.keyid, "sig": sig}, {"sig": sig}, {"keyid": "", "sig": sig}):
        whole = {"payloadType": kind, "payload": payload, "signatures": [signature]}
        for spelt in (orjson.dumps(whole), canonical(whole)):
            yield hashlib.sha256(spelt).hexdigest()
            yield hashlib.sha256(spelt + b"\n").hexdigest()
