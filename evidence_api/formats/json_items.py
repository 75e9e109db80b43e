"""Reading, before the first step: the elements of a JSON array, each as exactly the bytes it was written with.

What is kept as evidence is kept as received, so elements are cut out and not written again. They are cut by Python's
own parser, which says where each ends; it takes a few things that are not JSON (NaN), so every element is still to be
read by formats/strict_json.py.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.formats.strict_json import MAX_DEPTH

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()
_OF_LONG_NUMBERS = json.JSONDecoder(parse_int=float)  # slower; takes integers of more digits than Python converts


def items_of(body: bytes) -> Iterator[tuple[bytes, Any]]:
    """Each element's bytes and value, in order. Raises Malformed (not a UTF-8 JSON array), TooLarge (nesting)."""
    try:
        text = body.decode()
    except UnicodeDecodeError as fault:
        raise Malformed(f"the body is not UTF-8 at byte {fault.start}", path="$", value=fault.start) from fault
    at = _space(text, 0)
    if text[at : at + 1] != "[":
        raise Malformed("the body is not a JSON array", path="$")
    at = _space(text, at + 1)
    number = 0
    while number or text[at : at + 1] != "]":
        value, end = _element(text, at, number)
        yield text[at:end].encode(), value
        number += 1
        at = _space(text, end)
        if text[at : at + 1] == "]":
            break
        if text[at : at + 1] != ",":
            raise Malformed("the array does not go on or end here", path=f"[{number}]", value=at)
        at = _space(text, at + 1)
    if _space(text, at + 1) != len(text):
        raise Malformed("something follows the array", path="$", value=at + 1)


def _element(text: str, at: int, number: int) -> tuple[Any, int]:
    try:
        return _decoded(text, at)
    except json.JSONDecodeError as fault:
        raise Malformed(f"not JSON: {fault.msg}", path=f"[{number}]", line=fault.lineno, column=fault.colno) from fault
    except RecursionError as fault:
        raise TooLarge(
            f"an element nests deeper than {MAX_DEPTH}", path=f"[{number}]", limit=MAX_DEPTH, value=MAX_DEPTH + 1
        ) from fault


def _decoded(text: str, at: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of thousands of digits: what it is worth, whoever reads the element says
        return _OF_LONG_NUMBERS.raw_decode(text, at)


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
