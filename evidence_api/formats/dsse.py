"""Reading, second step: a DSSE envelope, its pre-authentication encoding and its identity.

Source: DSSE 1.0, envelope.md (fields) and protocol.md (PAE, base64), secure-systems-lab/dsse.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pybase64

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import Malformed, TooLarge, ZeroSignatures

MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"
IN_TOTO = "application/vnd.in-toto+json"
MAX_SIGNATURES = 16
_MAX_TEXT = 1024  # characters of a payload type or key id


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature: `keyid` is an unauthenticated hint ("" if none), `sig` the raw bytes."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A DSSE envelope with its payload and signatures decoded."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]


def parse_envelope(document: Mapping[str, Any]) -> Envelope:
    """Read {payload, payloadType, signatures}; other fields are ignored, as DSSE asks.

    Raises Malformed (with path), ZeroSignatures, TooLarge (over 16 signatures).
    """
    payload_type = _text(document.get("payloadType"), "payloadType")
    if not payload_type:
        raise Malformed("payloadType is empty", path="payloadType")
    payload = decode_base64(document.get("payload"), "payload")
    signatures = document.get("signatures")
    if not isinstance(signatures, list):
        raise Malformed("signatures is not a list", path="signatures")
    if not signatures:
        raise ZeroSignatures("the envelope has no signature", path="signatures")
    if len(signatures) > MAX_SIGNATURES:
        raise TooLarge("too many signatures", path="signatures", limit=MAX_SIGNATURES, value=len(signatures))
    return Envelope(payload_type, payload, _parse_signatures(signatures))


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: PAE(type, body) of protocol.md; lengths count UTF-8 bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def identity_of(envelope: Envelope) -> str:
    """`sha256:<hex>` over the canonical form of {payloadType, payload, signatures sorted by (keyid, sig)}.

    Standard base64 is used whatever the upload used, so the same evidence re-encoded keeps its name.
    """
    ordered = sorted(envelope.signatures, key=lambda signature: (signature.keyid, signature.sig))
    # Texts alone, keys in order: orjson's bytes are the canonical form (domain/digest.py), without looking for what
    # would need another library.
    return digest_of(orjson.dumps(_document(envelope, ordered)))


def encode_envelope(envelope: Envelope) -> bytes:
    """The envelope as JSON, signatures in their order."""
    return orjson.dumps(_document(envelope, envelope.signatures))


def decode_base64(value: object, path: str) -> bytes:
    """Base64, standard or URL-safe (protocol.md allows both), padded, nothing else inside. Raises Malformed."""
    if not isinstance(value, str):
        raise Malformed(f"{path} is not base64 text", path=path)
    try:
        if "-" in value or "_" in value:
            return pybase64.b64decode(value, altchars="-_", validate=True)
        return pybase64.b64decode(value, validate=True)
    except ValueError as fault:
        raise Malformed(f"{path} is not base64: {fault}", path=path) from fault


def _parse_signatures(signatures: Sequence[object]) -> tuple[Signature, ...]:
    parsed = []
    for index, entry in enumerate(signatures):
        path = f"signatures[{index}]"
        if not isinstance(entry, dict):
            raise Malformed(f"{path} is not an object", path=path)
        keyid = entry.get("keyid")
        sig = decode_base64(entry.get("sig"), f"{path}.sig")
        if not sig:
            raise Malformed(f"{path}.sig is empty", path=f"{path}.sig")
        parsed.append(Signature("" if keyid is None else _text(keyid, f"{path}.keyid"), sig))
    return tuple(parsed)


def _document(envelope: Envelope, signatures: Sequence[Signature]) -> dict[str, Any]:
    return {
        "payload": pybase64.b64encode(envelope.payload).decode(),
        "payloadType": envelope.payload_type,
        "signatures": [
            {"keyid": signature.keyid, "sig": pybase64.b64encode(signature.sig).decode()} for signature in signatures
        ],
    }


def _text(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise Malformed(f"{path} is not text", path=path)
    if len(value) > _MAX_TEXT:
        raise TooLarge(f"{path} is too long", path=path, limit=_MAX_TEXT, value=len(value))
    return value
