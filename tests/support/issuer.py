"""An OIDC issuer on loopback with keys of its own: discovery document, key set, tokens, and ways of going wrong."""

import asyncio
import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from uuid import uuid4

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/jwks"
_RSA_KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(2)]  # slow to make, and as good a second time


def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    return _RSA_KEYS[number]


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(kid: str, key: Private, **more: Any) -> dict[str, Any]:  # noqa: ANN401  JWK members
    """The public half as a JSON Web Key (RFC 7517)."""
    numbers = key.public_key().public_numbers()
    if isinstance(numbers, rsa.RSAPublicNumbers):
        found = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    else:
        found = {"kty": "EC", "crv": "P-256", "x": _number(numbers.x, 32), "y": _number(numbers.y, 32)}
    return {"kid": kid, "use": "sig", **found, **more}


def _number(value: int, size: int = 0) -> str:
    return base64url(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def signed(key: Private, data: bytes) -> bytes:
    """RS256, or ES256 in the form of RFC 7518 section 3.4."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def hmac_with_public_key(key: Private) -> Callable[[bytes], bytes]:
    """The old attack: the public key, which everybody has, taken for a secret."""
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return lambda data: hmac.new(pem, data, hashlib.sha256).digest()


def compact(header: Mapping[str, Any], claims: Mapping[str, Any] | bytes, sign: Callable[[bytes], bytes]) -> str:
    """A JSON Web Token of exactly these parts."""
    body = claims if isinstance(claims, bytes) else orjson.dumps(dict(claims))
    head = f"{base64url(orjson.dumps(dict(header)))}.{base64url(body)}"
    return f"{head}.{base64url(sign(head.encode()))}"


@dataclass
class FakeIssuer:
    """Use as an async context manager. `answers` replaces what a path answers: (status, headers, body); `down` ends
    every connection without an answer; while `open` is not set it lets everybody wait, and
    `arrived` is set when somebody does; `asked` counts requests by path."""

    keys: dict[str, Private] = field(default_factory=lambda: {"key-1": rsa_key()})
    listed: list[dict[str, Any]] | None = None
    document: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    down: bool = False
    asked: Counter[str] = field(default_factory=Counter)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self.open.set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def claims(self, now: datetime, audience: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  claims
        """Of a good token; None leaves a claim out."""
        at = int(now.timestamp())
        found = {"iss": self.url, "aud": audience, "iat": at, "nbf": at, "exp": at + 300, "jti": str(uuid4())} | more
        return {name: value for name, value in found.items() if value is not None}

    def token(self, claims: Mapping[str, Any], kid: str = "key-1", **header: Any) -> str:  # noqa: ANN401  JOSE header
        """A token signed by the key of that id."""
        key = self.keys[kid]
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        return compact({"alg": algorithm, "kid": kid, "typ": "JWT", **header}, claims, lambda data: signed(key, data))

    def _answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if path in self.answers:
            return self.answers[path]
        if path == DISCOVERY:
            return 200, {}, orjson.dumps({"issuer": self.url, "jwks_uri": self.url + JWKS, **self.document})
        if path == JWKS:
            keys = self.listed if self.listed is not None else [jwk(kid, key) for kid, key in self.keys.items()]
            return 200, {}, orjson.dumps({"keys": keys})
        return 404, {}, b"{}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
            self.asked[path] += 1
            self.arrived.set()
            await self.open.wait()
            if not self.down:
                status, headers, body = self._answer(path)
                lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                writer.write("\r\n".join([*lines, "", ""]).encode() + body)
                await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
