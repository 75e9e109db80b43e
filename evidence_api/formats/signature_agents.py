"""Who signs requests, as they publish it: registries that list signature agents, and the cards that hold their keys.

    # agents of one organisation          a registry: one URL a line, `#` begins a comment
    https://one.example/card   # primary

    {"client_name": "one", "keys": [{"kty": "OKP", …}]}      a card: keys of its own, or the URL of its key set
    {"client_name": "two", "jwks_uri": "https://two.example/jwks"}

Sources: draft-meunier-webbotauth-registry (registries and cards), RFC 7517. Nothing of it is believed before somebody
compared fingerprints.
"""

import re
from collections.abc import Mapping

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.formats import strict_json
from evidence_api.formats.jwks import FederationKey, parse_jwks

MAX_REGISTRY = 256 * 1024
MAX_AGENTS = 1_000
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#.*\Z")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+\Z")
_SHOWN = 120


def parse_registry(text: str) -> tuple[str, ...]:
    """The URLs a registry lists, in order. Raises Malformed `registry` for a line that is none, TooLarge."""
    if len(text) > MAX_REGISTRY:
        raise TooLarge("the registry is too long", limit=MAX_REGISTRY, value=len(text))
    found: list[str] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        url = _COMMENT.sub("", line.rstrip("\r")).strip(" \t")
        if url and not _URL.match(url):
            raise Malformed(f"line {number} is no URL: {url[:_SHOWN]!r}", code="registry", line=number)
        if url:
            found.append(url)
    if len(found) > MAX_AGENTS:
        raise TooLarge("the registry lists too many agents", limit=MAX_AGENTS, value=len(found))
    return tuple(found)


def card_keys(body: bytes, *, what: str = "card") -> tuple[FederationKey, ...] | str:
    """The keys in a card or a key set, or the URL the card says they are at. Raises Malformed `jwks`, TooLarge."""
    document = strict_json.load(body, what=what)
    if isinstance(document, Mapping) and "keys" not in document:
        url = document.get("jwks_uri")
        if isinstance(url, str):
            return url
    return parse_jwks(body, what=what)
