"""Verifying, with registered keys: DSSE envelopes over their PAE, and the signers that make them.

The plan for an envelope (DSSE protocol.md, "Verification"), and the codes of what does not hold:
  1. at least one signature, at most 16; at most 64 keys: zero_signatures, too_many_signatures, too_many_keys
  2. for each signature, the key its `keyid` names, then every other: the hint is not authenticated, it only orders
  3. the signature is over PAE(payloadType, payload) and nothing else: bad_signature, unknown_key
One good signature by a registered key is enough; signatures by strangers beside it say nothing, and harm nothing.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias, assert_never

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from securesystemslib.signer import CryptoSigner, Signer, SSlibKey  # type: ignore[attr-defined]  # not in an __all__

from evidence_api.domain.digest import canonical, digest_of, sha256_hex
from evidence_api.domain.errors import Malformed
from evidence_api.domain.verification import Failed, KeySigner, Verification, Verified
from evidence_api.formats import dsse
from evidence_api.formats.dsse import Envelope, Signature

MAX_KEYS = 64
_SECOND_ROUND = 256  # pairs of key and signature, of at most 1,024
MIN_RSA_BITS = 2048
CHECKS = ("envelope_signature",)

_P256 = ec.ECDSA(hashes.SHA256())
_P384 = ec.ECDSA(hashes.SHA384())
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.AUTO)

Verifying: TypeAlias = Callable[[bytes, bytes], None]
PublicHalf: TypeAlias = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key, loaded once. Equal keys have equal `key_id` and `name`.

    `key_id` is sha256:<hex> of the SubjectPublicKeyInfo (DER); `algorithm` one of ed25519, ecdsa-p256, ecdsa-p384,
    rsa-pss-sha256; `hints` the key ids by which envelopes may name it (ours, securesystemslib's, Sigstore's, its name);
    `verify(signature, data)` raises InvalidSignature.
    """

    key_id: str
    algorithm: str
    name: str
    pem: str = field(repr=False, compare=False)
    hints: frozenset[str] = field(repr=False, compare=False)
    verify: Verifying = field(repr=False, compare=False)
    half: PublicHalf = field(repr=False, compare=False)


KeyRing: TypeAlias = tuple[PublicKey, ...]


def load_public_key(pem: bytes | str, name: str = "") -> PublicKey:
    """Load a PEM public key. Raises Malformed: not PEM, or not Ed25519, ECDSA P-256/P-384, RSA of 2048 bits and up."""
    try:
        key = serialization.load_pem_public_key(pem.encode() if isinstance(pem, str) else pem)
    except (ValueError, UnsupportedAlgorithm) as fault:
        raise Malformed(f"not a PEM public key: {fault}", path="key") from fault
    return public_key(supported(key), name)


def public_key(key: PublicHalf, name: str = "") -> PublicKey:
    """A key already loaded as our PublicKey. Raises Malformed for a curve or size outside the table."""
    algorithm, verify = _verification(key)
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    digest = sha256_hex(spki)
    encoded = b64encode(bytes.fromhex(digest)).decode()  # how Sigstore's tools hint at a key
    hints = {f"sha256:{digest}", digest, encoded, SSlibKey.from_crypto(key).keyid, name} - {""}
    return PublicKey(f"sha256:{digest}", algorithm, name, pem, frozenset(hints), verify, key)


def verify_envelope(envelope: Envelope, keys: Sequence[PublicKey]) -> Verification:
    """Check an envelope against registered keys: Verified by one of them, or Failed with the step's code."""
    # 1. bounds
    if not envelope.signatures:
        return Failed("zero_signatures", "the envelope has no signature")
    if len(envelope.signatures) > dsse.MAX_SIGNATURES:
        return Failed("too_many_signatures", f"{len(envelope.signatures)} signatures, at most {dsse.MAX_SIGNATURES}")
    if len(keys) > MAX_KEYS:
        return Failed("too_many_keys", f"{len(keys)} keys to try, at most {MAX_KEYS}")
    # 2. and 3. the hinted key first, then the others
    signed = dsse.pae(envelope.payload_type, envelope.payload)
    for signature in envelope.signatures:
        for key in sorted(keys, key=lambda key: signature.keyid not in key.hints) if len(keys) > 1 else keys:
            if _made(key, signature.sig, signed):
                return verified_by(key, tuple(keys))
    return _why_not(envelope, keys)


@lru_cache(maxsize=1024)
def verified_by(key: PublicKey, keys: tuple[PublicKey, ...]) -> Verified:
    """The result of an envelope whose signature `key`, one of the trusted `keys`, made."""
    return Verified(KeySigner(key.key_id, key.algorithm, key.name), _ring_digest(keys), CHECKS)


def _why_not(envelope: Envelope, keys: Sequence[PublicKey]) -> Failed:
    """Name the reason no signature held. The raw payload is tried only where that stays cheap, so that an
    envelope nobody here knows costs no second round of the largest size."""
    pairs = [(key, one) for one in envelope.signatures for key in keys]
    named = [(key, one) for key, one in pairs if one.keyid in key.hints]
    if any(_made(key, one.sig, envelope.payload) for key, one in (pairs if len(pairs) <= _SECOND_ROUND else named)):
        return Failed("bad_signature", "signed over the raw payload instead of the DSSE pre-authentication encoding")
    if named:
        key = named[0][0]
        return Failed("bad_signature", f"key {key.name or key.key_id} is registered and did not make the signature")
    tried = f"none of {len(keys)} registered keys" if keys else "no key is registered, so none"
    return Failed("unknown_key", f"{tried} made a signature of the envelope")


def _made(key: PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _ring_digest(keys: tuple[PublicKey, ...]) -> str:
    """What a result names as its root of trust: the digest of the sorted ids of all keys that were trusted."""
    return digest_of(canonical(sorted(key.key_id for key in keys)))


def supported(key: object) -> PublicHalf:
    """The key, if it is of a type we verify with. Raises Malformed."""
    if isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        return key
    raise Malformed(f"keys of type {type(key).__name__} are not supported", path="key")


def _verification(key: PublicHalf) -> tuple[str, Verifying]:
    """The algorithm's name and its check, bound once: the hot path looks nothing up."""
    match key:
        case ed25519.Ed25519PublicKey():
            return "ed25519", key.verify
        case ec.EllipticCurvePublicKey():
            if isinstance(key.curve, ec.SECP256R1):
                return "ecdsa-p256", _ecdsa(key, _P256)
            if isinstance(key.curve, ec.SECP384R1):
                return "ecdsa-p384", _ecdsa(key, _P384)
            raise Malformed(f"curve {key.curve.name} is not P-256 or P-384", path="key")
        case rsa.RSAPublicKey():
            if key.key_size < MIN_RSA_BITS:
                raise Malformed("RSA key too short", path="key", limit=MIN_RSA_BITS, value=key.key_size)
            return "rsa-pss-sha256", lambda signature, data: key.verify(signature, data, _PSS, hashes.SHA256())
        case _:
            assert_never(key)


def _ecdsa(key: ec.EllipticCurvePublicKey, algorithm: ec.ECDSA) -> Verifying:
    """DSSE fixes no encoding of ECDSA signatures: nearly all are DER, its own printed example is r and s side by
    side (IEEE P1363). The second is tried only when the first does not hold and the length fits."""
    size = (key.curve.key_size + 7) // 8

    def verify(signature: bytes, data: bytes) -> None:
        try:
            key.verify(signature, data, algorithm)
        except InvalidSignature:
            if len(signature) != 2 * size:
                raise
            r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
            key.verify(utils.encode_dss_signature(r, s), data, algorithm)

    return verify


class EnvelopeSigner:
    """Signs DSSE envelopes with any securesystemslib Signer: a key in memory here, a KMS or HSM elsewhere."""

    def __init__(self, signer: Signer, name: str = "") -> None:
        half = signer.public_key
        if not isinstance(half, SSlibKey):
            raise Malformed(f"signers of type {type(signer).__name__} are not supported", path="key")
        self._signer = signer
        self.public_key = public_key(supported(half._crypto_key()), name)  # noqa: SLF001  its only way to the key

    @classmethod
    def generate(cls, algorithm: Literal["ed25519", "ecdsa-p256"] = "ed25519", name: str = "") -> "EnvelopeSigner":
        """A fresh key pair."""
        made = CryptoSigner.generate_ed25519() if algorithm == "ed25519" else CryptoSigner.generate_ecdsa()
        return cls(made, name)

    @classmethod
    def from_pem(cls, pem: bytes | str, name: str = "") -> "EnvelopeSigner":
        """Load an unencrypted PKCS#8 PEM private key. Raises Malformed."""
        return cls(_load_private(pem), name)

    def to_pem(self) -> bytes:
        """The private key as PKCS#8 PEM. Raises Malformed for a key that is not in memory."""
        if not isinstance(self._signer, CryptoSigner):
            raise Malformed("the private key is not in memory, so it cannot be written out", path="key")
        return self._signer.private_bytes

    def sign(self, payload_type: str, payload: bytes) -> Envelope:
        """An envelope with one signature over the PAE, its keyid our key id."""
        made = self._signer.sign(dsse.pae(payload_type, payload))
        return Envelope(payload_type, payload, (Signature(self.public_key.key_id, bytes.fromhex(made.signature)),))


class NoteSigner:
    """Signs log checkpoints: plain Ed25519 over the given bytes."""

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes_raw()  # 32 bytes

    @classmethod
    def generate(cls) -> "NoteSigner":
        """A fresh key pair."""
        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes | str) -> "NoteSigner":
        """Load an unencrypted PKCS#8 PEM Ed25519 key. Raises Malformed."""
        key = _load_pem(pem)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise Malformed("checkpoints are signed with Ed25519 keys only", path="key")
        return cls(key)

    def to_pem(self) -> bytes:
        """The private key as PKCS#8 PEM."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature."""
        return self._key.sign(data)


def _load_private(pem: bytes | str) -> CryptoSigner:
    key = _load_pem(pem)
    if not isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Malformed(f"keys of type {type(key).__name__} are not supported", path="key")
    try:
        return CryptoSigner(key)
    except ValueError as fault:
        raise Malformed(f"not a key we sign with: {fault}", path="key") from fault


def _load_pem(pem: bytes | str) -> object:
    try:
        return serialization.load_pem_private_key(pem.encode() if isinstance(pem, str) else pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise Malformed("not an unencrypted PEM private key", path="key") from fault
