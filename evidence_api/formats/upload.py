"""Reading, first step: which of the closed set of upload forms some bytes are, by shape, never by name.

    {payloadType, payload, signatures}                         DSSE envelope
    {mediaType: …sigstore.bundle…, verificationMaterial, …}    Sigstore bundle v0.1, 0.2, 0.3 (protobuf JSON)
    {version, verification_material, envelope}                 PEP 740 attestation object
    {_type: https://in-toto.io/Statement/…, …}                 bare statement: nobody signed it
    {bundle}, {attestations: [{bundle}]}, …                    a container, of exactly one     formats/containers.py
    CycloneDX, SPDX, SARIF, JUnit, …                           raw document: nobody signed it  formats/documents.py

Sources: DSSE envelope.md; sigstore/protobuf-specs sigstore_bundle.proto; PEP 740; in-toto statement.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import orjson

from evidence_api.domain.digest import canonical, digest_of, sha256_hex
from evidence_api.domain.errors import Malformed, Refused
from evidence_api.formats import containers, dsse, pep740, strict_json
from evidence_api.formats.documents import DocumentType, recognise_document, recognise_object, xml_root
from evidence_api.formats.dsse import Envelope

BUNDLE_MEDIA_TYPES: Mapping[str, str] = {
    "application/vnd.dev.sigstore.bundle+json;version=0.1": "0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2": "0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3": "0.3",
    "application/vnd.dev.sigstore.bundle.v0.3+json": "0.3",
}
STATEMENT_MEDIA_TYPE = "application/vnd.in-toto+json"
PEP740_MEDIA_TYPE = "application/json"  # PEP 740 gives attestation objects no type of their own
CONTAINER_MEDIA_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class MessageSignature:
    """A bundle's signature over raw bytes: the digest it names (algorithm as written, e.g. SHA2_256) and itself."""

    algorithm: str
    digest: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class EnvelopeUpload:
    """A bare DSSE envelope, to be verified with a registered key."""

    envelope: Envelope
    media_type: str = dsse.MEDIA_TYPE


@dataclass(frozen=True, slots=True)
class BundleUpload:
    """A Sigstore bundle. Exactly one of `envelope` and `message` is there. `body` is the bundle's JSON;
    `log_entries` names its log entries ("kind version"); `managed_key` is the key hint ("" if none is named) of a
    bundle made with a long-lived key, None for one made with a certificate."""

    version: str
    body: bytes = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)
    envelope: Envelope | None
    message: MessageSignature | None
    log_entries: tuple[str, ...]
    managed_key: str | None
    media_type: str


@dataclass(frozen=True, slots=True)
class AttestationUpload:
    """A PEP 740 attestation object and the Sigstore bundle it says."""

    bundle: BundleUpload
    media_type: str = PEP740_MEDIA_TYPE


@dataclass(frozen=True, slots=True)
class StatementUpload:
    """A statement without an envelope: there is no signature to check."""

    document: Mapping[str, Any] = field(repr=False)
    payload: bytes = field(repr=False)
    media_type: str = STATEMENT_MEDIA_TYPE


@dataclass(frozen=True, slots=True)
class DocumentUpload:
    """What a tool wrote, with no statement around it; `type` names it in formats/documents.py."""

    type: str
    body: bytes = field(repr=False)
    media_type: str


SignedOrStated: TypeAlias = EnvelopeUpload | BundleUpload | AttestationUpload | StatementUpload
Upload: TypeAlias = SignedOrStated | DocumentUpload


def recognise(body: bytes) -> Upload:
    """Parse one upload. Raises Malformed, ZeroSignatures, TooLarge (JSON depth 64, 16 signatures), and Refused
    `several_members` for a container of more than one: they are evidence each, to be sent as a batch.

    A container of exactly one is that one: it is kept as it was received, and named as the member is.
    """
    if body[:1] != b"{" and xml_root(body) is not None:
        return _document(recognise_document(body), body)
    document = _load(body)
    found = _signed_or_stated(document, body)
    if found is not None:
        return found
    members = containers.members_of(document)
    if members is None:
        return _document(recognise_object(document), body)
    if len(members) > 1:
        raise _several(len(members))
    member = _signed_or_stated(members[0], orjson.dumps(members[0]))
    if member is None:
        raise Malformed("what the container holds is no attestation", path="$")
    return replace(member, media_type=CONTAINER_MEDIA_TYPE)


def _signed_or_stated(document: Mapping[str, Any], body: bytes) -> SignedOrStated | None:
    """The forms an attestation has by itself; None for anything else."""
    if "payloadType" in document:
        return EnvelopeUpload(dsse.parse_envelope(document))
    if "verificationMaterial" in document or "dsseEnvelope" in document or "messageSignature" in document:
        return read_bundle(document, body)
    if pep740.is_attestation(document):
        bundle = pep740.to_bundle(document)
        return AttestationUpload(read_bundle(bundle, orjson.dumps(bundle)))
    return StatementUpload(document, body) if "_type" in document else None


def _load(body: bytes) -> Mapping[str, Any]:
    try:
        return strict_json.load_object(body)
    except Malformed as fault:
        lines = containers.lines_of(body)
        if len(lines) > 1:
            raise _several(len(lines)) from fault
        raise


def _several(count: int) -> Refused:
    return Refused(
        f"{count} documents in one; send them as a batch, one on each line (Content-Type: application/x-ndjson)",
        code="several_members",
        limit=1,
        value=count,
    )


def _document(kind: DocumentType, body: bytes) -> DocumentUpload:
    return DocumentUpload(kind.name, body, kind.media_types[0])


def identity(upload: Upload) -> str:
    """The evidence id: what was signed and by which signatures, whatever the container or its JSON spelling.

    An envelope has the same id alone and inside a bundle; a message signature is named by
    the canonical form of {messageSignature}, a bare statement by its own, a raw document by its type and bytes.
    """
    match upload:
        case EnvelopeUpload():
            return dsse.identity_of(upload.envelope)
        case AttestationUpload():
            return identity(upload.bundle)
        case BundleUpload():
            if upload.envelope is not None:
                return dsse.identity_of(upload.envelope)
            return digest_of(canonical({"messageSignature": upload.document["messageSignature"]}))
        case StatementUpload():
            return digest_of(canonical(upload.document))
        case DocumentUpload():
            named = {"type": upload.type, "sha256": sha256_hex(upload.body)}
            return digest_of(canonical({"document": named}))


def members(body: bytes) -> tuple[bytes, ...]:
    """The uploads in a body: the members of a container or of a JSON Lines file; anything else is its own only
    member. Raises Malformed, TooLarge."""
    return (body,) if xml_root(body) is not None else containers.split(body)


def read_bundle(document: Mapping[str, Any], body: bytes) -> BundleUpload:
    """Read the parts of a bundle the server shows and routes by; the engine checks the rest. Raises as recognise."""
    media_type = document.get("mediaType")
    version = BUNDLE_MEDIA_TYPES.get(media_type) if isinstance(media_type, str) else None
    if version is None or not isinstance(media_type, str):
        raise Malformed("not a media type of a Sigstore bundle", path="mediaType", value=str(media_type)[:200])
    material = document.get("verificationMaterial")
    if not isinstance(material, dict):
        raise Malformed("verificationMaterial is not an object", path="verificationMaterial")
    envelope, message = _content(document)
    return BundleUpload(
        version=version,
        body=body,
        document=document,
        envelope=envelope,
        message=message,
        log_entries=_log_entries(material),
        managed_key=_managed_key(material),
        media_type=media_type,
    )


def _content(document: Mapping[str, Any]) -> tuple[Envelope | None, MessageSignature | None]:
    """sigstore_bundle.proto: `oneof content`, so both or none is malformed."""
    envelope, message = document.get("dsseEnvelope"), document.get("messageSignature")
    if (envelope is None) == (message is None):
        raise Malformed("not exactly one of dsseEnvelope and messageSignature", path="$")
    if message is None:
        if not isinstance(envelope, dict):
            raise Malformed("dsseEnvelope is not an object", path="dsseEnvelope")
        return dsse.parse_envelope(envelope), None
    if not isinstance(message, dict):
        raise Malformed("messageSignature is not an object", path="messageSignature")
    digest = message.get("messageDigest")
    if not isinstance(digest, dict):
        raise Malformed("the bundle does not say which digest was signed", path="messageSignature.messageDigest")
    return None, MessageSignature(
        algorithm=str(digest.get("algorithm", ""))[:64],
        digest=dsse.decode_base64(digest.get("digest"), "messageSignature.messageDigest.digest"),
        signature=dsse.decode_base64(message.get("signature"), "messageSignature.signature"),
    )


def _log_entries(material: Mapping[str, Any]) -> tuple[str, ...]:
    entries = material.get("tlogEntries")
    found = []
    for entry in entries if isinstance(entries, list) else []:
        kind = entry.get("kindVersion") if isinstance(entry, dict) else None
        named = kind if isinstance(kind, dict) else {}
        found.append(f"{named.get('kind', '?')} {named.get('version', '?')}"[:64])
    return tuple(found)


def _managed_key(material: Mapping[str, Any]) -> str | None:
    """The hint of a long-lived key; a certificate beside it wins, as it is what the engine then checks."""
    if "certificate" in material or "x509CertificateChain" in material or "publicKey" not in material:
        return None
    key = material["publicKey"]
    return str(key.get("hint") or "")[:1024] if isinstance(key, dict) else ""
