"""Catalog load, per mapping: take typed values out of YAML nodes, and collect every fault with its place.

A `Fields` reads one YAML mapping key by key; `close()` reports the keys nobody asked for, with the
nearest name that exists. Reading goes on after a fault, so that one load reports all of them.
"""

import re
from collections.abc import Mapping as Examples
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from evidence_api.domain.control import Place
from evidence_api.domain.errors import SourceFault
from evidence_api.formats.where_types import nearest, parse_duration
from evidence_api.formats.yaml_source import Mapping, Node, Scalar
from evidence_api.formats.yaml_source import Sequence as Items

MAX_TEXT = 8_192
MAX_ITEMS = 10_000
_INTEGER = re.compile(r"-?[0-9]{1,9}\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
IDENTIFIER = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?"
# The same, and the enhancements of NIST SP 800-53 as they are written: AC-2(1).
REFERENCE = r"(?=.{1,64}$)[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\([A-Za-z0-9]{1,8}\)){0,3}"
_IDENTIFIER = re.compile(IDENTIFIER + r"\Z")
_REFERENCE = re.compile(REFERENCE + r"\Z")


@dataclass(frozen=True, slots=True)
class Sink:
    """Where the faults of one file go."""

    file: str
    faults: list[SourceFault]

    def at(self, node: Node, code: str, message: str, hint: str = "") -> None:
        """Add one fault at a node."""
        self.faults.append(SourceFault(self.file, node.line, node.column, code, message, hint))

    def place(self, node: Node) -> Place:
        """Where a node is written."""
        return Place(self.file, node.line, node.column)


class Fields:
    """One YAML mapping, read key by key."""

    def __init__(self, node: Node, sink: Sink, what: str, examples: Examples[str, str] | None = None) -> None:
        """`what` names the mapping in faults, e.g. "control"; `examples` are values of its keys, for hints."""
        self.node, self.sink, self.what, self.examples = node, sink, what, examples or {}
        self.values: dict[str, tuple[Scalar, Node]] = {}
        self.asked: list[str] = []
        if isinstance(node, Mapping):
            self.values = {key.text: (key, value) for key, value in node.entries}
        else:
            sink.at(node, "wrong_shape", f"a {what} is a mapping of keys to values", self._example_of_a_key())

    def node_of(self, key: str) -> Node | None:
        """The value of a key, or None."""
        self.asked.append(key)
        found = self.values.get(key)
        return found[1] if found else None

    def required(self, key: str) -> Node | None:
        """The same, and a fault where it is absent."""
        node = self.node_of(key)
        if node is None and isinstance(self.node, Mapping):
            close = nearest(key, [name for name in self.values if name not in self.asked])
            hint = close if close.startswith("did") else self._written(key)
            self.sink.at(self.node, "missing_key", f"{self.what}: the key '{key}' is missing", hint)
        return node

    def _written(self, key: str) -> str:
        """How a key is written."""
        return f"write {key}: {self.examples.get(key, '…')}"

    def _example_of_a_key(self) -> str:
        return self._written(next(iter(self.examples), "key"))

    def text(self, key: str, *, required: bool = False) -> str:
        """Free text, folded to one line's white space at its ends; "" when absent."""
        node = self.required(key) if required else self.node_of(key)
        if node is None:
            return ""
        if not isinstance(node, Scalar):
            self.sink.at(node, "wrong_shape", f"'{key}' is text", self._written(key))
            return ""
        if len(node.text) > MAX_TEXT:
            message = f"'{key}' has {len(node.text)} characters; the limit is {MAX_TEXT}"
            self.sink.at(node, "too_large", message, "shorten it")
        if required and not node.text.strip():
            self.sink.at(node, "empty_value", f"'{key}' is empty", self._written(key))
        return node.text.strip()

    def identifier(self, key: str, *, reference: bool = False) -> str:
        """A required id: letters, digits, `.`, `_` and `-`, at most 64; a reference may end in `(1)`."""
        text = self.text(key, required=True)
        node = self.values[key][1] if key in self.values else None
        if text and node and not (_REFERENCE if reference else _IDENTIFIER).match(text):
            hint = "write letters, digits, . _ - and at most 64 of them" + (", then (1)" if reference else "")
            self.sink.at(node, "bad_id", f"'{text[:80]}' is no id", hint)
        return text

    def word(self, key: str, allowed: Sequence[str], default: str) -> str:
        """One of a closed list."""
        text = self.text(key)
        if text and text not in allowed:
            self.sink.at(
                self.values[key][1], "unknown_value", f"'{key}' is never '{text[:60]}'", nearest(text, allowed)
            )
            return default
        return text or default

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int | None:
        """A whole number between two bounds."""
        node = self.node_of(key)
        if node is None:
            return default
        if not isinstance(node, Scalar) or not _INTEGER.match(node.text) or not low <= int(node.text) <= high:
            message = f"'{key}' is a whole number from {low} to {high}"
            self.sink.at(node, "unknown_value", message, self._written(key))
            return default
        return int(node.text)

    def duration(self, key: str) -> timedelta:
        """A required ISO 8601 duration longer than nothing."""
        node = self.required(key)
        found = parse_duration(node.text) if isinstance(node, Scalar) else None
        if node is not None and not found:
            self.sink.at(
                node, "unknown_value", f"'{key}' is an ISO 8601 duration of fixed length", "write e.g. P30D or PT12H"
            )
        return found or timedelta(0)

    def day(self, key: str) -> date:
        """A required date, YYYY-MM-DD."""
        node = self.required(key)
        if node is not None:
            try:
                if isinstance(node, Scalar) and _DATE.match(node.text):
                    return date.fromisoformat(node.text)
            except ValueError:
                pass  # no such day: reported below like any other bad date
            self.sink.at(node, "unknown_value", f"'{key}' is a date", f"YYYY-MM-DD; {self._written(key)}")
        return date.min

    def items(self, key: str, *, required: bool = False) -> tuple[Node, ...]:
        """A list, bounded; a required one is not empty."""
        node = self.required(key) if required else self.node_of(key)
        if node is None:
            return ()
        if not isinstance(node, Items):
            self.sink.at(node, "wrong_shape", f"'{key}' is a list", self._written(key))
            return ()
        if required and not node.items:
            self.sink.at(node, "empty_value", f"'{key}' is an empty list", self._written(key))
        if len(node.items) > MAX_ITEMS:
            message = f"'{key}' has {len(node.items)} items; the limit is {MAX_ITEMS}"
            self.sink.at(node, "too_large", message, "split it over several documents")
        return node.items[:MAX_ITEMS]

    def words(self, key: str, allowed: Sequence[str] = ()) -> tuple[str, ...]:
        """A list of words, or one word standing for a list of one."""
        node = self.node_of(key)
        nodes = (node,) if isinstance(node, Scalar) else self.items(key)
        found: list[str] = []
        for item in nodes:
            if not isinstance(item, Scalar) or not item.text.strip():
                self.sink.at(item, "wrong_shape", f"'{key}' is a list of words", self._written(key))
            elif allowed and item.text not in allowed:
                self.sink.at(item, "unknown_value", f"'{key}' is never '{item.text[:60]}'", nearest(item.text, allowed))
            else:
                found.append(item.text)
        return tuple(found)

    def close(self) -> None:
        """Report the keys nobody asked for."""
        for name, (key, _) in self.values.items():
            if name not in self.asked:
                hint = nearest(name, self.asked) or f"leave it out; a {self.what} has {', '.join(self.asked)}"
                self.sink.at(key, "unknown_key", f"{self.what}: there is no key '{name[:60]}'", hint)
