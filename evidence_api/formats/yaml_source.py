"""Catalog load, first step: YAML text to nodes that know their place, with the traps of YAML closed.

Scalars stay text: what `no`, `on`, `1e3` or `2026-09-01` mean is decided by the key they stand under, never
by YAML. Anchors, aliases and tags are refused (an auditor reads each control as it stands, and an alias
bomb cannot be written), duplicate keys are faults, and depth and size are bounded.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from evidence_api.domain.errors import SourceFault

MAX_CHARACTERS = 1_048_576  # of one file
MAX_DEPTH = 16
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what libyaml counts as the end of a line
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
# White space that folding takes away; in double quotes also an escaped end of line.
_FOLDS = {False: re.compile(r"\s*"), True: re.compile(r"(?:\s|\\[\n\r\x85\u2028\u2029])*")}
_ESCAPE_LENGTH = {"x": 4, "u": 6, "U": 10}


@dataclass(frozen=True, slots=True)
class Scalar:
    """One scalar's text; `line` and `column` count from 1; `raw` is how it stands in the file, from `start` on
    (characters, a byte order mark not counted). In a `flow` collection other characters end it."""

    text: str
    line: int
    column: int
    raw: str = field(repr=False, default="")
    style: str | None = None
    start: int = field(repr=False, default=0)
    flow: bool = field(repr=False, default=False)

    def locate(self) -> Callable[[int], tuple[int, int]]:
        """Offsets of `text` to places of the file, through quotes, escapes, folding and indentation."""
        if self.raw == self.text and not _BREAK.search(self.text):
            return lambda at: (self.line, self.column + at)
        places = list(_places(self))
        return lambda at: places[min(at, len(places) - 1)] if places else (self.line, self.column)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of nodes."""

    items: tuple["Node", ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order written; duplicates were reported and dropped."""

    entries: tuple[tuple[Scalar, "Node"], ...]
    line: int
    column: int


Node: TypeAlias = Scalar | Sequence | Mapping


class _Refused(Exception):
    """A construct of YAML that catalogs do not use."""

    def __init__(self, line: int, column: int, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.parts = (line, column, code, message, hint)


def documents(text: str, file: str, faults: list[SourceFault]) -> tuple[Node, ...]:
    """The documents of one file, empty ones left out. Faults are added to the list; after a fault of
    syntax the documents before it are still given."""
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_CHARACTERS:
        message = f"{len(text)} characters; the limit is {MAX_CHARACTERS}"
        faults.append(SourceFault(file, 1, 1, "too_large", message, "split it in several files"))
        return ()
    if found := _FORBIDDEN.search(text):
        line, column = place(text, found.start())
        faults.append(SourceFault(file, line, column, "yaml_syntax", f"control character {found[0]!r}", "take it out"))
        return ()
    composed: list[Node] = []
    try:
        composed.extend(_Composer(text, file, faults).documents())
    except _Refused as refused:
        faults.append(SourceFault(file, *refused.parts))
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        if "end of stream" in (fault.problem or ""):  # what is not closed is where it was opened
            mark = fault.context_mark or mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = ", ".join(part for part in (fault.context, fault.problem) if part)
        faults.append(SourceFault(file, line, column, "yaml_syntax", message, _repair(fault)))
    return tuple(composed)


# What to write instead, by what libyaml says; its last words are of the indentation or the quotes in most cases.
_REPAIRS = (
    ("mapping values are not allowed", "quote text that holds ': ', or correct the indentation"),
    ("cannot start any token", "indent with spaces, and quote text that begins with a sign"),
    ("found unexpected end of stream", "close the quote"),
    ("did not find expected ',' or", "close the bracket, or put a comma between the items"),
    ("could not find expected ':'", "write key: value, with a space after the colon"),
    ("did not find expected key", "begin every key in the same column; quote a text that begins with a quote"),
    ("did not find expected '-'", "begin every item of a list with - in the same column"),
)


def _repair(fault: yaml.MarkedYAMLError) -> str:
    said = fault.problem or ""
    return next((fix for words, fix in _REPAIRS if words in said), "look at the indentation and the quotes around it")


def place(text: str, at: int) -> tuple[int, int]:
    """Line and column, from 1, of an offset."""
    ends = [found.end() for found in _BREAK.finditer(text, 0, at)]
    return len(ends) + 1, at - (ends[-1] if ends else 0) + 1


class _Composer:
    """libyaml's events to nodes. Events come from an iterative parser, so depth is checked before recursion."""

    def __init__(self, text: str, file: str, faults: list[SourceFault]) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.text, self.file, self.faults = text, file, faults
        self.events = iter(yaml.parse(text, Loader=loader))
        self.flow = 0  # flow collections around the node

    def documents(self) -> Iterator[Node]:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                node = self.node(next(self.events), 0)
                if not (isinstance(node, Scalar) and node.text == "" and not node.style):
                    yield node

    def node(self, event: yaml.Event, depth: int) -> Node:
        start, end = event.start_mark, event.end_mark
        assert start is not None, "libyaml marks every event"  # noqa: S101  narrows an over-wide stub
        assert end is not None, "libyaml marks every event"  # noqa: S101  the same
        line, column = start.line + 1, start.column + 1
        self.refuse(event, line, column, depth)
        if isinstance(event, yaml.ScalarEvent):
            raw = self.text[start.index : end.index]
            return Scalar(event.value, line, column, raw, event.style, start.index, self.flow > 0)
        flow = bool(getattr(event, "flow_style", False))
        self.flow += flow
        node = self.collection(event, line, column, depth)
        self.flow -= flow
        return node

    def collection(self, event: yaml.Event, line: int, column: int, depth: int) -> Node:
        if isinstance(event, yaml.SequenceStartEvent):
            return Sequence(tuple(self.items(depth)), line, column)
        return Mapping(tuple(self.entries(depth)), line, column)

    def refuse(self, event: yaml.Event, line: int, column: int, depth: int) -> None:
        """Aliases, anchors, tags and depth."""
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused(line, column, "yaml_alias", "catalogs use no anchors and no aliases", "write the text out")
        tag = getattr(event, "tag", None)
        if tag:
            hint = "quote text that begins with !" if tag.startswith("!") else "leave the tag out"
            raise _Refused(line, column, "yaml_tag", f"catalogs use no tags, found {tag[:60]}", hint)
        if depth > MAX_DEPTH:
            raise _Refused(line, column, "too_deep", f"nested over {MAX_DEPTH} levels", "nest less deeply")

    def items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            yield self.node(event, depth + 1)

    def entries(self, depth: int) -> Iterator[tuple[Scalar, Node]]:
        seen: dict[str, int] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key, value = self.node(event, depth + 1), self.node(next(self.events), depth + 1)
            if not isinstance(key, Scalar):
                raise _Refused(key.line, key.column, "yaml_key", "a key is a word, not a list or mapping", "name it")
            if key.text in seen:
                message = f"key '{key.text[:60]}' is written twice; first on line {seen[key.text]}"
                fault = SourceFault(self.file, key.line, key.column, "duplicate_key", message, "leave out either")
                self.faults.append(fault)
                continue
            seen[key.text] = key.line
            yield key, value


def _places(scalar: Scalar) -> Iterator[tuple[int, int]]:
    """For each character of the text, and one past it, the place in the file it was written at.

    White space of text and file are run against each other (folding and indentation change only that);
    everything else stands in the same order in both, apart from escapes.
    """
    ends = [found.end() for found in _BREAK.finditer(scalar.raw)]
    raw, at = scalar.raw, _first(scalar)

    def there(offset: int) -> tuple[int, int]:
        line = bisect_right(ends, offset)
        return scalar.line + line, offset - ends[line - 1] + 1 if line else scalar.column + offset

    for character in scalar.text:
        if not character.isspace():
            folded = _FOLDS[scalar.style == '"'].match(raw, at)
            at = folded.end() if folded else at
        yield there(min(at, len(raw)))
        at += _width(scalar.style, raw, at)
    yield there(min(at, len(raw)))


def _first(scalar: Scalar) -> int:
    """Where the text begins: after the quote, or after the header line of a block."""
    if scalar.style in {'"', "'"}:
        return 1
    if scalar.style in {"|", ">"}:
        header = _BREAK.search(scalar.raw)
        return header.end() if header else len(scalar.raw)
    return 0


def _width(style: str | None, raw: str, at: int) -> int:
    """How many characters of the file one character of the text takes."""
    if style == '"' and raw[at : at + 1] == "\\":
        return _ESCAPE_LENGTH.get(raw[at + 1 : at + 2], 2)
    if style == "'" and raw[at : at + 2] == "''":
        return 2
    return 1
