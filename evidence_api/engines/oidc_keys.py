"""OIDC, the keys: fetches an issuer's key set (JWKS) and keeps the last good one, so that an outage of the issuer does
not stop uploads, and nobody who sends tokens decides how often the issuer is asked.

The plan for one key:
  1. a set fetched in the last five minutes that holds it is used as it is
  2. otherwise the issuer is asked, unless it was asked in the last 30 seconds: discovery document, then key set
  3. a set that was fetched in the last 24 hours is used where the issuer did not answer, or not usefully
Sources: OpenID Connect Discovery 1.0 sections 4.1 to 4.3, RFC 7517.

Bounds: 64 issuers, 64 keys, 256 KiB an answer, 10 s for both. Only https, no redirects, no compression.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import structlog
from jwt import PyJWK, PyJWTError

from evidence_api.domain.errors import Unauthenticated, Undecided
from evidence_api.engines.clock import Clock

log = structlog.get_logger(__name__)

FRESH = timedelta(minutes=5)
COOLDOWN = timedelta(seconds=30)
KEPT = timedelta(hours=24)
MAX_ISSUERS = 64
MAX_KEYS = 64
MAX_ANSWER = 256 * 1024
_SECONDS = 10.0
_MIN_RSA_BITS = 2048
_WELL_KNOWN = "/.well-known/openid-configuration"
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_OK = 200

# Type and curve -> the one algorithm a key of it is used with. Nothing symmetric, so a public key is never a secret.
_ALGORITHMS: Mapping[tuple[str, str], str] = {("RSA", ""): "RS256", ("EC", "P-256"): "ES256"}


class IssuerAnswer(Exception):
    """The issuer did not answer, or not with a key set we can use."""


@dataclass(slots=True)
class _Issuer:
    keys: Mapping[str, PyJWK] = field(default_factory=dict)
    fetched: datetime | None = None  # when `keys` were
    tried: datetime | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def younger(self, age: timedelta, now: datetime) -> bool:
        return self.fetched is not None and now - self.fetched < age

    def holds(self, kid: str, age: timedelta, now: datetime) -> bool:
        return self.younger(age, now) and kid in self.keys


class IssuerKeys:
    """The keys of every issuer asked for. `loopback` lets issuers be http on this machine, for tests."""

    def __init__(self, clock: Clock, *, loopback: bool = False) -> None:
        self._clock = clock
        self._loopback = loopback
        self._issuers: OrderedDict[str, _Issuer] = OrderedDict()

    async def key(self, issuer: str, kid: str) -> PyJWK:
        """The key of that id. Raises Unauthenticated `key_unknown`, Undecided `issuer_unavailable`."""
        kept = self._issuers.setdefault(issuer, _Issuer())
        self._issuers.move_to_end(issuer)
        if len(self._issuers) > MAX_ISSUERS:
            self._issuers.popitem(last=False)
        good_for = KEPT if kept.asking.locked() else FRESH  # while somebody asks, a known key need not wait
        if not kept.holds(kid, good_for, self._clock.now()):
            async with kept.asking:
                await self._refresh(issuer, kept, kid)
        if not kept.younger(KEPT, self._clock.now()):
            raise Undecided(f"{issuer} does not give its keys; try again", code="issuer_unavailable", issuer=issuer)
        if kid not in kept.keys:
            raise Unauthenticated(
                f"{issuer} has no key {kid[:80]!r} (asked at most every {COOLDOWN.seconds} s)", code="key_unknown"
            )
        return kept.keys[kid]

    async def _refresh(self, issuer: str, kept: _Issuer, kid: str) -> None:
        """Step 2, unless somebody did it while we waited for our turn."""
        now = self._clock.now()
        if kept.holds(kid, FRESH, now):
            return
        if kept.tried is not None and now - kept.tried < COOLDOWN:
            return
        kept.tried = now
        try:
            async with asyncio.timeout(_SECONDS):
                kept.keys = await self._fetch(issuer)
            kept.fetched = now
        except (IssuerAnswer, httpx.HTTPError, httpx.InvalidURL, TimeoutError) as fault:
            log.warning("issuer_unavailable", issuer=issuer, fault=str(fault) or type(fault).__name__)

    async def _fetch(self, issuer: str) -> Mapping[str, PyJWK]:
        async with httpx.AsyncClient(follow_redirects=False, timeout=_SECONDS) as http:
            found = await self._get(http, issuer.rstrip("/") + _WELL_KNOWN)
            if found.get("issuer") != issuer:
                raise IssuerAnswer(f"its discovery document is of issuer {str(found.get('issuer'))[:200]!r}")
            answer = await self._get(http, str(found.get("jwks_uri", "")))
        keys = usable_keys(answer)
        if not keys:
            raise IssuerAnswer("its key set holds no key for RS256 or ES256")
        return keys

    async def _get(self, http: httpx.AsyncClient, url: str) -> Mapping[str, Any]:
        self._check(url)
        chunks, size = [], 0
        async with http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
            if response.status_code != _OK or "content-encoding" in response.headers:
                raise IssuerAnswer(f"{url} answered {response.status_code}, where a plain 200 was asked for")
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > MAX_ANSWER:
                    raise IssuerAnswer(f"{url} answered with more than {MAX_ANSWER} bytes")
                chunks.append(chunk)
        try:
            document = orjson.loads(b"".join(chunks))
        except orjson.JSONDecodeError as fault:
            raise IssuerAnswer(f"{url} did not answer with JSON") from fault
        if not isinstance(document, dict):
            raise IssuerAnswer(f"{url} did not answer with a JSON object")
        return document

    def _check(self, url: str) -> None:
        """Https and nothing odd; loopback too where that is allowed."""
        try:
            parts = urlsplit(url)
            host, _port = parts.hostname, parts.port
        except ValueError as fault:
            raise IssuerAnswer(f"not a URL: {url[:200]!r}") from fault
        plain = self._loopback and parts.scheme == "http" and host in _LOOPBACK
        if not host or "@" in parts.netloc or not (plain or parts.scheme == "https"):
            raise IssuerAnswer(f"only https is asked, not {url[:200]!r}")


def usable_keys(document: Mapping[str, Any]) -> dict[str, PyJWK]:
    """Of a JWKS, the keys for signatures that we would take, by id. An id that two keys have names neither."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise IssuerAnswer(f"its key set is no list of at most {MAX_KEYS} keys")
    named = [one for one in listed if isinstance(one, dict) and isinstance(one.get("kid"), str)]
    times = Counter(one["kid"] for one in named)
    loaded = ((one["kid"], _load(one)) for one in named if times[one["kid"]] == 1)
    return {kid: key for kid, key in loaded if key is not None}


def _load(jwk: Mapping[str, Any]) -> PyJWK | None:
    algorithm = _ALGORITHMS.get((str(jwk.get("kty")), str(jwk.get("crv", ""))))
    if algorithm is None or jwk.get("alg", algorithm) != algorithm or jwk.get("use", "sig") != "sig" or "d" in jwk:
        return None
    try:
        key = PyJWK({name: jwk[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in jwk}, algorithm)
    except (PyJWTError, ValueError, TypeError):
        return None  # one broken key does not spoil the set: a token that names it finds no key
    too_short = algorithm == "RS256" and key.key.key_size < _MIN_RSA_BITS
    return None if too_short else key
