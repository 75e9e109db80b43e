"""Catalog to Rego, smallest parts: names, literals and comments that are safe inside a module.

Nothing an author writes reaches Rego except through here: words as JSON strings, comments on lines of
their own without control characters, names from a register that gives each once.
"""

import json
import re
import textwrap
from collections.abc import Iterable
from datetime import timedelta

from evidence_api.domain.where import Literal, escape

LINE = 100  # characters of a comment line
_RESERVED = frozenset(
    [
        "as",
        "contains",
        "data",
        "default",
        "else",
        "every",
        "false",
        "if",
        "import",
        "in",
        "input",
        "not",
        "null",
        "package",
        "set",
        "some",
        "true",
        "with",
    ]
)
_NO_NAME = re.compile(r"[^a-z0-9]+")


class Names:
    """Gives out Rego names: readable, lower case, each once."""

    def __init__(self, taken: Iterable[str]) -> None:
        """`taken` are the names of the module's own rules."""
        self.taken = {*taken, *_RESERVED}

    def name(self, *parts: str) -> str:
        """A name made of the parts; a number is added where it is taken already."""
        words = (_NO_NAME.sub("_", part.lower()).strip("_") for part in parts)
        wanted = "_".join(word for word in words if word)[:72].rstrip("_") or "rule"
        wanted = wanted if wanted[0].isalpha() else f"r_{wanted}"
        found, number = wanted, 1
        while found in self.taken:
            number += 1
            found = f"{wanted}_{number}"
        self.taken.add(found)
        return found


def literal(value: Literal) -> str:
    """A literal of the where language as Rego; durations as seconds, lists as sets."""
    if isinstance(value, tuple):
        return "{" + ",\n\t\t".join(literal(item) for item in dict.fromkeys(value)) + "}"
    if isinstance(value, timedelta):
        return str(value.days * 86_400 + value.seconds)
    return text(value) if isinstance(value, str) else json.dumps(value)


def text(word: str) -> str:
    """A word as a Rego string; line ends of every script are escaped, so that no line is broken by it."""
    plain = json.dumps(word, ensure_ascii=False)
    return "".join(character if character.isprintable() else escape(character) for character in plain)


def comment(words: str, indent: str = "") -> list[str]:
    """Text as comment lines; white space and control characters become single spaces."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return [f"# {line}" for line in textwrap.wrap(plain, LINE, subsequent_indent=indent)]


def call(function: str, arguments: Iterable[tuple[str, str]], more: str = "") -> list[str]:
    """An item of a list: a call whose first argument is an object, a key a line; `more` are the other arguments."""
    lines = [f"\t{function}({{"]
    lines += [f'\t\t"{name}": {value},' for name, value in arguments]
    return [*lines, f"\t}}{more}),"]
