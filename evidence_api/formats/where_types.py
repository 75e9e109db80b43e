"""Catalog load, inside a `where`: decide what each comparison means, given what its kind's facts hold.

Every literal is read by the type of the fact it is compared with, so a bare `1.5` is a number beside a
number and a fault beside a word. Each fault says what was expected and the nearest name that exists.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches

from evidence_api.domain.errors import Malformed
from evidence_api.domain.kinds import COMMON, FactType, Kind
from evidence_api.domain.rfc3339 import parse_rfc3339
from evidence_api.domain.where import Literal, sortable

MAX_LIST = 256
MAX_WORD = 900  # of a word with its escapes: engines bound the line it will stand on
_EXACT_INTEGER = 2**53
NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?\Z")
# At least one part, and after T at least one of time.
DURATION = (
    r"P(?=[0-9T])(?:([0-9]{1,5})W)?(?:([0-9]{1,6})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,6})H)?(?:([0-9]{1,7})M)?(?:([0-9]{1,9})S)?)?"
)
_DURATION = re.compile(DURATION + r"\Z")
_ORDERED = frozenset({FactType.NUMBER, FactType.TIME, FactType.DURATION})
_CONSTANTS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a comparison as written: a bare or quoted scalar, or a list of them; `at` is its offset."""

    text: str
    quoted: bool
    at: int
    items: tuple["Operand", ...] | None = None

    def shown(self) -> str:
        """As it is quoted in a fault."""
        return f"'{self.text[:60]}'"


class WhereFault(Exception):
    """One fault at an offset of the `where` text."""

    def __init__(self, at: int, code: str, message: str, hint: str = "") -> None:
        """Keep the parts; formats/where.py turns the offset into file, line and column."""
        super().__init__(message)
        self.at, self.code, self.message, self.hint = at, code, message, hint


def nearest(name: str, known: Sequence[str]) -> str:
    """`did you mean 'x'?`, or `one of:` the names there are when they are few, or nothing."""
    close = get_close_matches(name, known, n=1, cutoff=0.6) or get_close_matches(
        name.lower(), [item for item in known if item.lower() == item], n=1, cutoff=0.6
    )
    if close:
        return f"did you mean '{close[0]}'?"
    return f"one of: {', '.join(known)}" if 0 < len(known) <= 16 else ""  # noqa: PLR2004  what fits one line


def parse_duration(text: str) -> timedelta | None:
    """ISO 8601 durations of fixed length (weeks, days, hours, minutes, seconds); None for anything else.

    Years and months have no fixed length, so they are not durations here.
    """
    found = _DURATION.match(text)
    if not found:
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def fact_type(path: Operand, kind: Kind) -> FactType:
    """The type of a fact of the kind. Raises WhereFault with the nearest path."""
    found = kind.facts.get(path.text) or COMMON.get(path.text)
    if path.quoted or path.items is not None or found is None:
        known = sorted({*kind.facts, *COMMON})
        hint = nearest(path.text, known) or f"facts of {kind.name}: {', '.join(known)}"
        if path.quoted and path.text in known:
            hint = "facts are written without quotes"
        elif path.items is not None:
            hint = "a fact stands on the left: fact in [a, b]"
        raise WhereFault(path.at, "unknown_path", f"{kind.name} has no fact {path.shown()}", hint)
    return found


def typed(path: Operand, operator: str, value: Operand, kind: Kind) -> Literal:
    """The literal a fact is compared with, in the fact's own type. Raises WhereFault."""
    fact = fact_type(path, kind)
    if operator == "in":
        return _items(path, fact, value, kind)
    if operator == "contains":
        if fact is not FactType.WORDS:
            raise WhereFault(
                path.at, "type_mismatch", f"{path.shown()} is a {fact}, not a list", "write: fact in [a, b]"
            )
        return _word(path, value, kind)
    ordering = operator not in {"==", "!="}
    if ordering and fact not in _ORDERED:
        raise WhereFault(
            value.at, "unordered_type", f"'{operator}' needs an order; {path.shown()} is a {fact}", "use ==, != or in"
        )
    if value.items is None and not value.quoted and value.text == "null" and not ordering:
        return None
    if fact is FactType.WORDS:
        return _items(path, fact, value, kind)
    if value.items is not None:
        raise WhereFault(
            value.at,
            "type_mismatch",
            f"a list cannot be compared by '{operator}' with a {fact}",
            f"write: {path.text} in [a, b]",
        )
    return _READERS[fact](path, value, kind)


def _items(path: Operand, fact: FactType, value: Operand, kind: Kind) -> Literal:
    """A list literal, item by item."""
    if value.items is None:
        hint = f"write: {path.text} in [{value.text}]" if not value.quoted else "write a list: [a, b]"
        raise WhereFault(value.at, "type_mismatch", f"expected a list, found {value.shown()}", hint)
    if not value.items:
        raise WhereFault(value.at, "bad_literal", "an empty list can never match", "write what it may be: [a, b]")
    if len(value.items) > MAX_LIST:
        message = f"a list of {len(value.items)} items; the limit is {MAX_LIST}"
        raise WhereFault(value.at, "too_large", message, "join shorter lists by ||")
    read = _word if fact is FactType.WORDS else _READERS[fact]
    return tuple(read(path, item, kind) for item in value.items)


def _mismatch(path: Operand, fact: FactType, value: Operand, hint: str) -> WhereFault:
    return WhereFault(value.at, "type_mismatch", f"{path.shown()} is a {fact}; {value.shown()} is not", hint)


def _word(path: Operand, value: Operand, kind: Kind) -> Literal:
    """A word; of the closed vocabulary where the fact has one."""
    if value.items is not None:
        raise _mismatch(path, FactType.WORD, value, "a list stands to the right of in")
    if not value.quoted and (NUMBER.match(value.text) or value.text in _CONSTANTS):
        raise _mismatch(path, FactType.WORD, value, f'if the word is meant, quote it: "{value.text}"')
    if len(json.dumps(value.text)) > MAX_WORD:
        message = f"a word of {len(value.text)} characters; the limit is {MAX_WORD}"
        raise WhereFault(value.at, "too_large", message, "shorten it")
    allowed = (kind.words or {}).get(path.text)
    if allowed and value.text not in allowed:
        raise WhereFault(
            value.at, "unknown_word", f"{path.shown()} is never {value.shown()}", nearest(value.text, sorted(allowed))
        )
    return value.text


def _number(path: Operand, value: Operand, _kind: Kind) -> Literal:
    if value.quoted or not NUMBER.match(value.text):
        hint = "numbers are written without quotes" if value.quoted else "write a number, e.g. 0"
        raise _mismatch(path, FactType.NUMBER, value, hint)
    number = int(value.text) if re.fullmatch(r"-?[0-9]+", value.text) else float(value.text)
    if abs(number) > _EXACT_INTEGER:
        message = f"{value.shown()} is over 2^53: not every engine keeps it exactly"
        raise WhereFault(value.at, "bad_literal", message, "write a smaller number")
    return number


def _boolean(path: Operand, value: Operand, _kind: Kind) -> Literal:
    found = None if value.quoted else _CONSTANTS.get(value.text)
    if found is None:
        raise _mismatch(path, FactType.BOOLEAN, value, "write true or false")
    return found


def _time(path: Operand, value: Operand, _kind: Kind) -> Literal:
    try:
        return sortable(parse_rfc3339(value.text))
    except Malformed as fault:
        hint = (
            "to limit age, use the query's fresh: {max_age: P30D}"
            if parse_duration(value.text)
            else "2026-01-31T12:00:00Z"
        )
        raise _mismatch(path, FactType.TIME, value, hint) from fault


def _duration(path: Operand, value: Operand, _kind: Kind) -> Literal:
    found = None if value.quoted else parse_duration(value.text)
    if found is None:
        raise _mismatch(path, FactType.DURATION, value, "write an ISO 8601 duration of fixed length, e.g. P30D or PT5M")
    return found


_READERS: Mapping[FactType, Callable[[Operand, Operand, Kind], Literal]] = {
    FactType.WORD: _word,
    FactType.NUMBER: _number,
    FactType.BOOLEAN: _boolean,
    FactType.TIME: _time,
    FactType.DURATION: _duration,
}
