"""Catalog load, per mapping: keys taken as their rows of the table say (catalog_shapes.py), each typed.

A key that is not in the table cannot be asked for, and one that nobody asks for is reported as unknown: so
the table, the readers and the JSON Schema made of the table agree.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import TypeVar

from evidence_api.formats import yaml_source
from evidence_api.formats.catalog_fields import Fields, Sink
from evidence_api.formats.catalog_keys import (
    Either,
    Identifier,
    Integer,
    Key,
    ListOf,
    Nested,
    Reads,
    Shape,
    Word,
    Words,
)
from evidence_api.formats.yaml_source import Node, Scalar

_T = TypeVar("_T")
_R = TypeVar("_R", bound=Reads)


class Reading:
    """One YAML mapping of a known shape, read key by key."""

    def __init__(self, node: Node, sink: Sink, shape: Shape) -> None:
        """`shape` says which keys there are."""
        self.shape = shape
        self.fields = Fields(node, sink, shape.name, {name: key.example for name, key in shape.keys.items()})

    @property
    def values(self) -> Mapping[str, tuple[Scalar, Node]]:
        """What was written: key to the nodes of key and value."""
        return self.fields.values

    @property
    def sink(self) -> Sink:
        """Where faults go."""
        return self.fields.sink

    @property
    def node(self) -> Node:
        """The mapping itself."""
        return self.fields.node

    def text(self, key: str) -> str:
        """Free text; "" when absent."""
        return self.fields.text(key, required=self.shape.keys[key].required)

    def identifier(self, key: str) -> str:
        """A required id."""
        return self.fields.identifier(key, reference=self._row(key, Identifier)[1].reference)

    def word(self, key: str) -> str:
        """One of a closed list, or its default."""
        reads = self.shape.keys[key].reads
        word = reads.scalar if isinstance(reads, Either) else reads
        assert isinstance(word, Word), key  # noqa: S101  the table and its readers are written together
        return self.fields.word(key, word.allowed, word.default)

    def words(self, key: str) -> tuple[str, ...]:
        """A list of words."""
        return self.fields.words(key, self._row(key, Words)[1].allowed)

    def integer(self, key: str) -> int | None:
        """A whole number; None when absent or faulty."""
        row, reads = self._row(key, Integer)
        if row.required:
            self.fields.required(key)
        return self.fields.integer(key, reads.low, reads.high)

    def duration(self, key: str) -> timedelta:
        """A required duration."""
        return self.fields.duration(key)

    def day(self, key: str) -> date:
        """A required date."""
        return self.fields.day(key)

    def scalar(self, key: str) -> Node | None:
        """The node of a key, for readers that need its place; a fault where a required one is absent."""
        return self.fields.required(key) if self.shape.keys[key].required else self.fields.node_of(key)

    def items(self, key: str, *, required: bool = True) -> tuple[Node, ...]:
        """The nodes of a list."""
        return self.fields.items(key, required=required and self.shape.keys[key].required)

    def item(self, key: str, node: Node) -> "Reading":
        """One mapping of a list."""
        return Reading(node, self.sink, self._row(key, ListOf)[1].item.shape)

    def nested(self, key: str, read: Callable[["Reading"], _T]) -> _T | None:
        """A mapping inside this one, read and closed; None when absent, or when it is written as one word."""
        reads = self.shape.keys[key].reads
        assert isinstance(reads, Nested | Either), key  # noqa: S101  as above
        node = self.fields.node_of(key)
        if node is None or (isinstance(reads, Either) and not isinstance(node, yaml_source.Mapping)):
            return None
        inner = Reading(node, self.sink, reads.shape)
        value = read(inner)
        inner.close()
        return value

    def value(self, key: str) -> Node:
        """The node of a key's value, or the mapping where it is absent: where to point."""
        return self.values[key][1] if key in self.values else self.node

    def close(self) -> None:
        """Report the keys nobody asked for."""
        self.fields.close()

    def _row(self, key: str, reads: type[_R]) -> tuple[Key, _R]:
        row = self.shape.keys[key]
        assert isinstance(row.reads, reads), key  # noqa: S101  as above
        return row, row.reads
