"""Webhook: sends one signed message to a receiver, and says what came of it.

    POST <url>
    Content-Type: application/json
    Evidence-Delivery: <id>              the same each time one message is sent again: whoever has it, has it
    Evidence-Signature: t=<seconds since 1970>,v1=<hex HMAC-SHA256 of "<t>." + body, by the secret as UTF-8>

Delivered is whatever is answered with 200 to 299; of the answer only the status is read. Receivers compute the HMAC
over the bytes as they came, compare in constant time, and refuse a `t` more than five minutes away.

Bounds: 10 s for all of it. Only https (and http on this machine where that is allowed), no redirects, no proxies. Where
to is said by operators, on the command line alone, never by a tenant: so a receiver may be in a private network, and of
what it answers nobody is shown more than the status.
"""

import asyncio
import hmac
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

import httpx

from evidence_api.domain.errors import Malformed
from evidence_api.engines.clock import Clock

DELIVERY, SIGNATURE = "Evidence-Delivery", "Evidence-Signature"
MAX_URL = 2_000
_SECONDS = 10.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one: `outcome` is the status, or why there was none."""

    delivered: bool
    outcome: str


class WebhookSender:
    """Sends to receivers. `loopback` lets them be http on this machine, for tests."""

    def __init__(self, clock: Clock, *, loopback: bool = False) -> None:
        self._clock = clock
        self._loopback = loopback

    def check(self, url: str) -> None:
        """Raises Malformed `webhook_url`: not https, or something odd in it."""
        try:
            parts = urlsplit(url)
            host, _port = parts.hostname, parts.port
            httpx.URL(url)
        except (ValueError, httpx.InvalidURL) as fault:
            raise _refused(f"not a URL: {url[:_SHOWN]!r}") from fault
        plain = self._loopback and parts.scheme == "http" and host in _LOOPBACK
        if not host or not (plain or parts.scheme == "https"):
            raise _refused(f"only https is told, not {url[:_SHOWN]!r}")
        if "@" in parts.netloc or parts.fragment or not url.isprintable() or " " in url:
            raise _refused("without user, password, fragment and blanks: what signs it is the secret")
        if len(url) > MAX_URL:
            raise Malformed("the URL is too long", code="webhook_url", path="url", limit=MAX_URL, value=len(url))

    async def send(self, url: str, secret: str, delivery: str, body: bytes) -> Attempt:
        """Send once. Whatever goes wrong is said in the attempt, never raised."""
        try:
            self.check(url)
        except Malformed as refused:  # it was taken when loopback was allowed
            return Attempt(delivered=False, outcome=refused.message)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "evidence-api",
            DELIVERY: delivery,
            SIGNATURE: signature(secret, int(self._clock.now().timestamp()), body),
        }
        try:
            async with (
                asyncio.timeout(_SECONDS),
                httpx.AsyncClient(follow_redirects=False, timeout=_SECONDS, trust_env=False) as http,
                http.stream("POST", url, content=body, headers=headers) as answer,
            ):
                return Attempt(answer.is_success, str(answer.status_code))
        except TimeoutError:
            return Attempt(delivered=False, outcome=f"no answer in {_SECONDS:.0f} s")
        except (httpx.HTTPError, OSError) as fault:
            return Attempt(delivered=False, outcome=(str(fault) or type(fault).__name__)[:_SHOWN])


def signature(secret: str, seconds: int, body: bytes) -> str:
    """The header of a message sent at `seconds` since 1970.

    >>> signature("whsec", 1767225600, b"{}")[:20]
    't=1767225600,v1=5ba1'
    """
    signed = hmac.new(secret.encode(), f"{seconds}.".encode() + body, sha256).hexdigest()
    return f"t={seconds},v1={signed}"


def _refused(why: str) -> Malformed:
    return Malformed(f"url: {why}", code="webhook_url", path="url")
