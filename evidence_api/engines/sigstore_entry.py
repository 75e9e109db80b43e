"""Verifying, step 8 of a bundle: what the body of a log entry says, for the types that sigstore-python does not bind.

Source: rekor, pkg/types/{hashedrekord,dsse}/v0.0.1 and pkg/types/intoto/v0.0.{1,2} (schema and `Canonicalize`);
protobuf-specs, rekor/v2/{hashedrekord,dsse}.proto. Every type says the same three things, each in its own place:

    type               content                     signature                        signer
    hashedrekord 0.0.1 spec.data.hash              spec.signature.content           spec.signature.publicKey.content
    hashedrekord 0.0.2 spec.hashedRekordV002.data  …signature.content               …signature.verifier
    dsse 0.0.1         spec.payloadHash            spec.signatures[0].signature     spec.signatures[0].verifier
    dsse 0.0.2         spec.dsseV002.payloadHash   …signatures[0].content           …signatures[0].verifier
    intoto 0.0.1       spec.content.payloadHash    (spec.content.hash covers it)    spec.publicKey
    intoto 0.0.2       spec.content.payloadHash    …envelope.signatures[0].sig      …envelope.signatures[0].publicKey

`sig` of an intoto 0.0.2 entry is base64 of base64. Its `spec.content.hash` is taken from the uploader and never
checked by the log (`Unmarshal` recomputes the payload's hash alone), so nothing may rest on it; of an 0.0.1 entry the
log computes it over the envelope as it was uploaded, and it is all that ties the signature to the entry.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import Refused
from evidence_api.engines.keys import load_public_key, public_key, supported
from evidence_api.engines.sigstore_identity import StepFailed
from evidence_api.formats import dsse, strict_json

Json: TypeAlias = Mapping[str, Any]

_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_SHA2: Mapping[str, str] = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}
_SHA256_HEX = 64
ENVELOPE_TYPES = frozenset({"dsse", "intoto"})  # their content is the payload of an envelope


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """What an entry says. `named` is "kind version"; `algorithm` and `digest` (hex) are of the content;
    `signature` is None where the type keeps none; `signer` is "certificate sha256:…" or "key sha256:…" of the DER;
    `payload_type` and `payload` are None where they are not said; `envelope_digest` is of intoto 0.0.1 alone."""

    named: str
    algorithm: str
    digest: str
    signature: bytes | None
    signer: str
    payload_type: str | None = None
    payload: bytes | None = None
    envelope_digest: str = ""


def signer_of_certificate(der: bytes) -> str:
    """How LoggedEntry names the holder of a certificate (DER)."""
    return f"certificate {digest_of(der)}"


def signer_of_key(key_id: str) -> str:
    """How LoggedEntry names the holder of a key (sha256:<hex> of its SubjectPublicKeyInfo)."""
    return f"key {key_id}"


def read_entry(body: bytes, named: str) -> LoggedEntry:
    """Read a body that the bundle calls `named`. Raises StepFailed log_entry_type: it is of another type, or not of
    that type's shape."""
    try:
        document = strict_json.load_object(body, what="log entry")
        found = f"{document.get('kind')} {document.get('apiVersion')}"
        reader = _READERS.get(found)
        if found != named or reader is None:
            raise StepFailed(
                "log_entry_type", f"the log entry is of type {found[:80]!r}, the bundle says {named[:80]!r}"
            )
        return reader(document["spec"])
    except (Refused, KeyError, TypeError, ValueError, AttributeError, UnsupportedAlgorithm) as fault:
        raise StepFailed("log_entry_type", f"the log entry does not have the shape of {named[:80]!r}") from fault


def _hashedrekord_v1(spec: Json) -> LoggedEntry:
    signature = spec["signature"]
    return LoggedEntry(
        "hashedrekord 0.0.1",
        *_hash(spec["data"]["hash"]),
        signature=_raw(signature["content"]),
        signer=_pem(signature["publicKey"]["content"]),
    )


def _hashedrekord_v2(spec: Json) -> LoggedEntry:
    record = spec["hashedRekordV002"]
    return LoggedEntry(
        "hashedrekord 0.0.2",
        *_output(record["data"]),
        signature=_raw(record["signature"]["content"]),
        signer=_verifier(record["signature"]["verifier"]),
    )


def _dsse_v1(spec: Json) -> LoggedEntry:
    (only,) = spec["signatures"]
    return LoggedEntry(
        "dsse 0.0.1", *_hash(spec["payloadHash"]), signature=_raw(only["signature"]), signer=_pem(only["verifier"])
    )


def _dsse_v2(spec: Json) -> LoggedEntry:
    record = spec["dsseV002"]
    (only,) = record["signatures"]
    return LoggedEntry(
        "dsse 0.0.2",
        *_output(record["payloadHash"]),
        signature=_raw(only["content"]),
        signer=_verifier(only["verifier"]),
    )


def _intoto_v1(spec: Json) -> LoggedEntry:
    content = spec["content"]
    return LoggedEntry(
        "intoto 0.0.1",
        *_hash(content["payloadHash"]),
        signature=None,
        signer=_pem(spec["publicKey"]),
        envelope_digest=_hash(content["hash"])[1],
    )


def _intoto_v2(spec: Json) -> LoggedEntry:
    content = spec["content"]
    envelope = content["envelope"]
    (only,) = envelope["signatures"]
    _hash(content["hash"])  # must be there; see the module's first words
    payload = envelope.get("payload")  # the log leaves it out, older ones did not
    return LoggedEntry(
        "intoto 0.0.2",
        *_hash(content["payloadHash"]),
        signature=_twice(only["sig"]),
        signer=_pem(only["publicKey"]),
        payload_type=_text(envelope["payloadType"]),
        payload=None if not payload else _twice(payload),
    )


_READERS: Mapping[str, Callable[[Json], LoggedEntry]] = {
    "hashedrekord 0.0.1": _hashedrekord_v1,
    "hashedrekord 0.0.2": _hashedrekord_v2,
    "dsse 0.0.1": _dsse_v1,
    "dsse 0.0.2": _dsse_v2,
    "intoto 0.0.1": _intoto_v1,
    "intoto 0.0.2": _intoto_v2,
}


def _hash(stated: Json) -> tuple[str, str]:
    """{algorithm, value} of Rekor v1. Raises ValueError unless it is a SHA-256."""
    algorithm, value = stated["algorithm"], _text(stated["value"])
    if algorithm != "sha256" or len(value) != _SHA256_HEX:
        raise ValueError(algorithm)
    return "sha256", value.lower()


def _output(stated: Json) -> tuple[str, str]:
    """{algorithm, digest} of Rekor v2."""
    return _SHA2[stated["algorithm"]], _raw(stated["digest"]).hex()


def _verifier(stated: Json) -> str:
    """Rekor v2: exactly one of a certificate and a key, in DER."""
    certificate, key = stated.get("x509Certificate"), stated.get("publicKey")
    if (certificate is None) == (key is None):
        raise ValueError("verifier")
    if certificate is not None:
        return signer_of_certificate(_raw(certificate["rawBytes"]))
    return signer_of_key(public_key(supported(load_der_public_key(_raw(stated["publicKey"]["rawBytes"])))).key_id)


def _pem(stated: object) -> str:
    """Rekor v1: base64 of the PEM of a certificate or of a key."""
    pem = _raw(stated)
    if _CERTIFICATE not in pem:
        return signer_of_key(load_public_key(pem).key_id)
    (only,) = x509.load_pem_x509_certificates(pem)
    return signer_of_certificate(only.public_bytes(Encoding.DER))


def _raw(stated: object) -> bytes:
    return dsse.decode_base64(stated, "log entry")


def _twice(stated: object) -> bytes:
    return _raw(_raw(stated).decode("ascii"))


def _text(stated: object) -> str:
    if not isinstance(stated, str):
        raise TypeError(stated)
    return stated


def content_digest(entry: LoggedEntry, content: bytes) -> str:
    """The digest (hex) that the entry's algorithm gives of some content."""
    return hashlib.new(entry.algorithm, content).hexdigest()
