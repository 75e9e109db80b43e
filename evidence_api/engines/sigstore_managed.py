"""Verifying, beside the certificate path: a bundle made with a managed (long-lived) key.

The library binds log entries to certificates alone, so the plan is ours here; proof, checkpoint and promise are
its steps still. In order, with the codes of what does not hold:
  1. a key is given: unknown_key
  2. the key signed exactly these bytes: bad_signature, message_digest
  3. the entry is in the log's tree, the log signed that tree and promised the entry, and was trusted when it did:
     inclusion_proof, checkpoint, signed_entry_timestamp, log_unknown, log_key_expired
  4. the entry is about this signature, this content and this key: log_entry_mismatch
Some of it cannot be checked for some bundles; `_uncheckable` names them, and they are `Unsupported` after steps 1, 2.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, utils
from sigstore.models import TransparencyLogEntry
from sigstore_models.rekor import v1 as rekor

from evidence_api.domain.digest import sha256_hex
from evidence_api.domain.errors import Refused
from evidence_api.domain.verification import Failed, KeySigner, Unsupported, Verification, Verified
from evidence_api.engines.keys import PublicKey, load_public_key
from evidence_api.engines.sigstore_identity import StepFailed
from evidence_api.engines.sigstore_root import LoadedRoot, first_line
from evidence_api.engines.sigstore_shape import INTOTO, WITHOUT_PROOF, lacks_proof, log_entry
from evidence_api.formats import dsse, strict_json
from evidence_api.formats.upload import BundleUpload, MessageSignature

CHECKS = ("signature", "inclusion_proof", "checkpoint", "timestamp", "log_entry")
_PREHASHED = utils.Prehashed(hashes.SHA256())
_SHA256_BYTES = 32


def check_managed(upload: BundleUpload, key: PublicKey | None, root: LoadedRoot, root_digest: str) -> Verification:
    """Run the plan on a bundle of good shape. Raises StepFailed, or what the library raises."""
    # 1. a key is given
    if key is None:
        hint = f" (hint {upload.managed_key[:80]!r})" if upload.managed_key else ""
        return Failed("unknown_key", f"signed with a managed key{hint}, and none was given")
    # 2. the key signed these bytes
    _check_signature(upload, key)
    uncheckable = _uncheckable(upload, key)
    if uncheckable:
        return Unsupported(uncheckable)
    # 3. the log vouches for the entry
    entry = _parse_entry(upload)
    entry._verify(root.log_keys())  # noqa: SLF001  the library's steps [4] and [5], public nowhere
    inner = entry._inner  # noqa: SLF001  the same
    moment = datetime.fromtimestamp(inner.integrated_time or 0, tz=UTC)
    root.check_log(inner.log_id.key_id, (moment,))
    # 4. the entry is about them
    _check_body(inner.canonicalized_body, upload, key)
    return Verified(KeySigner(key.key_id, key.algorithm, key.name), root_digest, CHECKS, moment)


def _uncheckable(upload: BundleUpload, key: PublicKey) -> str:
    """What of the bundle no step here can check, "" if all can."""
    entry = log_entry(upload)
    stamps = upload.document["verificationMaterial"].get("timestampVerificationData")
    if INTOTO in upload.log_entries:
        return f"log entry {INTOTO}"
    if lacks_proof(upload):
        return WITHOUT_PROOF
    if not (entry.get("inclusionPromise") and entry.get("integratedTime")):
        return "log entry without an inclusion promise, of a bundle signed with a managed key"
    if stamps and stamps.get("rfc3161Timestamps"):
        return "timestamp token of a bundle signed with a managed key"
    if upload.message is not None and not isinstance(key.half, ec.EllipticCurvePublicKey):
        return f"{key.algorithm} signature over an artifact that is not here"
    return ""


def _check_signature(upload: BundleUpload, key: PublicKey) -> None:
    try:
        if upload.envelope is not None:
            signed = dsse.pae(upload.envelope.payload_type, upload.envelope.payload)
            key.verify(upload.envelope.signatures[0].sig, signed)
        elif upload.message is not None:
            _verify_digest(upload.message, key)
    except InvalidSignature as fault:
        raise StepFailed("bad_signature", f"key {key.name or key.key_id} did not make the signature") from fault


def _verify_digest(message: MessageSignature, key: PublicKey) -> None:
    """Over the digest alone, as the artifact is not here; Ed25519 signs the artifact itself, which `_uncheckable`
    says. Raises StepFailed message_digest, InvalidSignature."""
    if len(message.digest) != _SHA256_BYTES:
        raise StepFailed("message_digest", f"digests of type {message.algorithm!r} are not SHA-256")
    if isinstance(key.half, ec.EllipticCurvePublicKey):
        key.half.verify(message.signature, message.digest, ec.ECDSA(_PREHASHED))
    elif not isinstance(key.half, ed25519.Ed25519PublicKey):
        key.half.verify(message.signature, message.digest, padding.PKCS1v15(), _PREHASHED)


def _parse_entry(upload: BundleUpload) -> TransparencyLogEntry:
    try:
        return TransparencyLogEntry(rekor.TransparencyLogEntry.from_json(orjson.dumps(log_entry(upload))))
    except ValueError as fault:
        raise StepFailed("malformed", f"not a well-formed log entry: {first_line(fault)}") from fault


def _check_body(body: bytes, upload: BundleUpload, key: PublicKey) -> None:
    """The entry's body (rekor, types hashedrekord 0.0.1 and dsse 0.0.1) says the same digest, signature and key."""
    document = strict_json.load_object(body, what="log entry")
    named = f"{document.get('kind')} {document.get('apiVersion')}"
    try:
        hashed, signature, verifier = _stated(document["spec"], named)
        theirs = (
            hashed["algorithm"],
            hashed["value"],
            dsse.decode_base64(signature, "signature"),
            load_public_key(dsse.decode_base64(verifier, "publicKey")).key_id,
        )
    except (KeyError, TypeError, ValueError, Refused) as fault:
        raise StepFailed("log_entry_mismatch", f"a log entry of type {named[:80]} does not fit the bundle") from fault
    if upload.envelope is not None:
        content = (sha256_hex(upload.envelope.payload), upload.envelope.signatures[0].sig)
    elif upload.message is not None:
        content = (upload.message.digest.hex(), upload.message.signature)
    if theirs != ("sha256", *content, key.key_id) or (named.startswith("dsse") != (upload.envelope is not None)):
        raise StepFailed("log_entry_mismatch", "the log entry is about other content, another signature or another key")


def _stated(spec: Mapping[str, Any], named: str) -> tuple[Mapping[str, Any], object, object]:
    """(digest, signature, key) of an entry. Raises KeyError, TypeError or ValueError when it is of another shape."""
    if named == "hashedrekord 0.0.1":
        return spec["data"]["hash"], spec["signature"]["content"], spec["signature"]["publicKey"]["content"]
    if named == "dsse 0.0.1":
        (only,) = spec["signatures"]
        return spec["payloadHash"], only["signature"], only["verifier"]
    raise ValueError(named)
