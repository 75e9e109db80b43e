"""Verifying, before any signature: a bundle is whole, and the library reads the same things in it as we do.

Source: sigstore/protobuf-specs sigstore_bundle.proto (what each bundle version must hold).
"""

from collections.abc import Mapping
from typing import Any

import orjson
from cryptography import x509
from pydantic import ValidationError
from sigstore.errors import Error
from sigstore.models import Bundle, TimestampVerificationData, TransparencyLogEntry
from sigstore_models.rekor import v1 as rekor

from evidence_api.engines.sigstore_faults import UNKNOWN_STEP, failed_step
from evidence_api.engines.sigstore_identity import StepFailed
from evidence_api.engines.sigstore_plan import PromisedEntry
from evidence_api.engines.sigstore_root import LoadedRoot, first_line
from evidence_api.formats.dsse import IN_TOTO
from evidence_api.formats.upload import BundleUpload

# Parsed in the place of a proof that a v0.1 bundle may lack, so that everything else of it is still checked.
_NO_PROOF = {
    "logIndex": "0",
    "rootHash": "",
    "treeSize": "1",
    "hashes": [],
    "checkpoint": {"envelope": "none"},
}


def check_shape(upload: BundleUpload) -> None:
    """What must be there before anything is verified. Raises StepFailed with the step's code."""
    if upload.envelope is not None:
        if len(upload.envelope.signatures) != 1:
            count = len(upload.envelope.signatures)
            raise StepFailed("too_many_signatures", f"a bundle's envelope has exactly one signature, this has {count}")
        if upload.envelope.payload_type != IN_TOTO:
            raise StepFailed("payload_type", f"payload type {upload.envelope.payload_type[:80]!r} is not {IN_TOTO}")
    if len(upload.log_entries) != 1:
        code = "too_many_log_entries" if upload.log_entries else "log_entry_missing"
        raise StepFailed(code, f"a bundle has exactly one log entry, this has {len(upload.log_entries)}")
    if upload.managed_key is None and not _has_certificate(upload):
        raise StepFailed("certificate_missing", "the bundle carries neither a certificate nor a key's name")
    _check_proof(upload)


def parse_bundle(upload: BundleUpload) -> Bundle:
    """The library's view of the bundle. Raises StepFailed."""
    promised = lacks_proof(upload)
    try:
        bundle = Bundle.from_json(_with_placeholder(upload) if promised else upload.body)
        _ = bundle.verification_material.timestamp_verification_data  # decodes the tokens
    except Exception as fault:
        # Certificates and tokens are decoded here, so whatever their decoders raise arrives here too.
        reason = fault.__context__ if isinstance(fault.__context__, ValidationError) else fault
        code = failed_step(fault).code
        code = "malformed" if code == UNKNOWN_STEP else code
        raise StepFailed(code, f"not a well-formed bundle: {first_line(reason)}") from fault
    _check_same(bundle, upload)
    if promised:
        bundle._log_entry = PromisedEntry(bundle.log_entry._inner)  # noqa: SLF001  the library knows no such bundles
    return bundle


def check_no_root(bundle: Bundle, version: str, root: LoadedRoot) -> None:
    """No root of trust travels in a bundle (sigstore_bundle.proto: signers MUST NOT include one); the library
    ignores one with a warning, which leaves readers to wonder which root counted. That sentence is younger than v0.1,
    whose signers sent their whole chain: there the trusted root's own certificates may be repeated, and no others.
    Raises StepFailed."""
    chain = bundle._inner.verification_material.x509_certificate_chain  # noqa: SLF001  the library shows the leaf alone
    for one in chain.certificates[1:] if chain else ():
        certificate = x509.load_der_x509_certificate(one.raw_bytes)
        repeated = version == "0.1" and certificate in root.get_fulcio_certs()
        if certificate.subject == certificate.issuer and not repeated:
            raise StepFailed("certificate_chain", "the bundle carries a root certificate")


def _check_same(bundle: Bundle, upload: BundleUpload) -> None:
    """The library takes field names in two spellings and skips over stray characters in base64; what it is
    about to verify must be byte for byte what we parsed and will store."""
    inner = bundle._inner  # noqa: SLF001  the library shows its content no other way
    envelope, message = inner.dsse_envelope, inner.message_signature
    if envelope is not None and message is None and upload.envelope is not None:
        theirs = (envelope.payload_type, envelope.payload, [one.sig for one in envelope.signatures])
        ours = (upload.envelope.payload_type, upload.envelope.payload, [one.sig for one in upload.envelope.signatures])
        same = theirs == ours
    elif message is not None and envelope is None and upload.message is not None:
        same = message.signature == upload.message.signature
    else:
        same = False
    if not same:
        raise StepFailed("malformed", "the bundle's content reads differently to different readers")


def log_entry(upload: BundleUpload) -> Mapping[str, Any]:
    """The bundle's only log entry as written. Call it on a bundle of good shape."""
    entry = upload.document["verificationMaterial"]["tlogEntries"][0]
    return entry if isinstance(entry, dict) else {}


def _has_certificate(upload: BundleUpload) -> bool:
    material = upload.document["verificationMaterial"]
    chain = material.get("x509CertificateChain")
    return bool(material.get("certificate") or (isinstance(chain, dict) and chain.get("certificates")))


def lacks_proof(upload: BundleUpload) -> bool:
    """Whether the log entry carries no inclusion proof."""
    return not log_entry(upload).get("inclusionProof")


def _check_proof(upload: BundleUpload) -> None:
    """v0.1 requires the promise, later versions the proof; a proof without its checkpoint proves nothing."""
    entry = log_entry(upload)
    proof = entry.get("inclusionProof")
    if not proof:
        if upload.version != "0.1" or not entry.get("inclusionPromise"):
            raise StepFailed("inclusion_proof", f"a v{upload.version} bundle needs an inclusion proof")
    elif not isinstance(proof, dict) or not proof.get("checkpoint"):
        raise StepFailed("checkpoint", "the inclusion proof has no checkpoint")
    stamps = upload.document["verificationMaterial"].get("timestampVerificationData")
    if not entry.get("inclusionPromise") and not (isinstance(stamps, dict) and stamps.get("rfc3161Timestamps")):
        raise StepFailed("timestamp", "no source of signed time: neither an inclusion promise nor a timestamp")


def parse_entry(upload: BundleUpload) -> TransparencyLogEntry:
    """The library's view of the log entry alone, of a bundle that the library does not take. Raises StepFailed."""
    promised = lacks_proof(upload)
    entry = {**log_entry(upload), "inclusionProof": _NO_PROOF} if promised else log_entry(upload)
    try:
        inner = rekor.TransparencyLogEntry.from_json(orjson.dumps(entry))
        return PromisedEntry(inner) if promised else TransparencyLogEntry(inner)
    except ValueError as fault:
        raise StepFailed("malformed", f"not a well-formed log entry: {first_line(fault)}") from fault


def parse_timestamps(upload: BundleUpload) -> TimestampVerificationData | None:
    """The library's view of the timestamp tokens, None if there are none. Raises StepFailed timestamp."""
    stamps = upload.document["verificationMaterial"].get("timestampVerificationData")
    if not isinstance(stamps, dict) or not stamps.get("rfc3161Timestamps"):
        return None
    try:
        return TimestampVerificationData.from_json(orjson.dumps(stamps))
    except (ValueError, Error) as fault:
        raise StepFailed("timestamp", f"not well-formed timestamps: {first_line(fault)}") from fault


def _with_placeholder(upload: BundleUpload) -> bytes:
    material = upload.document["verificationMaterial"]
    entry = {**log_entry(upload), "inclusionProof": _NO_PROOF}
    return orjson.dumps({**upload.document, "verificationMaterial": {**material, "tlogEntries": [entry]}})
