"""Bundles whose log entries are of types sigstore-python does not bind, and one function per defect of an entry.

Every defect is logged in earnest: the log signs whatever body it is given, so only step 8 can notice.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from evidence_api.formats.dsse import IN_TOTO, pae
from tests.support.keys import TestKey
from tests.support.sigstore_authorities import AT, b64, der, new_key
from tests.support.sigstore_factory import ARTIFACT, STATEMENT, V01, V03, Document, Sigstore

OTHER = STATEMENT.replace(b"green", b"mauve")
Change = Callable[[Document], object]


@dataclass(frozen=True)
class Logged:
    """What goes into an entry: `pem` is of the certificate or key, `verifier` the same for Rekor v2."""

    payload: bytes
    signature: bytes
    pem: bytes
    verifier: Document

    @property
    def envelope(self) -> Document:
        return {"payloadType": IN_TOTO, "payload": b64(self.payload), "signatures": [{"sig": b64(self.signature)}]}


def sha256(content: bytes) -> Document:
    return {"algorithm": "sha256", "value": hashlib.sha256(content).hexdigest()}


def intoto_v1(logged: Logged) -> Document:
    content = {"hash": sha256(orjson.dumps(logged.envelope)), "payloadHash": sha256(logged.payload)}
    return body("intoto", "0.0.1", {"publicKey": b64(logged.pem), "content": content})


def intoto_v2(logged: Logged) -> Document:
    signature = {"sig": b64(b64(logged.signature).encode()), "publicKey": b64(logged.pem)}
    content = {
        "envelope": {"payloadType": IN_TOTO, "signatures": [signature]},
        "hash": sha256(b"whatever the uploader said"),
        "payloadHash": sha256(logged.payload),
    }
    return body("intoto", "0.0.2", {"content": content})


def dsse_v2(logged: Logged) -> Document:
    digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(logged.payload).digest())}
    signatures = [{"content": b64(logged.signature), "verifier": logged.verifier}]
    return body("dsse", "0.0.2", {"dsseV002": {"payloadHash": digest, "signatures": signatures}})


def hashedrekord_v1(logged: Logged) -> Document:
    signature = {"content": b64(logged.signature), "publicKey": {"content": b64(logged.pem)}}
    return body(
        "hashedrekord", "0.0.1", {"data": {"hash": sha256(pae(IN_TOTO, logged.payload))}, "signature": signature}
    )


def hashedrekord_v2(logged: Logged) -> Document:
    digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(pae(IN_TOTO, logged.payload)).digest())}
    signature = {"content": b64(logged.signature), "verifier": logged.verifier}
    return body("hashedrekord", "0.0.2", {"hashedRekordV002": {"data": digest, "signature": signature}})


def artifact_v2(logged: Logged) -> Document:
    digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(ARTIFACT).digest())}
    signature = {"content": b64(logged.signature), "verifier": logged.verifier}
    return body("hashedrekord", "0.0.2", {"hashedRekordV002": {"data": digest, "signature": signature}})


def body(kind: str, version: str, spec: Document) -> Document:
    return {"apiVersion": version, "kind": kind, "spec": spec}


def pem(leaf: x509.Certificate) -> bytes:
    return leaf.public_bytes(Encoding.PEM)


def by_certificate(  # noqa: PLR0913  one argument a variant
    world: Sigstore,
    make: Callable[[Logged], Document],
    *,
    change: Change | None = None,
    media_type: str = V03,
    payload: bytes = STATEMENT,
    logged_payload: bytes | None = None,
    **certificate: Any,  # noqa: ANN401  handed on to Fulcio.issue
) -> Document:
    """A bundle around a statement; `change` alters the body before it is logged. Rekor v2 types get a timestamp."""
    key = new_key()
    leaf = world.fulcio.issue(key, **certificate)
    signature = key.sign(pae(IN_TOTO, payload), ec.ECDSA(hashes.SHA256()))
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": b64(der(leaf))}}
    material: Document = (
        {"x509CertificateChain": {"certificates": [{"rawBytes": b64(der(leaf))}]}}
        if media_type == V01
        else {"certificate": {"rawBytes": b64(der(leaf))}}
    )
    logged = Logged(payload if logged_payload is None else logged_payload, signature, pem(leaf), verifier)
    bundle = _bundle(world, material, logged, _changed(make(logged), change), media_type)
    bundle["dsseEnvelope"]["payload"] = b64(payload)
    return bundle


def by_key(  # noqa: PLR0913  one argument a variant
    world: Sigstore,
    key: TestKey,
    make: Callable[[Logged], Document],
    *,
    change: Change | None = None,
    media_type: str = V03,
    promise: bool = False,
    signature: bytes | None = None,
) -> Document:
    """The same with a managed key; `promise` has Rekor v1 types carry a timestamp too."""
    made = key.envelope(STATEMENT).signatures[0].sig if signature is None else signature
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "publicKey": {"rawBytes": b64(_spki(key))}}
    logged = Logged(STATEMENT, made, key.pem, verifier)
    material: Document = {"publicKey": {"hint": key.public().key_id}}
    return _bundle(world, material, logged, _changed(make(logged), change), media_type, token=promise)


def artifact_by_key(world: Sigstore, key: TestKey, signature: bytes) -> Document:
    """A bundle around ARTIFACT in a Rekor v2, with a managed key."""
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "publicKey": {"rawBytes": b64(_spki(key))}}
    logged = Logged(b"", signature, key.pem, verifier)
    bundle = _bundle(world, {"publicKey": {"hint": ""}}, logged, artifact_v2(logged), V03)
    del bundle["dsseEnvelope"]
    digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(ARTIFACT).digest())}
    return bundle | {"messageSignature": {"messageDigest": digest, "signature": b64(signature)}}


def _bundle(  # noqa: PLR0913  the parts of a bundle
    world: Sigstore, material: Document, logged: Logged, entry: Document, media_type: str, *, token: bool = False
) -> Document:
    rekor_v1 = entry["kind"] == "intoto" or entry["apiVersion"] == "0.0.1"
    material["tlogEntries"] = [world.rekor.entry(entry, at=AT if rekor_v1 else None)]
    if token or not rekor_v1:
        tokens = [{"signedTimestamp": b64(world.tsa.token(logged.signature, AT))}]
        material["timestampVerificationData"] = {"rfc3161Timestamps": tokens}
    return {"mediaType": media_type, "verificationMaterial": material, "dsseEnvelope": logged.envelope}


def _changed(entry: Document, change: Change | None) -> Document:
    if change is not None:
        change(entry)
    return entry


def _spki(key: TestKey) -> bytes:
    return base64.b64decode("".join(key.pem.decode().splitlines()[1:-1]))


# --- defects of intoto entries ---------------------------------------------------------------------------------------


def _content(entry: Document) -> Document:
    content: Document = entry["spec"]["content"]
    return content


def _only(entry: Document) -> Document:
    signature: Document = _content(entry)["envelope"]["signatures"][0]
    return signature


def other_payload_hash(entry: Document) -> None:
    _content(entry)["payloadHash"] = sha256(OTHER)


def other_hash_algorithm(entry: Document) -> None:
    _content(entry)["payloadHash"] = {"algorithm": "sha1", "value": hashlib.sha1(STATEMENT).hexdigest()}  # noqa: S324  what must be refused


def no_payload_hash(entry: Document) -> None:
    del _content(entry)["payloadHash"]


def no_envelope_hash(entry: Document) -> None:
    del _content(entry)["hash"]


def other_payload_type(entry: Document) -> None:
    _content(entry)["envelope"]["payloadType"] = "text/plain"


def other_payload(entry: Document) -> None:
    _content(entry)["envelope"]["payload"] = b64(b64(OTHER).encode())


def other_signature(entry: Document) -> None:
    _only(entry)["sig"] = b64(b64(b"another signature").encode())


def signature_encoded_once(entry: Document) -> None:
    _only(entry)["sig"] = b64(b"\xff\xfe raw")


def two_signatures(entry: Document) -> None:
    _content(entry)["envelope"]["signatures"] *= 2


def no_signatures(entry: Document) -> None:
    _content(entry)["envelope"]["signatures"] = []


def other_certificate(entry: Document) -> None:
    _only(entry)["publicKey"] = b64(pem(Sigstore().fulcio.issue(new_key())))


def bare_key(entry: Document) -> None:
    leaf = x509.load_pem_x509_certificate(base64.b64decode(_only(entry)["publicKey"]))
    key = leaf.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _only(entry)["publicKey"] = b64(key)


def two_certificates(entry: Document) -> None:
    _only(entry)["publicKey"] = b64(base64.b64decode(_only(entry)["publicKey"]) * 2)


def no_certificate(entry: Document) -> None:
    _only(entry)["publicKey"] = b64(b"no PEM at all")


def another_version(entry: Document) -> None:
    entry["apiVersion"] = "0.0.3"


def another_kind(entry: Document) -> None:
    entry["kind"] = "rekord"


def no_spec(entry: Document) -> None:
    entry["spec"] = []


INTOTO_DEFECTS: Mapping[Change, str] = {
    other_payload_hash: "log_entry_payload",
    other_hash_algorithm: "log_entry_type",
    no_payload_hash: "log_entry_type",
    no_envelope_hash: "log_entry_type",
    other_payload_type: "log_entry_payload",
    other_payload: "log_entry_payload",
    other_signature: "log_entry_signature",
    signature_encoded_once: "log_entry_type",
    two_signatures: "log_entry_type",
    no_signatures: "log_entry_type",
    other_certificate: "log_entry_signer",
    bare_key: "log_entry_signer",
    two_certificates: "log_entry_type",
    no_certificate: "log_entry_type",
    no_spec: "log_entry_type",
}
UNKNOWN_TYPES = (another_version, another_kind)
