"""Digests and canonical bytes: how anything in the house is named by its content."""

import hashlib
import re
from typing import Any

import orjson
import rfc8785

from evidence_api.domain.errors import Malformed

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}\Z")
_EXACT_INTEGER = 2**53 - 1
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def sha256_hex(content: bytes) -> str:
    """The 64 lower-case hex digits of SHA-256."""
    return hashlib.sha256(content).hexdigest()


def digest_of(content: bytes) -> str:
    """`sha256:<hex>`, the form in which the server names bytes."""
    return f"sha256:{sha256_hex(content)}"


def parse_digest(text: str) -> str:
    """Check `sha256:<64 hex>` and give it back. Raises Malformed."""
    if not _SHA256.match(text):
        raise Malformed(f"not a digest of the form sha256:<64 hex digits>: {text[:80]!r}", path="digest")
    return text


def canonical(value: Any) -> bytes:  # noqa: ANN401  any JSON value
    """RFC 8785 bytes of a JSON value. Raises Malformed on NaN, infinities and integers past 2^53.

    orjson's sorted output equals RFC 8785 unless a float, a big integer or a key outside the
    basic plane is inside (measured), so those alone take the slower library.
    """
    if _orjson_agrees(value):
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as fault:
        raise Malformed(f"no canonical JSON form: {fault}", path="$") from fault


def _orjson_agrees(value: Any) -> bool:  # noqa: ANN401  any JSON value
    """Walk without recursion: only strings, booleans, null, exact integers, plain keys."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str | bool) or item is None:
            continue
        if isinstance(item, int):
            if abs(item) > _EXACT_INTEGER:
                return False
        elif isinstance(item, dict):
            if any(not isinstance(key, str) or _ASTRAL.search(key) for key in item):
                return False
            stack.extend(item.values())
        elif isinstance(item, list | tuple):
            stack.extend(item)
        else:
            return False
    return True
