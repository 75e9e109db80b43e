"""Sigstore bundles made by our own authorities: a good one of each kind, and one function per defect."""

import base64
import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from evidence_api.formats.dsse import IN_TOTO, pae
from tests.support.sigstore_authorities import (
    AT,
    START,
    Fulcio,
    Rekor,
    TimestampAuthority,
    b64,
    der,
    new_key,
    spki,
    stamp,
)

V01 = "application/vnd.dev.sigstore.bundle+json;version=0.1"
V02 = "application/vnd.dev.sigstore.bundle+json;version=0.2"
V03_OLD = "application/vnd.dev.sigstore.bundle+json;version=0.3"
V03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
ARTIFACT = b"the artifact\n"
ARTIFACT_DIGEST = f"sha256:{hashlib.sha256(ARTIFACT).hexdigest()}"
STATEMENT = orjson.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "widget", "digest": {"sha256": ARTIFACT_DIGEST.removeprefix("sha256:")}}],
        "predicateType": "https://example.com/predicate/v1",
        "predicate": {"colour": "green"},
    }
)

Document = dict[str, Any]
_SHA256 = ec.ECDSA(hashes.SHA256())


@dataclass
class Sigstore:
    """One whole instance: its trusted root, and the bundles it makes."""

    fulcio: Fulcio = field(default_factory=Fulcio)
    rekor: Rekor = field(default_factory=Rekor)
    tsa: TimestampAuthority = field(default_factory=TimestampAuthority)

    def trusted_root(
        self,
        *,
        ca: tuple[datetime, datetime | None] = (START, None),
        log: tuple[datetime, datetime | None] = (START, None),
        tsa: tuple[datetime, datetime | None] = (START, None),
        ct: tuple[datetime, datetime | None] = (START, None),
    ) -> bytes:
        """The trusted root; each period is (start, end), both inclusive."""
        return orjson.dumps(
            {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [_log(self.rekor.key, log)],
                "certificateAuthorities": [_authority(self.fulcio.chain, ca)],
                "ctlogs": [_log(self.fulcio.ct.key, ct)],
                "timestampAuthorities": [_authority([self.tsa.certificate, self.tsa.root], tsa)],
            }
        )

    def of_statement(
        self,
        payload: bytes = STATEMENT,
        *,
        media_type: str = V03,
        at: datetime = AT,
        signed: bytes | None = None,
        **certificate: Any,  # noqa: ANN401  handed on to Fulcio.issue
    ) -> Document:
        """A bundle around a DSSE envelope; `signed` replaces the bytes that are signed."""
        key = new_key()
        leaf = self.fulcio.issue(key, at=certificate.pop("issued", at), **certificate)
        signature = key.sign(pae(IN_TOTO, payload) if signed is None else signed, _SHA256)
        entry = self.rekor.entry(dsse_body(payload, signature, leaf), at=at)
        envelope = {"payload": b64(payload), "payloadType": IN_TOTO, "signatures": [{"sig": b64(signature)}]}
        return {
            "mediaType": media_type,
            "verificationMaterial": _material(leaf, entry, media_type),
            "dsseEnvelope": envelope,
        }

    def of_message(self, artifact: bytes = ARTIFACT, *, media_type: str = V03) -> Document:
        """A bundle around a signature over an artifact."""
        key = new_key()
        leaf = self.fulcio.issue(key)
        signature = key.sign(artifact, _SHA256)
        entry = self.rekor.entry(_hashedrekord_body(artifact, signature, leaf))
        return {
            "mediaType": media_type,
            "verificationMaterial": _material(leaf, entry, media_type),
            "messageSignature": _message(artifact, signature),
        }

    def of_message_v2(self, artifact: bytes = ARTIFACT, *, token_at: datetime = AT, promise: bool = False) -> Document:
        """A bundle logged by a Rekor v2: hashedrekord 0.0.2, no promise, a timestamp token."""
        key = new_key()
        leaf = self.fulcio.issue(key)
        signature = key.sign(artifact, _SHA256)
        entry = self.rekor.entry(_hashedrekord_v2_body(artifact, signature, leaf), at=AT if promise else None)
        material = _material(leaf, entry, V03)
        tokens = [{"signedTimestamp": b64(self.tsa.token(signature, token_at))}]
        material["timestampVerificationData"] = {"rfc3161Timestamps": tokens}
        return {
            "mediaType": V03,
            "verificationMaterial": material,
            "messageSignature": _message(artifact, signature),
        }


def entry_of(bundle: Document) -> Document:
    """The log entry inside, to be changed."""
    entry: Document = bundle["verificationMaterial"]["tlogEntries"][0]
    return entry


def changed(text: str) -> str:
    """Base64 of the same bytes with the lowest bit of the last one flipped."""
    raw = bytearray(_unb64(text))
    raw[-1] ^= 1
    return b64(bytes(raw))


def _unb64(text: str) -> bytes:
    return base64.b64decode(text)


def _log(key: ec.EllipticCurvePrivateKey, period: tuple[datetime, datetime | None]) -> Document:
    return {
        "baseUrl": "https://log.example",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": b64(spki(key)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": _period(period),
        },
        "logId": {"keyId": b64(hashlib.sha256(spki(key)).digest())},
    }


def _authority(chain: list[x509.Certificate], period: tuple[datetime, datetime | None]) -> Document:
    return {
        "subject": {"organization": "test", "commonName": "test"},
        "uri": "https://ca.example",
        "certChain": {"certificates": [{"rawBytes": b64(der(one))} for one in chain]},
        "validFor": _period(period),
    }


def _period(period: tuple[datetime, datetime | None]) -> Document:
    start, end = period
    return {"start": stamp(start)} | ({"end": stamp(end)} if end else {})


def _material(leaf: x509.Certificate, entry: Document, media_type: str) -> Document:
    raw = {"rawBytes": b64(der(leaf))}
    if media_type in (V01, V02):
        return {"x509CertificateChain": {"certificates": [raw]}, "tlogEntries": [entry]}
    return {"certificate": raw, "tlogEntries": [entry]}


def _message(artifact: bytes, signature: bytes) -> Document:
    digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(artifact).digest())}
    return {"messageDigest": digest, "signature": b64(signature)}


def _pem64(leaf: x509.Certificate) -> str:
    return b64(leaf.public_bytes(Encoding.PEM))


def dsse_body(payload: bytes, signature: bytes, leaf: x509.Certificate) -> Document:
    spec = {
        "envelopeHash": {"algorithm": "sha256", "value": "0" * 64},
        "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
        "signatures": [{"signature": b64(signature), "verifier": _pem64(leaf)}],
    }
    return {"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}


def _hashedrekord_body(artifact: bytes, signature: bytes, leaf: x509.Certificate) -> Document:
    spec = {
        "data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(artifact).hexdigest()}},
        "signature": {"content": b64(signature), "publicKey": {"content": _pem64(leaf)}},
    }
    return {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}


def _hashedrekord_v2_body(artifact: bytes, signature: bytes, leaf: x509.Certificate) -> Document:
    verifier = {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": b64(der(leaf))}}
    spec = {
        "hashedRekordV002": {
            "data": {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(artifact).digest())},
            "signature": {"content": b64(signature), "verifier": verifier},
        }
    }
    return {"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec}


# --- defects ---------------------------------------------------------------------------------------------------------


def wrong_signature(world: Sigstore) -> Document:
    return world.of_statement(signed=b"something else")


def raw_payload_signature(world: Sigstore) -> Document:
    return world.of_statement(signed=STATEMENT)


def wrong_authority(world: Sigstore) -> Document:
    stranger = Sigstore(rekor=world.rekor, fulcio=Fulcio(ct=world.fulcio.ct))
    return stranger.of_statement()


def expired_certificate(world: Sigstore) -> Document:
    return world.of_statement(issued=AT - timedelta(hours=2))


def not_for_code_signing(world: Sigstore) -> Document:
    return world.of_statement(code_signing=False)


def two_identities(world: Sigstore) -> Document:
    return world.of_statement(names=2)


def broken_sct(world: Sigstore) -> Document:
    return world.of_statement(sct="broken")


def missing_sct(world: Sigstore) -> Document:
    return world.of_statement(sct="missing")


def missing_proof(world: Sigstore) -> Document:
    bundle = world.of_statement()
    del entry_of(bundle)["inclusionProof"]
    return bundle


def altered_proof(world: Sigstore) -> Document:
    bundle = world.of_statement()
    hashes_ = entry_of(bundle)["inclusionProof"]["hashes"]
    hashes_[0] = changed(hashes_[0])
    return bundle


def shortened_proof(world: Sigstore) -> Document:
    bundle = world.of_statement()
    entry_of(bundle)["inclusionProof"]["hashes"].pop()
    return bundle


def altered_checkpoint(world: Sigstore) -> Document:
    bundle = world.of_statement()
    checkpoint = entry_of(bundle)["inclusionProof"]["checkpoint"]
    checkpoint["envelope"] = checkpoint["envelope"].replace("log.example\n4\n", "log.example\n5\n")
    return bundle


def foreign_checkpoint(world: Sigstore) -> Document:
    bundle = world.of_statement()
    proof = entry_of(bundle)["inclusionProof"]
    proof["checkpoint"]["envelope"] = Rekor().checkpoint(_unb64(proof["rootHash"]))
    return bundle


def missing_checkpoint(world: Sigstore) -> Document:
    bundle = world.of_statement()
    del entry_of(bundle)["inclusionProof"]["checkpoint"]
    return bundle


def wrong_promise(world: Sigstore) -> Document:
    bundle = world.of_statement()
    promise = entry_of(bundle)["inclusionPromise"]
    promise["signedEntryTimestamp"] = entry_of(world.of_statement())["inclusionPromise"]["signedEntryTimestamp"]
    return bundle


def no_signed_time(world: Sigstore) -> Document:
    bundle = world.of_statement()
    del entry_of(bundle)["inclusionPromise"]
    return bundle


def other_entry(world: Sigstore) -> Document:
    bundle = world.of_statement()
    bundle["verificationMaterial"]["tlogEntries"] = world.of_statement()["verificationMaterial"]["tlogEntries"]
    return bundle


def no_entry(world: Sigstore) -> Document:
    bundle = world.of_statement()
    bundle["verificationMaterial"]["tlogEntries"] = []
    return bundle


def two_entries(world: Sigstore) -> Document:
    bundle = world.of_statement()
    bundle["verificationMaterial"]["tlogEntries"] *= 2
    return bundle


def no_certificate(world: Sigstore) -> Document:
    bundle = world.of_statement(media_type=V02)
    bundle["verificationMaterial"]["x509CertificateChain"]["certificates"] = []
    return bundle


def root_in_bundle(world: Sigstore) -> Document:
    bundle = world.of_statement(media_type=V02)
    chain = bundle["verificationMaterial"]["x509CertificateChain"]["certificates"]
    chain.append({"rawBytes": b64(der(world.fulcio.root))})
    return bundle


def broken_certificate(world: Sigstore) -> Document:
    bundle = world.of_statement()
    bundle["verificationMaterial"]["certificate"]["rawBytes"] = b64(b"no certificate")
    return bundle


def many_signatures(world: Sigstore) -> Document:
    bundle = world.of_statement()
    bundle["dsseEnvelope"]["signatures"] *= 2
    return bundle


def other_payload_type(world: Sigstore) -> Document:
    bundle = world.of_statement()
    bundle["dsseEnvelope"]["payloadType"] = "text/plain"
    return bundle


def two_spellings(world: Sigstore) -> Document:
    """Content under its protobuf name for us, and other content under its snake_case name for the library."""
    bundle = world.of_statement()
    bundle["message_signature"] = copy.deepcopy(world.of_message()["messageSignature"])
    return bundle


def negative_index(world: Sigstore) -> Document:
    bundle = world.of_statement()
    entry_of(bundle)["logIndex"] = "-1"
    return bundle


def swapped_digest(world: Sigstore) -> Document:
    bundle = world.of_message()
    bundle["messageSignature"]["messageDigest"]["digest"] = b64(hashlib.sha256(b"other").digest())
    return bundle


def untrusted_token(world: Sigstore) -> Document:
    return Sigstore(fulcio=world.fulcio, rekor=world.rekor).of_message_v2()


def late_token(world: Sigstore) -> Document:
    return world.of_message_v2(token_at=AT + timedelta(hours=1))


def garbled_token(world: Sigstore) -> Document:
    bundle = world.of_message_v2()
    bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] = [
        {"signedTimestamp": b64(b"no token")}
    ]
    return bundle


def repeated_token(world: Sigstore) -> Document:
    bundle = world.of_message_v2()
    bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] *= 2
    return bundle


# What each defect must be called. Nothing here may ever be verified.
DEFECTS: Mapping[Callable[[Sigstore], Document], str] = {
    wrong_signature: "bad_signature",
    raw_payload_signature: "bad_signature",
    wrong_authority: "certificate_chain",
    expired_certificate: "certificate_expired",
    not_for_code_signing: "certificate_profile",
    two_identities: "certificate_profile",
    broken_sct: "signed_certificate_timestamp",
    missing_sct: "signed_certificate_timestamp",
    missing_proof: "inclusion_proof",
    altered_proof: "inclusion_proof",
    shortened_proof: "inclusion_proof",
    altered_checkpoint: "checkpoint",
    foreign_checkpoint: "checkpoint",
    missing_checkpoint: "checkpoint",
    wrong_promise: "signed_entry_timestamp",
    no_signed_time: "timestamp",
    other_entry: "log_entry_mismatch",
    no_entry: "log_entry_missing",
    two_entries: "too_many_log_entries",
    no_certificate: "certificate_missing",
    root_in_bundle: "certificate_chain",
    broken_certificate: "malformed",
    many_signatures: "too_many_signatures",
    other_payload_type: "payload_type",
    two_spellings: "malformed",
    negative_index: "malformed",
    swapped_digest: "bad_signature",
    untrusted_token: "timestamp",
    late_token: "certificate_expired",
    garbled_token: "timestamp",
    repeated_token: "timestamp",
}
