"""Catalog format, one file: every condition in its canonical spelling, every other character as it was.

1. The file is read as YAML; what is not YAML, or holds a condition that does not load, is refused.
2. Each condition is written anew in its place, in the YAML style it needs: plain where it can be, in quotes
   where it must be, and a block or several lines where it was one or is long.
3. The result is read again: each condition means what it meant, and nothing else has changed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evidence_api.domain.errors import InvalidSource, SourceFault
from evidence_api.domain.where import And, Expression, Not, Or
from evidence_api.formats import where_format, yaml_source
from evidence_api.formats.where import parse_where_at
from evidence_api.formats.yaml_source import Mapping, Node, Scalar

WIDTH = 120
_BLOCK = re.compile(r"(?P<header>[|>][^\n]*\n(?:[ ]*\n)*)(?P<indent>[ ]*)")
_BYTE_ORDER_MARK = "\ufeff"
# What a plain scalar cannot begin with, hold, or end with; inside [ ] and { } also what ends it there.
_NOT_FIRST = re.compile(r"[-?:](?:\s|\Z)|[!&*|>'\"%@`#,\[\]{}]")
_NOT_WITHIN = re.compile(r":(?:\s|\Z)|\s#")
_NOT_IN_FLOW = re.compile(r"[,\[\]{}]|:[,\[\]{}]")


@dataclass(frozen=True, slots=True)
class _Condition:
    """One condition: where it stands, what it means, and the column of its key."""

    node: Scalar
    meaning: Expression
    column: int


def format_source(text: str, file: str) -> str:
    """The text of a catalog file with its conditions formatted. Raises InvalidSource with every fault."""
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    body = text.removeprefix(mark)
    nodes, conditions = _read(body, file)
    end = "\r\n" if "\r\n" in body else "\n"
    pieces: list[str] = []
    at = 0
    for condition in conditions:
        node = condition.node
        pieces += [body[at : node.start], _written(condition, end)]
        at = node.start + len(node.raw)
    formatted = "".join([*pieces, body[at:]])
    if formatted != body:
        _unchanged(nodes, conditions, formatted, file)
    return mark + formatted


def _read(body: str, file: str) -> tuple[tuple[Node, ...], Sequence[_Condition]]:
    """The documents of a file, and their conditions from first to last."""
    faults: list[SourceFault] = []
    nodes = yaml_source.documents(body, file, faults)
    found: list[_Condition] = []
    for key, node, kind in (one for document in nodes for one in _conditions(document)):
        try:
            meaning = parse_where_at(node.text, kind, file=file, locate=node.locate())
            found.append(_Condition(node, meaning, key.column))
        except InvalidSource as invalid:
            faults += invalid.faults
    if faults:
        raise InvalidSource(faults)
    return nodes, sorted(found, key=lambda condition: condition.node.start)


def _conditions(node: Node) -> Iterator[tuple[Scalar, Scalar, str]]:
    """Each `where` of a query, and of its population: key, value and the query's kind."""
    if isinstance(node, yaml_source.Sequence):
        for item in node.items:
            yield from _conditions(item)
    if not isinstance(node, Mapping):
        return
    entries = {key.text: (key, value) for key, value in node.entries}
    kind = entries["kind"][1] if "kind" in entries else None
    if isinstance(kind, Scalar):
        holders = [entries]
        population = entries["population"][1] if "population" in entries else None
        if isinstance(population, Mapping):
            holders.append({key.text: (key, value) for key, value in population.entries})
        for key, value in (holder["where"] for holder in holders if "where" in holder):
            if isinstance(value, Scalar):
                yield key, value, kind.text
        return
    for _, value in node.entries:
        yield from _conditions(value)


def _written(condition: _Condition, end: str) -> str:
    """What stands for a condition in the file from now on."""
    node = condition.node
    pieces = where_format.chunks(node.text)
    if node.style in {"|", ">"}:
        return _block(node, pieces, end)
    indent = " " * (condition.column + 1)
    text = _scalar(" ".join(pieces), flow=node.flow)
    if node.column - 1 + len(text) <= WIDTH:
        return text
    lines = where_format.wrapped(pieces, WIDTH - node.column, WIDTH - len(indent))
    return _scalar(f"{end}{indent}".join(lines), flow=node.flow)


def _block(node: Scalar, pieces: Sequence[str], end: str) -> str:
    """A block stays one, with the header and the indentation it had; what follows its text stays too."""
    raw = node.raw.replace("\r\n", "\n")
    found = _BLOCK.match(raw)
    if found is None or not found["indent"]:
        return node.raw
    indent = found["indent"]
    body = raw[found.end("header") :]
    kept = body.rstrip()
    tail = body[len(kept) :]
    lines = where_format.wrapped(pieces, WIDTH - len(indent), WIDTH - len(indent))
    return (found["header"] + "\n".join(f"{indent}{line}" for line in lines) + tail).replace("\n", end)


def _scalar(text: str, *, flow: bool) -> str:
    """A text as a YAML scalar: plain, or in single quotes; in double quotes where it holds both."""
    plain = not (_NOT_FIRST.match(text) or _NOT_WITHIN.search(text) or (flow and _NOT_IN_FLOW.search(text)))
    return text if plain else "'" + text.replace("'", "''") + "'"


def _unchanged(nodes: Sequence[Node], conditions: Sequence[_Condition], formatted: str, file: str) -> None:
    """The formatted text says what the text said."""
    again, after = _read(formatted, file)
    meant = [flat(condition.meaning) for condition in conditions]
    if meant != [flat(condition.meaning) for condition in after] or _skeleton(nodes, conditions) != _skeleton(
        again, after
    ):
        message = "formatting would change what the file says, so it was left alone"
        fix = "write the conditions by hand, and report this file"
        raise InvalidSource([SourceFault(file, 1, 1, "not_formatted", message, fix)])


def flat(expression: Expression) -> Expression:
    """The same with && inside && taken together, and || inside ||: their order says all there is to say."""
    match expression:
        case And(terms=terms):
            return And(tuple(_taken(terms, And)))
        case Or(terms=terms):
            return Or(tuple(_taken(terms, Or)))
        case Not(term=term):
            return Not(flat(term))
        case _:
            return expression


def _taken(terms: Sequence[Expression], joined: type[And | Or]) -> Iterator[Expression]:
    for term in map(flat, terms):
        if isinstance(term, And | Or) and isinstance(term, joined):
            yield from term.terms
        else:
            yield term


def _skeleton(nodes: Sequence[Node], conditions: Sequence[_Condition]) -> object:
    """Everything the documents say but their conditions."""
    hidden = {id(condition.node) for condition in conditions}

    def plain(node: Node) -> object:
        if isinstance(node, Scalar):
            return None if id(node) in hidden else node.text
        if isinstance(node, Mapping):
            return {key.text: plain(value) for key, value in node.entries}
        return [plain(item) for item in node.items]

    return [plain(node) for node in nodes]
