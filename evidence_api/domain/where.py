"""The `where` language: its syntax tree, its three-valued meaning, and how it is written out again.

    expression := comparison | and | or | not | literal truth
    A comparison of an absent fact is *unknown*; `!` keeps unknown; `&&` is false if either side is
    false; `||` is true if either side is true; otherwise an unknown side makes the whole unknown.

Text becomes this tree in formats/where.py; the tree becomes Rego in formats/catalog_rego.py.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Literal: TypeAlias = bool | int | float | str | timedelta | tuple["Literal", ...] | None

# A word that needs no quotes: nothing in it means anything else to the grammar.
BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_./:@+-]*\Z")
KEYWORDS = frozenset({"in", "true", "false", "null"})


@dataclass(frozen=True, slots=True)
class Compare:
    """`path operator value`; operator is one of == != < <= > >= in contains. `line`, `column` count from 1.

    `in` asks whether the fact is one of a list (of a fact that is a list: whether all of it is);
    `contains`, written `value in path`, asks whether a fact that is a list holds the value.
    """

    path: str
    operator: str
    value: Literal
    line: int = field(default=1, compare=False)
    column: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """True if all are true, false if any is false, otherwise unknown."""

    terms: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True if any is true, false if all are false, otherwise unknown."""

    terms: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True and false swapped; unknown stays."""

    term: "Expression"


@dataclass(frozen=True, slots=True)
class Constant:
    """`true` or `false` written as the whole condition."""

    value: bool


Expression: TypeAlias = Compare | And | Or | Not | Constant


def comparisons(expression: Expression) -> Iterator[Compare]:
    """Every comparison of the tree, from left to right."""
    match expression:
        case Compare():
            yield expression
        case And(terms=terms) | Or(terms=terms):
            for term in terms:
                yield from comparisons(term)
        case Not(term=term):
            yield from comparisons(term)
        case Constant():
            return


def paths(expression: Expression) -> tuple[str, ...]:
    """The fact paths read, each once, in the order written."""
    return tuple(dict.fromkeys(compare.path for compare in comparisons(expression)))


def write(expression: Expression) -> str:
    """The tree as `where` text; parsing that text gives the same tree."""
    match expression:
        case Compare(path=path, operator="contains", value=value):
            return f"{write_literal(value)} in {path}"
        case Compare(path=path, operator=operator, value=value):
            return f"{path} {operator} {write_literal(value)}"
        case And(terms=terms):
            return " && ".join(_operand(term, And, Or) for term in terms)
        case Or(terms=terms):
            return " || ".join(_operand(term, Or) for term in terms)
        case Not(term=term):
            return f"!{_operand(term, And, Or, Compare)}"
        case Constant(value=value):
            return "true" if value else "false"


def write_literal(value: Literal) -> str:
    """One literal as `where` text; words get quotes only where they need them."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(map(write_literal, value))}]"
    if isinstance(value, timedelta):
        return write_duration(value)
    if isinstance(value, str):
        return value if BARE.match(value) and value not in KEYWORDS else quoted(value)
    return repr(value)


def write_duration(value: timedelta) -> str:
    """The shortest ISO 8601 duration of whole seconds: P30D, PT5M, P1DT12H."""
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    clock = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if count)
    days = f"{value.days}D" if value.days else ""
    return f"P{days}{'T' + clock if clock else ''}" if days or clock else "PT0S"


def sortable(moment: datetime) -> str:
    """A time in UTC with always six digits of fraction, so that the order of the texts is the order of the times."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _operand(term: Expression, *wrapped: type) -> str:
    """A term of a larger expression, in parentheses where it would otherwise be read differently."""
    text = write(term)
    return f"({text})" if isinstance(term, wrapped) else text


def quoted(word: str) -> str:
    """A double-quoted word; everything unprintable as an escape."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(escapes.get(c) or (c if c.isprintable() else escape(c)) for c in word) + '"'


def escape(character: str) -> str:
    r"""`\uXXXX`, in two halves beyond the basic plane, as in JSON."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
