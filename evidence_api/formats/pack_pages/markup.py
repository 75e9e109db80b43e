"""HTML by construction: every string is escaped when it becomes part of an element, tags are never pasted.

`Markup` is what has been escaped; anything else is text. Characters the embedded fonts cannot draw, and
those that steer how others are drawn (controls, bidirectional marks), are printed as `[U+XXXX]`, so a
page shows the same on every machine and nothing on it is invisible.
"""

import html
import re
from collections.abc import Iterable
from typing import TypeAlias

# What all four embedded faces can draw (a test compares with the font files).
_DRAWN = re.compile(
    "[^\n\u0020-\u007e\u00a1-\u00ac\u00ae-\u017f\u018f\u0192\u01a0\u01a1\u01af\u01b0\u01cd-\u01dc\u0218-\u021b"
    "\u0400-\u045f\u0490-\u04c2\u1e80-\u1e85\u1e9e\u1ea0-\u1ef9\u2010-\u2015\u2018-\u201a\u201c-\u201e\u2020-\u2022"
    "\u2026\u2030\u2032\u2033\u2039\u203a\u2044\u20ac\u20bd\u20bf\u2116\u2122\u2190-\u2193\u21ba\u2211\u2212\u221e"
    "\u2248\u2260\u2264\u2265\u2713]"
)
_VOID = frozenset({"br", "col", "meta"})
_SPACES = re.compile("[\t\r\u00a0\u2000-\u200a\u202f\u205f\u3000]")


class Markup(str):
    """Text that is HTML already. Made by `el` and `join` alone."""

    __slots__ = ()


Child: TypeAlias = "str | Markup | Iterable[Child] | None"


def printable(text: str) -> str:
    """The text with every character the fonts lack, or that would not be seen, shown by its number."""
    return _DRAWN.sub(lambda found: f"[U+{ord(found.group()):04X}]", _SPACES.sub(" ", text))


def join(*children: Child) -> Markup:
    """The children one after the other."""
    parts: list[str] = []
    _collect(children, parts)
    return Markup("".join(parts))


def el(tag: str, *children: Child, **attributes: str | int | None) -> Markup:
    """One element. `class_` is class, an underscore inside a name is a hyphen, None leaves it out."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(printable(str(value)), quote=True)}"'
        for name, value in attributes.items()
        if value is not None
    )
    parts = [f"<{tag}{written}>"]
    _collect(children, parts)
    if tag not in _VOID:
        parts.append(f"</{tag}>")
    return Markup("".join(parts))


def _collect(children: Iterable[Child], parts: list[str]) -> None:
    for child in children:
        if child is None:
            continue
        if isinstance(child, Markup):
            parts.append(child)
        elif isinstance(child, str):
            parts.append(html.escape(printable(child), quote=False))
        else:
            _collect(child, parts)
