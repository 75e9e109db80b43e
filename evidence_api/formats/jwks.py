"""Sets of Ed25519 keys (RFC 7517, RFC 8037), and the one name every reader gives a key: its thumbprint (RFC 7638)."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.formats import strict_json

MAX_KEYS = 16
MAX_BYTES = 64 * 1024
_SIZE = 32


@dataclass(frozen=True, slots=True)
class FederationKey:
    """An Ed25519 public key (32 bytes); `key_id` is its thumbprint, base64url without padding."""

    public: bytes

    @property
    def key_id(self) -> str:
        """RFC 7638 section 3: SHA-256 of the required members in order, without blanks."""
        return thumbprint(self.public)

    def to_jwk(self) -> dict[str, str]:
        """The key as a JSON Web Key."""
        x = _encoded(self.public)
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.key_id, "alg": "EdDSA", "use": "sig"}


def thumbprint(public: bytes) -> str:
    """The RFC 7638 thumbprint of an Ed25519 public key."""
    return _encoded(sha256(b'{"crv":"Ed25519","kty":"OKP","x":"%s"}' % _encoded(public).encode()).digest())


def to_jwks(keys: Iterable[FederationKey]) -> dict[str, Any]:
    """The set of these keys."""
    return {"keys": [key.to_jwk() for key in keys]}


def parse_jwks(body: bytes, *, what: str = "JWKS") -> tuple[FederationKey, ...]:
    """The Ed25519 keys of a set for signatures, each once, in order. Keys of other types are passed over.

    Raises Malformed `jwks` (not a key set, none of ours in it, a private key in it), TooLarge.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge(f"{what} is too large", limit=MAX_BYTES, value=len(body))
    document = strict_json.load(body, what=what)
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        raise Malformed(f"{what} is no key set: it has no list `keys`", code="jwks", path="keys")
    if len(listed) > MAX_KEYS:
        raise TooLarge(f"{what} has too many keys", limit=MAX_KEYS, value=len(listed))
    found = {key.key_id: key for place, one in enumerate(listed) if (key := _key(one, f"keys[{place}]", what))}
    if not found:
        raise Malformed(f"{what} has no Ed25519 key (kty OKP, crv Ed25519)", code="jwks", path="keys")
    return tuple(found.values())


def _key(jwk: object, path: str, what: str) -> FederationKey | None:
    if not isinstance(jwk, Mapping):
        raise Malformed(f"{what}: {path} is no key", code="jwks", path=path)
    if "d" in jwk:
        raise Malformed(f"{what}: {path} holds a private key: take it out of use", code="jwks", path=f"{path}.d")
    if (jwk.get("kty"), jwk.get("crv")) != ("OKP", "Ed25519") or jwk.get("use", "sig") != "sig":
        return None
    x = jwk.get("x")
    try:
        public = urlsafe_b64decode(f"{x}==") if isinstance(x, str) else b""
    except (binascii.Error, ValueError) as fault:
        raise Malformed(f"{what}: {path}.x is not base64url", code="jwks", path=f"{path}.x") from fault
    if len(public) != _SIZE or _encoded(public) != x:
        raise Malformed(f"{what}: {path}.x is not {_SIZE} bytes in base64url", code="jwks", path=f"{path}.x")
    return FederationKey(public)


def _encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
