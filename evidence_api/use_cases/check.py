"""Checking: bytes received become evidence with a verdict on their signatures, before anything is stored.

The plan (DESIGN.md section 4, "order of work"):
  1. parse       which form it is, within bounds                     formats/upload.py     refuses what cannot be read
  2. verify      signature and identity, against the tenant's trust  engines/              a failed check is a result
  3. read        the signed payload as an in-toto statement          formats/statement.py  refuses what is none
  4. normalise   its predicate into typed facts                      formats/predicates/
Nothing here reads a clock, a file or the network: the same bytes and trust give the same answer for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias, assert_never

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Checked, Normalised
from evidence_api.domain.statement import Statement, Subject
from evidence_api.domain.verification import Failed, Unsigned, Verification, Verified
from evidence_api.engines.keys import PublicKey, verify_envelope
from evidence_api.engines.sigstore import BundleVerifier, Identities, IdentityRule
from evidence_api.engines.sigstore_managed import managed_key
from evidence_api.formats import upload as uploads
from evidence_api.formats.documents import document_type
from evidence_api.formats.dsse import IN_TOTO
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import parse_statement
from evidence_api.formats.upload import (
    AttestationUpload,
    BundleUpload,
    DocumentUpload,
    EnvelopeUpload,
    MessageSignature,
    StatementUpload,
    Upload,
)

Reader: TypeAlias = Callable[[Statement, int], Normalised]

SIGNATURE_KIND = "signature"
_SHA256_BYTES = 32


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a tenant trusts: registered keys, certificate identities, and the verifier with its trusted root
    (None: no root is configured, so no bundle can be verified)."""

    keys: tuple[PublicKey, ...] = ()
    identities: tuple[IdentityRule, ...] = ()
    verifier: BundleVerifier | None = None


def check_evidence(body: bytes, trust: Trust) -> Checked:
    """Run the plan on one upload. Raises Refused (malformed, zero_signatures, too_large, …) only for what
    cannot be parsed; a check that did not hold is in `Checked.verification`."""
    upload = uploads.recognise(body)
    return read_checked(body, upload, verify(upload, trust))


def verify(
    upload: Upload, trust: Trust, *, identities: Identities | None = None, artifact_digest: str | None = None
) -> Verification:
    """Step 2. `identities` replaces the trust's own; `artifact_digest` is compared where the form names one."""
    match upload:
        case EnvelopeUpload():
            return verify_envelope(upload.envelope, trust.keys)
        case AttestationUpload():
            return verify(upload.bundle, trust, identities=identities, artifact_digest=artifact_digest)
        case BundleUpload():
            if trust.verifier is None:
                return Failed("trusted_root_missing", "no trusted root is configured, so no bundle can be verified")
            return trust.verifier.verify(
                upload,
                identities=trust.identities if identities is None else identities,
                artifact_digest=artifact_digest,
                key=None if upload.managed_key is None else managed_key(upload, trust.keys),
            )
        case StatementUpload() | DocumentUpload():
            return Unsigned()
        case _:
            assert_never(upload)


def read_checked(body: bytes, upload: Upload, verification: Verification, *, reader: Reader = normalise) -> Checked:
    """Steps 3 and 4, whatever step 2 found: failed and unsigned evidence is shown too, it only never counts."""
    collected = verification.signed_at if isinstance(verification, Verified) else None
    evidence_id = uploads.identity(upload)
    if isinstance(upload, DocumentUpload):
        return _read_document(evidence_id, upload, verification)
    inner = upload.bundle if isinstance(upload, AttestationUpload) else upload
    if isinstance(inner, BundleUpload) and inner.message is not None:
        algorithm, subject = _signed_digest(inner.message)
        facts = Normalised(SIGNATURE_KIND, {"algorithm": algorithm}, effective=collected)
        return Checked(evidence_id, body, upload.media_type, "", (subject,), verification, facts, collected)
    payload = _payload(inner)
    statement = parse_statement(payload)
    return Checked(
        id=evidence_id,
        body=body,
        media_type=upload.media_type,
        predicate_type=statement.predicate_type,
        subjects=statement.subjects,
        verification=verification,
        normalised=reader(statement, len(payload)),
        collected=collected,
    )


def _read_document(evidence_id: str, upload: DocumentUpload, verification: Verification) -> Checked:
    """Steps 3 and 4 of a raw document: it is the predicate, and about the subjects it names itself (maybe none)."""
    kind = document_type(upload.type)
    read = kind.read(upload.body)
    return Checked(
        id=evidence_id,
        body=upload.body,
        media_type=upload.media_type,
        predicate_type=kind.predicate_type,
        subjects=read.subjects,
        verification=verification,
        normalised=read.normalised,
    )


def name_subjects(checked: Checked, subjects: tuple[Subject, ...]) -> Checked:
    """The same raw document about these as well. Raises Malformed for a statement: it says what it is about."""
    if not subjects:
        return checked
    stated = checked.media_type in {uploads.STATEMENT_MEDIA_TYPE, uploads.CONTAINER_MEDIA_TYPE}
    if stated or not isinstance(checked.verification, Unsigned):
        raise Malformed("a statement names its subjects itself; only a raw document can be given some", path="subject")
    return replace(checked, subjects=checked.subjects + subjects)


def _payload(upload: EnvelopeUpload | BundleUpload | StatementUpload) -> bytes:
    """The statement's bytes. Raises Malformed for a payload of another type."""
    if isinstance(upload, StatementUpload):
        return upload.payload
    if upload.envelope is None:
        raise Malformed("the bundle holds no envelope", path="dsseEnvelope")
    if upload.envelope.payload_type != IN_TOTO:
        raise Malformed(f"payload type {upload.envelope.payload_type[:80]!r} is not {IN_TOTO}", path="payloadType")
    return upload.envelope.payload


def _signed_digest(message: MessageSignature) -> tuple[str, Subject]:
    """What a signature without a statement is about. Raises Malformed unless the digest is SHA-256."""
    if len(message.digest) != _SHA256_BYTES or message.algorithm != "SHA2_256":
        raise Malformed(
            f"a message digest of type {message.algorithm!r} is not SHA2_256", path="messageSignature.messageDigest"
        )
    return "sha256", Subject("", MappingProxyType({"sha256": message.digest.hex()}))
