"""io.jwt.*: JSON Web Tokens for policies as OPA has them, without a clock and without chance.

`decode_verify` needs `time` in its constraints where the token states exp or nbf: OPA would read the clock there.
What is raised (ValueError, TypeError) is the builtin's error. Bounds: see engines/rego_jose.py.
"""

import base64
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from evidence_api.engines.rego_jose import (
    ALGORITHMS,
    Key,
    decode_url,
    mac,
    public_part,
    read_keys,
    sign,
    text_of,
    verifies,
)

_TEXTS = ("alg", "kid", "typ", "cty")
_CONSTRAINTS = frozenset({"cert", "secret", "alg", "iss", "aud", "time"})
_UNVERIFIED: list[Any] = [False, {}, {}]
_PARTS = 3
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Token:
    """The three parts of a compact token, still encoded."""

    header: str
    payload: str
    signature: str

    @classmethod
    def of(cls, value: object) -> "Token":
        """Split a token. Raises TypeError, ValueError."""
        parts = text_of(value, "io.jwt").split(".")
        if len(parts) != _PARTS:
            raise ValueError(f"encoded JWT must have 3 sections, found {len(parts)}")
        return cls(*parts)

    @property
    def signed(self) -> bytes:
        """What the signature is over."""
        return f"{self.header}.{self.payload}".encode()

    def read_header(self) -> dict[str, Any]:
        """The JOSE header; a JWE is refused."""
        header = _object(decode_url(self.header), "JWT header")
        if "enc" in header:
            raise ValueError("JWT is a JWE object, which is not supported")
        return header


def _object(content: bytes, what: str) -> dict[str, Any]:
    value = orjson.loads(content)
    if not isinstance(value, dict):
        raise TypeError(f"{what}: decoded JSON type was not an object")
    return value


def decode(value: object) -> list[Any]:
    """[header, payload, signature as hex] without checking anything; the innermost of nested tokens."""
    while True:
        token = Token.of(value)
        header = token.read_header()
        payload = decode_url(token.payload)
        content_type = header.get("cty", "")
        if not isinstance(content_type, str):
            raise TypeError("cty: must be a string")
        if content_type != "JWT":
            return [header, _object(payload, "JWT payload"), decode_url(token.signature).hex()]
        value = payload.decode().strip("\"'")


def _checked(header: dict[str, Any]) -> dict[str, str]:
    """The registered text parameters of a header ("": absent). Raises TypeError, ValueError."""
    if any(not isinstance(header.get(name, ""), str) for name in _TEXTS):
        raise TypeError("alg, kid, typ and cty of a JWT header must be text")
    if "crit" in header and not (isinstance(header["crit"], list) and _critical(header)):
        raise ValueError("crit: must be a nonempty list")
    return {name: header.get(name, "") for name in _TEXTS}


def _critical(header: dict[str, Any]) -> set[str]:
    names: set[str] = set()
    for name in header.get("crit", ()):
        if not isinstance(name, str):
            break
        names.add(name)
    return names


def _candidates(keys: Iterable[Key], header: Mapping[str, str]) -> list[Key]:
    """The key the token names, or else each whose algorithm does not contradict the token's."""
    every = list(keys)
    if header["kid"]:
        for key in every:
            if key.key_id == header["kid"]:
                return [key]
    return [key for key in every if key.algorithm in {"", header["alg"]}]


def _verify(algorithm: str) -> Callable[[object, object], bool]:
    def verify(value: object, certificate: object) -> bool:
        token = Token.of(value)
        keys = read_keys(text_of(certificate, "io.jwt"))
        signature = decode_url(token.signature)
        header = _checked(token.read_header())
        return any(
            verifies(algorithm, key.material, token.signed, signature, strict=False)
            for key in _candidates(keys, header)
        )

    return verify


def _verify_mac(algorithm: str) -> Callable[[object, object], bool]:
    def verify(value: object, secret: object) -> bool:
        key = text_of(secret, "io.jwt").encode()
        token = Token.of(value)
        return hmac.compare_digest(decode_url(token.signature), mac(algorithm, key, token.signed))

    return verify


def _constraints(value: object) -> dict[str, Any]:
    """The constraints, each of its type; "keys" for those of `cert`. Raises TypeError, ValueError."""
    if not isinstance(value, dict):
        raise TypeError("constraints must be an object")
    if unknown := [name for name in value if name not in _CONSTRAINTS]:
        raise ValueError(f"unknown token validation constraint: {unknown[0]}")
    texts = {name: text_of(one, f"{name} constraint") for name, one in value.items() if name != "time"}
    known: dict[str, Any] = dict(texts)
    if "time" in value:
        at = value["time"]
        if isinstance(at, bool) or not isinstance(at, int | float) or at < 0:
            raise ValueError("token time constraint: must be a number, not negative")
        known["time"] = float(at)
    if "cert" in texts:
        known["keys"] = read_keys(texts["cert"])
    if ("keys" in known) == bool(texts.get("secret")):
        raise ValueError("exactly one of the constraints cert and secret is needed")
    return known


def decode_verify(value: object, wanted: object) -> list[Any]:
    """[valid, header, payload]; the latter two are empty unless the signature and every constraint hold."""
    constraints = _constraints(wanted)
    while True:  # RFC 7519 section 7.2; a nested token goes round again
        token = Token.of(value)
        raw = token.read_header()
        header = _checked(raw)
        # 1. The header: an algorithm (RFC 7515 section 4.1.1), nothing critical that is unknown (4.1.11)
        if not header["alg"] or _critical(raw) & (raw.keys() - {*_TEXTS, "crit"}):
            return _UNVERIFIED
        if constraints.get("alg") and constraints["alg"] != header["alg"]:
            return _UNVERIFIED
        # 2. The signature
        if not _signed(token, header, constraints):
            return _UNVERIFIED
        payload = decode_url(token.payload)
        if header["cty"].lower() != "jwt":
            break
        value = payload.decode()
    claims = _object(payload, "JWT payload")
    # 3. The registered claims (RFC 7519 section 4.1)
    valid = _issued(claims, constraints) and _addressed(claims, constraints) and _timely(claims, constraints)
    return [True, raw, claims] if valid else _UNVERIFIED


def _signed(token: Token, header: Mapping[str, str], constraints: Mapping[str, Any]) -> bool:
    signature = decode_url(token.signature)
    keys = constraints.get("keys")
    secrets = [Key(constraints["secret"].encode())] if keys is None else _candidates(keys, header)
    return header["alg"] in ALGORITHMS and any(
        verifies(header["alg"], public_part(key.material), token.signed, signature, strict=True) for key in secrets
    )


def _issued(claims: Mapping[str, Any], constraints: Mapping[str, Any]) -> bool:
    if not constraints.get("iss"):
        return True
    issuer = claims.get("iss", "")
    if not isinstance(issuer, str):
        raise TypeError("iss value must be text")
    return bool(constraints["iss"] == issuer)


def _addressed(claims: Mapping[str, Any], constraints: Mapping[str, Any]) -> bool:
    wanted = constraints.get("aud", "")
    if "aud" not in claims:
        return not wanted
    audience = claims["aud"]
    return wanted in audience if isinstance(audience, list) else bool(wanted == audience)


def _timely(claims: Mapping[str, Any], constraints: Mapping[str, Any]) -> bool:
    for name in ("exp", "nbf"):
        if name not in claims:
            continue
        if isinstance(claims[name], bool) or not isinstance(claims[name], int | float):
            raise TypeError(f"{name} value must be a number")
        if "time" not in constraints:
            raise ValueError(f"the token states {name}: a policy has no clock, give the constraint `time`")
        at = constraints["time"] / _SECOND
        if (at >= claims[name]) if name == "exp" else (at < claims[name]):
            return False
    return True


def encode_sign_raw(header: object, payload: object, key: object) -> str:
    """A compact token of a header and a payload as they stand, signed with a JWK (HS, RS, EdDSA)."""
    head, body = text_of(header, "header"), text_of(payload, "payload")
    keys = read_keys(text_of(key, "key"))
    parameters = _object(head.encode(), "JWT header")
    algorithm, kind = parameters.get("alg"), parameters.get("typ", "JWT")
    if not keys or not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise ValueError("a key and a known alg are needed to sign")
    if kind == "JWT" or not isinstance(kind, str):
        orjson.loads(body)
    signed = f"{_url(head.encode())}.{_url(body.encode())}"
    return f"{signed}.{_url(sign(algorithm, keys[0].material, signed.encode()))}"


def encode_sign(header: object, payload: object, key: object) -> str:
    """The same of objects; their JSON is Go's: keys sorted, no spaces, HTML's characters escaped."""
    return encode_sign_raw(_json(header), _json(payload), _json(key))


def _json(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


_VERIFIERS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    f"io.jwt.verify_{algorithm.lower()}": (2, (_verify_mac if algorithm[0] == "H" else _verify)(algorithm))
    for algorithm in sorted(ALGORITHMS)
}
JWT: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "io.jwt.decode": (1, decode),
    "io.jwt.decode_verify": (2, decode_verify),
    "io.jwt.encode_sign": (3, encode_sign),
    "io.jwt.encode_sign_raw": (3, encode_sign_raw),
    **_VERIFIERS,
}
