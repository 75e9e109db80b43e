"""The `where` language: its syntax tree, and its three-valued meaning.

    expression := comparison | and | or | not | literal truth
    A comparison of an absent fact is *unknown*; `!` keeps unknown; `&&` is false if either side is
    false; `||` is true if either side is true; otherwise an unknown side makes the whole unknown.

Text becomes this tree in formats/where.py; the tree becomes Rego in formats/catalog_rego.py.
"""

from dataclasses import dataclass
from typing import TypeAlias

Literal: TypeAlias = bool | int | float | str | tuple["Literal", ...] | None


@dataclass(frozen=True, slots=True)
class Compare:
    """`path operator value`; operator is one of == != < <= > >= in. `line`, `column` count from 1."""

    path: str
    operator: str
    value: Literal
    line: int = 1
    column: int = 1


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
