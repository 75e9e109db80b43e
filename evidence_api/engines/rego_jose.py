"""JOSE for policies: base64url, keys (PEM or JWK) and signatures, read as OPA's io.jwt builtins read them.

Bounds: a token and a key text are at most 256 KiB, an RSA modulus 1,024 to 16,384 bits. What cannot be read raises
ValueError or TypeError, which the engine reports as the builtin's error; a signature that is wrong is only false.
"""

import base64
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

MAX_TEXT = 256 * 1024
_RSA_BITS = (1024, 16_384)
_URL_TEXT = re.compile(r"[A-Za-z0-9_-]*={0,2}")
_PEM = re.compile(
    r"^-----BEGIN ([^\n]*?)-----[ \t\r]*\n(.*?)^-----END \1-----[ \t\r]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_CURVES: Mapping[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
_HASHES: Mapping[str, hashes.HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
ALGORITHMS = frozenset({f"{kind}{size}" for kind in ("HS", "RS", "PS", "ES") for size in _HASHES} | {"EdDSA"})

# A JWK may state these though no token is signed with them (RFC 7518 section 4, RFC 8812): it is passed over.
_OTHER_ALGORITHMS = frozenset(
    {"none", "ES256K", "RSA1_5", "RSA-OAEP", "dir", "ECDH-ES"}
    | {f"RSA-OAEP-{size}" for size in _HASHES}
    | {f"{kind}A{size}{mode}KW" for size in (128, 192, 256) for kind, mode in (("", ""), ("", "GCM"), ("ECDH-ES+", ""))}
    | {"PBES2-HS256+A128KW", "PBES2-HS384+A192KW", "PBES2-HS512+A256KW"}
)

Material: TypeAlias = Any  # a public or private key of `cryptography`, or a symmetric key's bytes


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and of a JWK its algorithm and id ("": not stated)."""

    material: Material
    algorithm: str = ""
    key_id: str = ""


def text_of(value: object, what: str) -> str:
    """A string argument within its bound. Raises TypeError, ValueError."""
    if not isinstance(value, str):
        raise TypeError(f"{what} expects text")
    if len(value) > MAX_TEXT:
        raise ValueError(f"{what} is longer than {MAX_TEXT} characters")
    return value


def decode_url(text: str) -> bytes:
    """base64url with or without padding (RFC 7515 appendix C); line ends are passed over. Raises ValueError."""
    if not text.endswith("="):
        text += {0: "", 2: "==", 3: "="}.get(len(text.encode()) % 4, "=")
    text = text.replace("\r", "").replace("\n", "")
    if len(text) % 4 or not _URL_TEXT.fullmatch(text):
        raise ValueError("illegal base64url string")
    return base64.urlsafe_b64decode(text)


def read_keys(text: str) -> list[Key]:
    """The keys of a PEM certificate, a PEM public key, a JWK or a JWK set. Raises ValueError, TypeError."""
    if block := _PEM.search(text):
        if block.end() != len(text):
            raise ValueError("extra data after a PEM certificate block")
        return [Key(_pem_key(block[1], base64.b64decode("".join(block[2].split()), validate=True)))]
    document = orjson.loads(text)
    if not isinstance(document, dict):
        raise TypeError("a JWK (set) is an object")
    entries = document.get("keys", [document])
    if not isinstance(entries, list):
        raise TypeError("keys of a JWK set is an array")
    keys = [_jwk(entry) for entry in entries]
    if unknown := [key.algorithm for key in keys if key.algorithm not in {"", *ALGORITHMS, *_OTHER_ALGORITHMS}]:
        raise ValueError(f"a JWK states an unknown algorithm: {unknown[0]:.40}")
    return [key for key in keys if not key.algorithm or key.algorithm in ALGORITHMS]


def _pem_key(label: str, der: bytes) -> Material:
    try:
        if label == "CERTIFICATE":
            return x509.load_der_x509_certificate(der).public_key()
        if label == "PUBLIC KEY":
            return load_der_public_key(der)
    except UnsupportedAlgorithm as fault:
        raise ValueError("the key's algorithm is not supported") from fault
    raise ValueError("failed to extract a key from the PEM certificate")


def _jwk(entry: object) -> Key:
    if not isinstance(entry, dict):
        raise TypeError("a JWK is an object")
    readers: Mapping[object, Callable[[dict[str, Any]], Material]] = {"RSA": _rsa, "EC": _ec, "oct": _oct, "OKP": _okp}
    reader = readers.get(_member(entry, "kty"))
    if reader is None:
        raise ValueError("invalid key type in a JWK")
    return Key(reader(entry), _member(entry, "alg", ""), _member(entry, "kid", ""))


def _member(entry: dict[str, Any], name: str, otherwise: str | None = None) -> str:
    value = entry.get(name, otherwise)
    if not isinstance(value, str):
        raise TypeError(f"{name} of a JWK is text")
    return value


def _octets(entry: dict[str, Any], name: str) -> bytes:
    text = _member(entry, name).rstrip("=").replace("+", "-").replace("/", "_")
    value = decode_url(text)
    if not value:
        raise ValueError(f"{name} of a JWK is empty")
    return value


def _number(entry: dict[str, Any], name: str) -> int:
    return int.from_bytes(_octets(entry, name))


def _rsa(entry: dict[str, Any]) -> Material:
    public = rsa.RSAPublicNumbers(_number(entry, "e"), _number(entry, "n"))
    if public.n.bit_length() > _RSA_BITS[1]:
        raise ValueError(f"an RSA key has more than {_RSA_BITS[1]} bits")
    if "d" not in entry:
        return public.public_key()
    d, p, q = (_number(entry, name) for name in ("d", "p", "q"))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), public
    )
    return numbers.private_key()


def _ec(entry: dict[str, Any]) -> Material:
    curve = _CURVES.get(_member(entry, "crv"))
    if curve is None:
        raise ValueError("the curve of a JWK is not supported")
    public = ec.EllipticCurvePublicNumbers(_number(entry, "x"), _number(entry, "y"), curve)
    if "d" in entry:
        return ec.EllipticCurvePrivateNumbers(_number(entry, "d"), public).private_key()
    return public.public_key()


def _okp(entry: dict[str, Any]) -> Material:
    if _member(entry, "crv") != "Ed25519":
        raise ValueError("the curve of a JWK is not supported")
    if "d" in entry:
        return ed25519.Ed25519PrivateKey.from_private_bytes(_octets(entry, "d"))
    return ed25519.Ed25519PublicKey.from_public_bytes(_octets(entry, "x"))


def _oct(entry: dict[str, Any]) -> Material:
    return _octets(entry, "k")


def public_part(key: Material) -> Material:
    """The public key of a private one; any other as it is."""
    private = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)
    return key.public_key() if isinstance(key, private) else key


def mac(algorithm: str, secret: bytes, signed: bytes) -> bytes:
    """The HMAC of HS256, HS384 or HS512."""
    return hmac.digest(secret, signed, f"sha{algorithm[2:]}")


def verifies(algorithm: str, key: Material, signed: bytes, signature: bytes, *, strict: bool) -> bool:
    """Whether a signature is right; false where the key is not of the algorithm's kind.

    `strict`: a PSS salt is as long as the hash, an ECDSA signature as long as its curve says (RFC 7518 sections 3.4
    and 3.5). OPA's decode_verify asks for that, its verify_* do not.
    """
    try:
        return _verifies(algorithm, key, signed, signature, strict=strict)
    except (InvalidSignature, KeyError, UnsupportedAlgorithm, ValueError):
        return False


def _verifies(algorithm: str, key: Material, signed: bytes, signature: bytes, *, strict: bool) -> bool:
    if algorithm.startswith("HS") and isinstance(key, bytes):
        return hmac.compare_digest(mac(algorithm, key, signed), signature)
    if algorithm == "EdDSA" and isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, signed)
        return True
    digest = _HASHES[algorithm[2:]]
    if algorithm.startswith("ES") and isinstance(key, ec.EllipticCurvePublicKey):
        half = len(signature) // 2
        pair = (int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
        key.verify(encode_dss_signature(*pair), signed, ec.ECDSA(digest))
        return not strict or len(signature) == 2 * ((key.key_size + 7) // 8)
    if algorithm[:2] in {"RS", "PS"} and isinstance(key, rsa.RSAPublicKey):
        salt = digest.digest_size if strict else padding.PSS.AUTO
        pss = padding.PSS(padding.MGF1(digest), salt)
        key.verify(signature, signed, pss if algorithm[0] == "P" else padding.PKCS1v15(), digest)
        return _RSA_BITS[0] <= key.key_size <= _RSA_BITS[1]
    return False


def sign(algorithm: str, key: Material, signed: bytes) -> bytes:
    """A signature that is a function of its arguments. Raises ValueError: PS and ES answer by chance."""
    if algorithm[:2] in {"PS", "ES"}:
        raise ValueError(f"{algorithm} signs by chance; a policy is a pure function of its input")
    if algorithm == "EdDSA" and isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(signed)
    if algorithm.startswith("HS") and isinstance(key, bytes):
        return mac(algorithm, key, signed)
    if algorithm.startswith("RS") and isinstance(key, rsa.RSAPrivateKey) and key.key_size >= _RSA_BITS[0]:
        return key.sign(signed, padding.PKCS1v15(), _HASHES[algorithm[2:]])
    raise ValueError(f"the key is not one for {algorithm}")
