"""Reading decisions to reperform: one JSON object, an array, or JSON Lines of {predicateType, predicate}.

Other members are ignored, so statements and test vectors can be given as they are; of an envelope or a bundle its
statement is taken, whoever signed it. One bad item does not stop those
after it: it comes out as its refusal, with the path (NaN and infinities, which are no JSON, are named by theirs).
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeAlias

import orjson

from evidence_api.domain.errors import Malformed, Refused
from evidence_api.formats.json_items import items_of
from evidence_api.formats.stored import stored_statement
from evidence_api.formats.strict_json import load


@dataclass(frozen=True, slots=True)
class DecisionItem:
    """One decision as it was given."""

    predicate_type: str
    predicate: Mapping[str, Any]


Item: TypeAlias = DecisionItem | Refused
_BROKEN = object()


def decision_items(body: bytes) -> Iterator[Item]:
    """Every decision of a file in its order, or what is wrong with it. A file without any is one Malformed."""
    text = body.strip()
    found = False
    for one in _texts(text):
        found = True
        yield one if isinstance(one, Refused) else _item(one)
    if not found:
        yield Malformed("the file holds no decision", path="$")


def expected_items(body: bytes) -> int:
    """How many decisions a file seems to hold, without reading them: for showing progress, not for counting."""
    return max(body.count(b'"predicateType"'), 1)


def _texts(text: bytes) -> Iterator[bytes | Refused]:
    if text.startswith(b"["):
        try:
            yield from (one for one, _ in items_of(text))
        except Refused as fault:
            yield fault
        return
    if _by_lines(text):
        yield from (line for line in BytesIO(text) if line.strip())
    elif text:
        yield text


def _by_lines(text: bytes) -> bool:
    """Whether each line is a value: the first is whole or, should that one be broken, the next is a decision."""
    end = text.find(b"\n")
    if end < 0:
        return False
    if _parsed(text[:end]) is not _BROKEN:
        return True
    after = text.find(b"\n", end + 1)
    second = _parsed(text[end + 1 : after if after >= 0 else len(text)])
    return isinstance(second, dict) and "predicateType" in second


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return _BROKEN


def _item(text: bytes) -> Item:
    try:
        value = load(text, what="the decision")
    except Malformed as fault:
        return _named(text, fault)
    except Refused as fault:
        return fault
    return _decision(text, value)


def _decision(text: bytes, value: object) -> Item:
    match value:
        case {"predicateType": str(predicate_type), "predicate": dict(predicate)}:
            return DecisionItem(predicate_type, predicate)
        case {"predicateType": str()}:
            return Malformed("predicate: an object is needed", path="predicate")
        case {"payloadType": _} | {"dsseEnvelope": _}:
            return _signed(text)
        case dict():
            return Malformed("predicateType: a word is needed", path="predicateType")
        case _:
            return Malformed("a decision is an object", path="$")


def _signed(text: bytes) -> Item:
    """What an envelope or a bundle says; its signatures are nobody's business here (`evidence-api inspect`)."""
    try:
        statement = stored_statement(text)
    except Refused as fault:
        return fault
    return DecisionItem(statement.predicate_type, statement.predicate)


def _named(text: bytes, fault: Malformed) -> Malformed:
    """The same refusal, by the path of the number that is none, where that is what is wrong."""
    try:
        path = _no_number(_parsed(text))
    except RecursionError:
        return fault
    if path is None:
        return fault
    path = path.removeprefix("predicate.")
    return Malformed(f"{path}: NaN and infinities are no JSON numbers", path=path)


def _no_number(value: object, at: str = "") -> str | None:
    if isinstance(value, float):
        return None if math.isfinite(value) else at or "$"
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        found = _no_number(one, f"{at}.{name}" if at else str(name))
        if found is not None:
            return found
    return None


def result_line(answer: Mapping[str, Any]) -> bytes:
    """One result as a line of JSON; decimals and times as text."""
    return orjson.dumps(answer, default=str, option=orjson.OPT_APPEND_NEWLINE)
