"""Reading, first step: bytes to JSON values that mean one thing to every reader, or a coded refusal.

Signed JSON is read by several programs. A repeated key means one thing to a parser that keeps the first
and another to one that keeps the last; nesting without end stops some of them. Both are refused here, before
anything is verified or believed (RFC 8259 section 4 calls repeated keys unpredictable).

The checks count in C instead of calling back for each object, which would cost as much as a signature.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from evidence_api.domain.errors import Malformed, TooLarge

MAX_DEPTH = 64
MAX_VALUES = 5_000_000  # in one document; the least of them takes some 60 bytes once parsed

_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)
# A NUL character: an escape whose backslash is not itself escaped by those before it.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")
_NOT_COUNTED = bytes(set(range(256)) - set(b'",{['))
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'":{}[]'))
_PARENTHESES = bytes.maketrans(b"{[]}", b"(())")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))


def load(body: bytes, *, what: str = "body") -> Any:  # noqa: ANN401  any JSON value
    """Parse UTF-8 JSON. Raises Malformed (not JSON, repeated key, NUL character) or TooLarge (depth over 64, more
    than MAX_VALUES values)."""
    _check_values(body, what)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        if _nests(fault):
            raise _too_deep(what) from fault
        raise Malformed(f"{what} is not JSON: {fault.msg}", path="$", line=fault.lineno, column=fault.colno) from fault
    outside = _outside_strings(body, what)
    _check_depth(outside, what)
    _check_repeats(outside, value, what)
    return value


def load_object(body: bytes, *, what: str = "body") -> Mapping[str, Any]:
    """Parse UTF-8 JSON whose top level is an object. Raises Malformed, TooLarge."""
    value = load(body, what=what)
    if not isinstance(value, dict):
        raise Malformed(f"{what} is not a JSON object", path="$")
    return value


def _check_values(body: bytes, what: str) -> None:
    """Refuse, before it is parsed, what would grow far beyond its own size: each value takes two bytes or more as
    text, and is preceded by a comma or a bracket. Only where there are many is a closer look taken, past strings."""
    if len(body) <= 2 * MAX_VALUES or sum(map(body.count, (b",", b"{", b"["))) < MAX_VALUES:
        return
    marks = _ESCAPE.sub(b"", body).translate(None, _NOT_COUNTED).replace(b'""', b"")
    values = sum(len(piece) for piece in marks.split(b'"')[::2]) + 1
    if values > MAX_VALUES:
        raise TooLarge(f"{what} holds too many values", limit=MAX_VALUES, value=values, path="$")


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
    raise _too_deep(what)


def _too_deep(what: str) -> TooLarge:
    """The depth at which the reading ended, one past the limit, is all that is found out."""
    return TooLarge(f"{what} nests deeper than {MAX_DEPTH}", limit=MAX_DEPTH, value=MAX_DEPTH + 1, path="$")


def _nests(fault: orjson.JSONDecodeError) -> bool:
    """Whether orjson gave up at its own limit of depth (1,024)."""
    return "depth limit" in fault.msg or "ecursion limit" in fault.msg


def _check_repeats(outside: bytes, value: object, what: str) -> None:
    """Refuse repeated keys. Every pair of an object is written with exactly one colon outside strings, and a parsed
    object keeps one pair a key: fewer pairs are kept than were written exactly when a key was repeated."""
    repeats = outside.count(b":") - _pairs(value, outside.count(b"{"))
    if repeats:
        raise Malformed(f"{what} repeats a key inside one object", path="$", value=repeats)


def _pairs(value: object, objects: int) -> int:
    """How many key-value pairs a parsed value holds, at all depths, when so many objects were written.

    Objects are looked into before lists, and none is left once so many were seen: most long lists, which are of
    numbers, are never gone through. (Where a repeated key has lost an object, all of them are.)
    """
    pairs = 0
    dicts = [value] if type(value) is dict else []
    lists = [value] if type(value) is list else []
    while objects and (dicts or lists):
        inner: Iterable[object]
        if dicts:
            item = dicts.pop()
            objects -= 1
            pairs += len(item)
            inner = item.values()
        else:
            inner = lists.pop()
        kinds = set(map(type, inner))
        if dict in kinds:
            dicts += [one for one in inner if type(one) is dict]
        if list in kinds:
            lists += [one for one in inner if type(one) is list]
    return pairs


def _outside_strings(text: bytes, what: str) -> bytes:
    """The brackets and colons of valid JSON text that stand outside its strings, in order.

    Two quotes with nothing of interest between them are dropped first: an empty string, or the end of one and
    the beginning of the next. Either way what is outside stays outside, and far fewer pieces are left to split.
    """
    if b"\\" in text:
        # A NUL fits in no PostgreSQL text, and is cut off by readers written in C: no honest statement has one.
        if b"\\u0000" in text and _NUL.search(text):
            raise Malformed(f"{what} has a NUL character in a string", path="$")
        text = _ESCAPE.sub(b"", text)
    marks = text.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    return b"".join(marks.split(b'"')[::2])
