"""HTTP message signatures, the keys: what RFC 9421 section 3.3 has of algorithms, and the Ed25519 key of a federation.

The algorithm is always that of the key as it was registered, never what a message says of itself.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from evidence_api.domain.errors import BadSignature, Malformed
from evidence_api.formats.http_message import Fields, Message
from evidence_api.formats.http_signature import SignatureInput, Signed, signature_base, signature_fields
from evidence_api.formats.jwks import FederationKey

Public: TypeAlias = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=64)
_CURVES: dict[str, tuple[type[ec.EllipticCurve], hashes.HashAlgorithm, int]] = {
    "ecdsa-p256-sha256": (ec.SECP256R1, hashes.SHA256(), 32),
    "ecdsa-p384-sha384": (ec.SECP384R1, hashes.SHA384(), 48),
}


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """A key and the one algorithm it is used with: a public key, or bytes for hmac-sha256."""

    algorithm: str
    key: Public | bytes = field(repr=False)

    def verify(self, base: bytes, signature: bytes) -> None:
        """Raises BadSignature; Malformed where key and algorithm are not of one kind."""
        try:
            self._verify(base, signature)
        except (InvalidSignature, ValueError) as fault:
            raise BadSignature("the key did not sign this message") from fault

    def _verify(self, base: bytes, signature: bytes) -> None:
        match self.algorithm, self.key:
            case "ed25519", ed25519.Ed25519PublicKey() as key:  # section 3.3.6
                key.verify(signature, base)
            case "ecdsa-p256-sha256" | "ecdsa-p384-sha384", ec.EllipticCurvePublicKey() as key:  # 3.3.4, 3.3.5
                _verify_ecdsa(self.algorithm, key, base, signature)
            case "rsa-pss-sha512", rsa.RSAPublicKey() as key:  # section 3.3.1
                key.verify(signature, base, _PSS, hashes.SHA512())
            case "rsa-v1_5-sha256", rsa.RSAPublicKey() as key:  # section 3.3.2
                key.verify(signature, base, padding.PKCS1v15(), hashes.SHA256())
            case "hmac-sha256", bytes() as key:  # section 3.3.3
                code = hmac.HMAC(key, hashes.SHA256())
                code.update(base)
                code.verify(signature)
            case _:
                raise Malformed("the key is not of its algorithm", code="algorithm_mismatch", value=self.algorithm)


def _verify_ecdsa(algorithm: str, key: ec.EllipticCurvePublicKey, base: bytes, signature: bytes) -> None:
    curve, digest, size = _CURVES[algorithm]
    if not isinstance(key.curve, curve) or len(signature) != 2 * size:
        raise InvalidSignature
    halves = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    key.verify(utils.encode_dss_signature(*halves), base, ec.ECDSA(digest))


def federation_key(key: FederationKey) -> RegisteredKey:
    """A federation's key, ready to verify. Raises Malformed for bytes that are no point of the curve."""
    try:
        return RegisteredKey("ed25519", ed25519.Ed25519PublicKey.from_public_bytes(key.public))
    except (ValueError, UnsupportedAlgorithm) as fault:
        raise Malformed("not an Ed25519 public key", code="jwks", path="x") from fault


def verify_signed(message: Message, signed: Signed, key: RegisteredKey) -> None:
    """Check that this key made this signature over this message (section 3.2). Raises BadSignature, Malformed
    `component` for a component the message has not."""
    key.verify(signature_base(message, signed.input), signed.signature)


class MessageSigner:
    """An Ed25519 private key that signs messages."""

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public = FederationKey(raw)
        self.key_id = self.public.key_id

    @classmethod
    def generate(cls) -> "MessageSigner":
        """A new key."""
        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes) -> "MessageSigner":
        """The key of a PEM without password. Raises Malformed for any other type of key."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
            raise Malformed(f"not a PEM private key: {fault}", path="key") from fault
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise Malformed("a federation's key is Ed25519", code="algorithm_mismatch", path="key")
        return cls(key)

    def to_pem(self) -> bytes:
        """The private key as PEM (PKCS 8)."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, label: str, message: Message, described: SignatureInput) -> Fields:
        """The two fields that sign this message (section 3.1). Raises Malformed `component`."""
        return signature_fields(label, described, self._key.sign(signature_base(message, described)))
