"""Verifying, beside the certificate path: a bundle made with a managed (long-lived) key.

The library binds log entries to certificates alone, so the plan is ours here; proof, checkpoint, promise and
timestamps are its steps still. In order, with the codes of what does not hold:
  1. a key is given: unknown_key
  2. the key signed exactly these bytes: bad_signature, message_digest
  3. a verified source of time, a timestamp token or the log's promise: timestamp
  4. the entry is in the log's tree, the log signed that tree and promised the entry, and was trusted when it did:
     inclusion_proof, checkpoint, signed_entry_timestamp, log_unknown, log_key_expired
  5. the entry is about this signature, this content and this key (engines/sigstore_binding.py):
     log_entry_mismatch, log_entry_type, log_entry_payload, log_entry_signature, log_entry_signer
Unsupported: an Ed25519 signature over an artifact, which signs the artifact itself and not its digest, and what
sigstore_binding.py cannot check.
"""

from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from evidence_api.domain.verification import Failed, KeySigner, Unsupported, Verification, Verified
from evidence_api.engines.keys import MAX_KEYS, PublicKey
from evidence_api.engines.sigstore_binding import check_binding
from evidence_api.engines.sigstore_entry import signer_of_key
from evidence_api.engines.sigstore_identity import StepFailed
from evidence_api.engines.sigstore_plan import Plan, promised_at
from evidence_api.engines.sigstore_shape import lacks_proof, parse_entry, parse_timestamps
from evidence_api.formats import dsse
from evidence_api.formats.dsse import Envelope
from evidence_api.formats.upload import BundleUpload, MessageSignature

CHECKS = ("signature", "inclusion_proof", "checkpoint", "timestamp", "log_entry")
PROMISED_CHECKS = ("signature", "inclusion_promise", "timestamp", "log_entry")
_PREHASHED = utils.Prehashed(hashes.SHA256())
_SHA256_BYTES = 32


def check_managed(upload: BundleUpload, key: PublicKey | None, plan: Plan, root_digest: str) -> Verification:
    """Run the plan on a bundle of good shape. Raises StepFailed, or what the library raises."""
    # 1. a key is given
    if key is None:
        hint = f" (hint {upload.managed_key[:80]!r})" if upload.managed_key else ""
        return Failed("unknown_key", f"signed with a managed key{hint}, and none was given")
    # 2. the key signed these bytes
    _check_signature(upload, key)
    if upload.message is not None and isinstance(key.half, ed25519.Ed25519PublicKey):
        return Unsupported(f"{key.algorithm} signature over an artifact that is not here")
    # 3. a verified source of time
    entry = parse_entry(upload)
    established = [*plan.tokens_at(parse_timestamps(upload), _signature(upload)), *promised_at(entry)]
    if not established:
        raise StepFailed("timestamp", "no verified source of time")
    # 4. the log vouches for the entry
    entry._verify(plan.root.log_keys())  # noqa: SLF001  the library's steps [4] and [5], public nowhere
    inner = entry._inner  # noqa: SLF001  the same
    times = [one.time for one in established]
    plan.root.check_log(inner.log_id.key_id, times)
    # 5. the entry is about them
    uncheckable = check_binding(inner.canonicalized_body, upload, signer_of_key(key.key_id))
    if uncheckable:
        return Unsupported(uncheckable)
    checks = PROMISED_CHECKS if lacks_proof(upload) else CHECKS
    return Verified(KeySigner(key.key_id, key.algorithm, key.name), root_digest, checks, min(times))


def managed_key(upload: BundleUpload, keys: Sequence[PublicKey]) -> PublicKey | None:
    """The key a bundle was made with: the one its hint names, else the one that made the signature. The hint is not
    authenticated and every tool writes its own, so it only orders (DSSE protocol.md says the same of keyid)."""
    named = next((key for key in keys if upload.managed_key in key.hints), None)
    if named is not None or len(keys) == 1:
        return named or keys[0]
    return next((key for key in keys[:MAX_KEYS] if _made(key, upload)), None)


def _made(key: PublicKey, upload: BundleUpload) -> bool:
    if upload.message is not None and isinstance(key.half, ed25519.Ed25519PublicKey):
        return False  # cannot be told without the artifact
    if upload.envelope is not None and not upload.envelope.signatures:
        return False
    try:
        _check_signature(upload, key)
    except StepFailed:
        return False
    return True


def _signature(upload: BundleUpload) -> bytes:
    """What the timestamp tokens are over."""
    if upload.envelope is not None:
        return upload.envelope.signatures[0].sig
    return b"" if upload.message is None else upload.message.signature


def _check_signature(upload: BundleUpload, key: PublicKey) -> None:
    try:
        if upload.envelope is not None:
            _verify_envelope(upload.envelope, key)
        elif upload.message is not None:
            _verify_digest(upload.message, key)
    except InvalidSignature as fault:
        raise StepFailed("bad_signature", f"key {key.name or key.key_id} did not make the signature") from fault


def _verify_envelope(envelope: Envelope, key: PublicKey) -> None:
    """Over the PAE; with RSA also PKCS #1 v1.5, which Sigstore's tools use. Raises InvalidSignature."""
    signature, signed = envelope.signatures[0].sig, dsse.pae(envelope.payload_type, envelope.payload)
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        if not isinstance(key.half, rsa.RSAPublicKey):
            raise
        key.half.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())


def _verify_digest(message: MessageSignature, key: PublicKey) -> None:
    """Over the digest alone, as the artifact is not here; Ed25519 signs the artifact itself, which the caller
    says. Raises StepFailed message_digest, InvalidSignature."""
    if len(message.digest) != _SHA256_BYTES:
        raise StepFailed("message_digest", f"digests of type {message.algorithm!r} are not SHA-256")
    if isinstance(key.half, ec.EllipticCurvePublicKey):
        key.half.verify(message.signature, message.digest, ec.ECDSA(_PREHASHED))
    elif not isinstance(key.half, ed25519.Ed25519PublicKey):
        key.half.verify(message.signature, message.digest, padding.PKCS1v15(), _PREHASHED)
