"""Reading, first step: bytes to JSON values that mean one thing to every reader, or a coded refusal.

Signed JSON is read by several programs. A repeated key means one thing to a parser that keeps the first
and another to one that keeps the last; nesting without end stops some of them. Both are refused here, before
anything is verified or believed (RFC 8259 section 4 calls repeated keys unpredictable).

The checks compare counts in C instead of calling back for each object, which would cost more than a signature.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from evidence_api.domain.errors import Malformed, TooLarge

MAX_DEPTH = 64

_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
_PARENTHESES = bytes.maketrans(b"{[]}", b"(())")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))


def load(body: bytes, *, what: str = "body") -> Any:  # noqa: ANN401  any JSON value
    """Parse UTF-8 JSON. Raises Malformed (not JSON, repeated key, NUL character) or TooLarge (depth over 64)."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise Malformed(f"{what} is not JSON: {fault.msg}", path="$", line=fault.lineno, column=fault.colno) from fault
    _check_nul(body, what)
    outside = _outside_strings(body)
    _check_depth(outside, what)
    _check_repeats(outside, orjson.dumps(value), what)
    return value


def load_object(body: bytes, *, what: str = "body") -> Mapping[str, Any]:
    """Parse UTF-8 JSON whose top level is an object. Raises Malformed, TooLarge."""
    value = load(body, what=what)
    if not isinstance(value, dict):
        raise Malformed(f"{what} is not a JSON object", path="$")
    return value


def _check_nul(body: bytes, what: str) -> None:
    """A NUL fits in no PostgreSQL text, and is cut off by readers written in C: no honest statement has one."""
    if b"\\u0000" in body and b"\\u0000" in _ESCAPE.findall(body):
        raise Malformed(f"{what} has a NUL character in a string", path="$")


def _check_depth(outside: bytes, what: str) -> None:
    """Refuse nesting over MAX_DEPTH. So few brackets that they could not nest so deep need no closer look;
    otherwise each pass takes away the innermost pairs, so the passes count the depth."""
    if outside.count(b"{") + outside.count(b"[") <= MAX_DEPTH:
        return
    pairs = outside.translate(_PARENTHESES, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        pairs = pairs.replace(b"()", b"")
        if not pairs:
            return
    raise TooLarge(f"{what} nests too deep", limit=MAX_DEPTH, path="$")


def _check_repeats(outside: bytes, kept: bytes, what: str) -> None:
    """Refuse repeated keys. Every pair of an object has exactly one colon outside strings, and a parsed object
    keeps one pair a key: `kept`, the value written back, has fewer colons exactly when a key was repeated."""
    repeats = outside.count(b":") - _outside_strings(kept).count(b":")
    if repeats:
        raise Malformed(f"{what} repeats a key inside one object", path="$", value=repeats)


def _outside_strings(text: bytes) -> bytes:
    """The structure of valid JSON text: everything between its strings, joined."""
    if b"\\" in text:
        text = _ESCAPE.sub(b"", text)
    return b"".join(text.split(b'"')[::2])
