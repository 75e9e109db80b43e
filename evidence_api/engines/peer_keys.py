"""Peers' key sets: fetches one from where a peer publishes it, for an operator to compare before anything is believed.

Bounds: 64 KiB, 10 s. Only https (and http on this machine where that is allowed), no redirects, no proxies, no user or
password in the URL. Where from is said by operators, on the command line alone.
"""

import asyncio
from urllib.parse import urlsplit

import httpx

from evidence_api.domain.errors import Malformed, TooLarge, Undecided
from evidence_api.formats.jwks import MAX_BYTES, FederationKey
from evidence_api.formats.signature_agents import card_keys

_SECONDS = 10.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SHOWN = 120
_OK = 200


class PeerKeySets:
    """Fetches key sets. `loopback` lets them be http on this machine, for tests."""

    def __init__(self, *, loopback: bool = False) -> None:
        self._loopback = loopback

    async def fetch(self, url: str) -> tuple[FederationKey, ...]:
        """The keys of a set, or of a card that has them or says where they are.

        Raises Malformed `peer_url`, `jwks`, TooLarge, Undecided `unreachable`.
        """
        found = card_keys(await self.get(url), what=url)
        if isinstance(found, str):
            found = card_keys(await self.get(found), what=found)
        if isinstance(found, str):
            raise Malformed("a card that says its keys are in another card", code="jwks", path="jwks_uri")
        return found

    async def get(self, url: str) -> bytes:
        """What is at a URL. Raises Malformed `peer_url`, TooLarge, Undecided `unreachable`."""
        self.check(url)
        content = bytearray()
        try:
            async with (
                asyncio.timeout(_SECONDS),
                httpx.AsyncClient(follow_redirects=False, timeout=_SECONDS, trust_env=False) as http,
                http.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
            ):
                if answer.status_code != _OK or "content-encoding" in answer.headers:
                    raise Undecided(f"{url} answered {answer.status_code}, not a plain 200", code="unreachable")
                async for chunk in answer.aiter_raw():
                    content += chunk
                    if len(content) > MAX_BYTES:
                        raise TooLarge("the key set is too large", limit=MAX_BYTES, value=len(content))
        except (httpx.HTTPError, OSError, TimeoutError) as fault:
            said = str(fault) or type(fault).__name__
            raise Undecided(f"{url} gives no keys: {said[:_SHOWN]}", code="unreachable") from fault
        return bytes(content)

    def check(self, url: str) -> None:
        """Raises Malformed `peer_url`: not https, or something odd in it."""
        try:
            parts = urlsplit(url)
            host, _port = parts.hostname, parts.port
            httpx.URL(url)
        except (ValueError, httpx.InvalidURL) as fault:
            raise _refused(f"not a URL: {url[:_SHOWN]!r}") from fault
        plain = self._loopback and parts.scheme == "http" and host in _LOOPBACK
        if not host or "@" in parts.netloc or parts.fragment or not (plain or parts.scheme == "https"):
            raise _refused(f"key sets come over https alone, not {url[:_SHOWN]!r}")


def _refused(why: str) -> Malformed:
    return Malformed(why, code="peer_url", path="jwks")
