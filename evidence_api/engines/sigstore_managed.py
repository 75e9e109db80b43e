"""Verifying, beside the certificate path: what can be said of a bundle made with a managed (long-lived) key.

The signature is checked, so that a forged bundle or a wrong key fails. The log entry is not yet: the library binds
entries to certificates alone, so the best result here is `Unsupported`, which counts for nothing.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from evidence_api.domain.verification import Failed, Unsupported, Verification
from evidence_api.engines.keys import PublicKey
from evidence_api.formats import dsse
from evidence_api.formats.upload import BundleUpload, MessageSignature

_PREHASHED = utils.Prehashed(hashes.SHA256())
_WHAT = "log entry of a bundle signed with a managed key"


def check_managed(upload: BundleUpload, key: PublicKey | None) -> Verification:
    """Failed unknown_key or bad_signature when the key is not given or did not sign; otherwise Unsupported."""
    if key is None:
        hint = f" (hint {upload.managed_key[:80]!r})" if upload.managed_key else ""
        return Failed("unknown_key", f"signed with a managed key{hint}, and none was given")
    try:
        if upload.envelope is not None:
            signed = dsse.pae(upload.envelope.payload_type, upload.envelope.payload)
            key.verify(upload.envelope.signatures[0].sig, signed)
        elif upload.message is not None:
            _verify_digest(upload.message, key)
    except InvalidSignature:
        return Failed("bad_signature", f"key {key.name or key.key_id} did not make the bundle's signature")
    return Unsupported(_WHAT)


def _verify_digest(message: MessageSignature, key: PublicKey) -> None:
    """Over the digest alone, as the artifact is not here; Ed25519 signs the artifact itself and cannot be checked.

    Raises InvalidSignature, also when the digest is no SHA-256."""
    half = key.half
    if (
        isinstance(half, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
        and len(message.digest) != hashes.SHA256.digest_size
    ):
        raise InvalidSignature("the bundle names no SHA-256 digest")
    if isinstance(half, ec.EllipticCurvePublicKey):
        half.verify(message.signature, message.digest, ec.ECDSA(_PREHASHED))
    elif isinstance(half, rsa.RSAPublicKey):
        half.verify(message.signature, message.digest, padding.PKCS1v15(), _PREHASHED)
