"""The key packs are signed with: P-256, beside a self-signed certificate that says whose it is.

Signatures are deterministic (RFC 6979): the same pack signed twice is the same bytes. The certificate's
SHA-256 is the fingerprint people compare; that comparison is the only trust a pack asks for.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import Malformed, PackRejected

_YEARS = timedelta(days=3653)
_SIGN = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
_VERIFY = ec.ECDSA(hashes.SHA256())
_SCALAR = 32  # bytes of a number on P-256


@dataclass(frozen=True, slots=True)
class PackKey:
    """Private key and certificate (DER). `sign` gives DER-encoded ECDSA over SHA-256."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """`sha256:<hex>` of the certificate."""
        return digest_of(self.certificate)

    def sign(self, message: bytes) -> bytes:
        """The one signature this key makes over these bytes."""
        return self.private.sign(message, _SIGN)

    def sign_raw(self, message: bytes) -> bytes:
        """The same signature as r || s, 32 bytes each: ES256 of JWS (RFC 7518 section 3.4)."""
        return b"".join(number.to_bytes(_SCALAR, "big") for number in decode_dss_signature(self.sign(message)))

    @property
    def public_pem(self) -> str:
        """The public key (SubjectPublicKeyInfo)."""
        spki = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()

    @property
    def key_id(self) -> str:
        """`sha256:<hex>` of the public key's SubjectPublicKeyInfo."""
        return key_id_of_certificate(self.certificate)

    def to_pem(self) -> bytes:
        """Key (PKCS #8, not encrypted) and certificate, one after the other. Keep it where only the server reads."""
        key = self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = x509.load_der_x509_certificate(self.certificate)
        return key + certificate.public_bytes(serialization.Encoding.PEM)


def generate_pack_key(name: str, *, now: datetime) -> PackKey:
    """A new key, its certificate valid for ten years from `now`; `name` is its common name (1 to 64 characters)."""
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + _YEARS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .sign(private, hashes.SHA256())
    )
    return PackKey(private, certificate.public_bytes(serialization.Encoding.DER))


def _key_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def load_pack_key(pem: bytes) -> PackKey:
    """Key and certificate from one PEM, as `to_pem` writes them. Raises Malformed."""
    try:
        private = serialization.load_pem_private_key(pem, password=None)
        certificate = x509.load_pem_x509_certificate(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise Malformed(f"not a PEM with the pack key and its certificate: {fault}", path="pack_key") from fault
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        raise Malformed("the pack key is not on P-256", path="pack_key")
    if private.public_key() != certificate.public_key():
        raise Malformed("the certificate is not of the pack key", path="pack_key")
    return PackKey(private, certificate.public_bytes(serialization.Encoding.DER))


def public_key_of(certificate: bytes) -> ec.EllipticCurvePublicKey:
    """The P-256 key of a pack's certificate (DER), whose own signature is checked.

    Raises PackRejected `signer_certificate`.
    """
    try:
        loaded = x509.load_der_x509_certificate(certificate)
        key = loaded.public_key()
        loaded.verify_directly_issued_by(loaded)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as fault:
        raise PackRejected(f"the signer's certificate does not hold: {fault}", code="signer_certificate") from fault
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise PackRejected("the signer's key is not on P-256", code="signer_certificate")
    return key


def common_name(certificate: bytes) -> str:
    """Whose certificate (DER) it says it is; "" without a common name."""
    names = x509.load_der_x509_certificate(certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def fingerprint_of_pem(pem: bytes) -> str:
    """What a signer is pinned by: `sha256:<hex>` of a PEM certificate, or of a PEM public key. Raises Malformed."""
    try:
        if b"BEGIN CERTIFICATE" in pem:
            return digest_of(x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER))
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as fault:
        raise Malformed(f"neither a PEM certificate nor a PEM public key: {fault}", path="key") from fault
    return digest_of(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))


def key_id_of_certificate(certificate: bytes) -> str:
    """`sha256:<hex>` of the certificate's SubjectPublicKeyInfo. Raises PackRejected `signer_certificate`."""
    spki = public_key_of(certificate).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return digest_of(spki)


def verify_pack_signature(certificate: bytes, signature: bytes, message: bytes) -> None:
    """Raises PackRejected: `signer_certificate`, `pack_signature`."""
    try:
        public_key_of(certificate).verify(signature, message, _VERIFY)
    except InvalidSignature as fault:
        raise PackRejected("the signature is not of these bytes by this key", code="pack_signature") from fault
