"""DSSE envelopes signed by fresh keys of each algorithm the server verifies."""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from evidence_api.engines.keys import PublicKey, load_public_key
from evidence_api.formats.dsse import IN_TOTO, Envelope, Signature, pae

Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class TestKey:
    """A key pair; `sign` makes the signature the algorithm's standard asks for."""

    __test__ = False  # not a test class, whatever pytest makes of the name

    private: Private

    @property
    def pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def private_pem(self) -> bytes:
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def public(self, name: str = "") -> PublicKey:
        return load_public_key(self.pem, name)

    def sign(self, data: bytes, *, salt: int = 32) -> bytes:
        match self.private:
            case ed25519.Ed25519PrivateKey():
                return self.private.sign(data)
            case ec.EllipticCurvePrivateKey():
                digest = hashes.SHA384() if self.private.curve.key_size == 384 else hashes.SHA256()
                return self.private.sign(data, ec.ECDSA(digest))
            case rsa.RSAPrivateKey():
                return self.private.sign(
                    data, padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=salt), hashes.SHA256()
                )

    def envelope(self, payload: bytes, *, keyid: str = "", payload_type: str = IN_TOTO) -> Envelope:
        return Envelope(payload_type, payload, (Signature(keyid, self.sign(pae(payload_type, payload))),))


def fresh_keys() -> Mapping[str, TestKey]:
    """One key pair of each algorithm."""
    return {
        "ed25519": TestKey(ed25519.Ed25519PrivateKey.generate()),
        "ecdsa-p256": TestKey(ec.generate_private_key(ec.SECP256R1())),
        "ecdsa-p384": TestKey(ec.generate_private_key(ec.SECP384R1())),
        "rsa-pss-sha256": TestKey(rsa.generate_private_key(65537, 2048)),
    }
