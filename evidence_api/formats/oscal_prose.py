"""OSCAL, fourth step: the statement of a control as lines people can read, with its parameters written out.

`{{ insert: param, ac-02_odp.01 }}` becomes the parameter's values; without any, `[Selection: this; that]` or
`[Assignment: what it is]`, as NIST prints them; a constraint a profile has set follows the name of what is assigned.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from evidence_api.domain.errors import TooLarge
from evidence_api.formats.oscal_catalog import OscalControl
from evidence_api.formats.oscal_document import Node, one_line

# The form of OSCAL 1, and the one before it.
_INSERT = re.compile(r"\{\{\s*(?:insert:\s*param,\s*)?([^\s{}:,]+)\s*\}\}")
_LOOSE = re.compile(r"(?<=\]) (?=[;:,.)])")  # a blank that stands between a parameter and the sign after it
_INDENT = "  "
_MAX_TRAIL = 16  # parameters that insert one another


@dataclass(slots=True)
class _Lines:
    """Lines, and how long they are together."""

    found: list[str] = field(default_factory=list)
    length: int = 0

    def add(self, line: str) -> None:
        self.found.append(line)
        self.length += len(line) + 1


class Prose:
    """Text of one catalog; no text it gives is longer than `limit` characters, whatever parameters insert."""

    def __init__(self, params: Mapping[str, Node], limit: int) -> None:
        """`params` are the parameters of the catalog, by id."""
        self._params = params
        self._limit = limit
        self._known: dict[str, str] = {}

    def title(self, control: OscalControl) -> str:
        """The title on one line. Raises Malformed, TooLarge."""
        return one_line(self._inserted(control.node.text("title", required=True), control.node, "title", ()))

    def statement(self, control: OscalControl) -> str:
        """The parts named statement, an item a line under its label; "" where there is none. Raises Malformed,
        TooLarge."""
        lines = _Lines()
        for part in control.node.nodes("parts"):
            if part.text("name", required=True) == "statement":
                self._part(part, 0, lines)
        return "\n".join(lines.found)

    def _part(self, part: Node, depth: int, lines: _Lines) -> None:
        """One part: label, title and prose; then the parts inside it, further to the right."""
        labels = [prop.text("value") for prop in part.nodes("props") if prop.text("name") == "label"]
        prose = self._inserted(part.text("prose"), part, "prose", ())
        said = [line for line in map(one_line, prose.splitlines()) if line]
        words = [one_line(word) for word in (*labels[:1], part.text("title"), *said[:1])]
        if head := " ".join(word for word in words if word):
            lines.add(_INDENT * depth + head)
        for line in said[1:]:
            lines.add(_INDENT * (depth + 1) + line)
        if lines.length > self._limit:
            raise self._too_long(part, "prose", lines.length)
        for inner in part.nodes("parts"):
            self._part(inner, depth + bool(head), lines)

    def _inserted(self, text: str, node: Node, key: str, trail: tuple[str, ...]) -> str:
        """The text with its parameters written out; `trail` are the parameters that led here."""

        def pieces() -> Iterator[str]:
            last = 0
            for found in _INSERT.finditer(text):
                yield text[last : found.start()]
                yield self._parameter(found[1], node, key, trail)
                last = found.end()
            yield text[last:]

        return _LOOSE.sub("", self._joined("", pieces(), node, key))

    def _joined(self, between: str, pieces: Iterable[str], node: Node, key: str) -> str:
        """The pieces as one text, given up as soon as it is too long."""
        kept: list[str] = []
        length = 0
        for piece in pieces:
            kept.append(piece)
            length += len(piece) + len(between)
            if length > self._limit + len(between):
                raise self._too_long(node, key, length)
        return between.join(kept)

    def _parameter(self, name: str, node: Node, key: str, trail: tuple[str, ...]) -> str:
        """One parameter, written out once."""
        if name in trail or len(trail) >= _MAX_TRAIL:
            message = f"inserts parameters that insert each other, over {_MAX_TRAIL} of them or one twice"
            raise node.bad(key, message, " > ".join((*trail, name)))
        if name not in self._known:
            param = self._params.get(name)
            self._known[name] = f"[Assignment: {name}]" if param is None else self._written(param, (*trail, name))
        return self._known[name]

    def _written(self, param: Node, trail: tuple[str, ...]) -> str:
        if values := param.texts("values"):
            given = (self._inserted(value, param, "values", trail) for value in values)
            return one_line(self._joined(", ", given, param, "values"))
        if select := param.node("select"):
            several = select.one_of("how-many", ("one", "one-or-more"), "one") == "one-or-more"
            choices = (one_line(self._inserted(one, select, "choice", trail)) for one in select.texts("choice"))
            listed = self._joined("; ", choices, select, "choice")
            return f"[Selection{' (one or more)' if several else ''}: {listed}]"
        label = one_line(self._inserted(param.text("label"), param, "label", trail)) or trail[-1]
        constraints = (one_line(one.text("description")) for one in param.nodes("constraints"))
        return f"[Assignment: {self._joined(': ', (label, *filter(None, constraints)), param, 'constraints')}]"

    def _too_long(self, node: Node, key: str, length: int) -> TooLarge:
        path = f"{node.path}.{key}"
        message = f"{path} has {length} characters with its parameters written out; import without text"
        return TooLarge(message, limit=self._limit, value=length, path=path)
