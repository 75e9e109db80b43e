"""Rego tree: the engine's syntax tree of a module: its walk, its places in the text, and text written anew there.

Read by the modules that judge policies (rego_lint.py, rego_membership.py) and by those that write what the engine reads
in their stead (rego_negation.py, rego_results.py, rego_unparse.py). An expression is a mapping with one key, its kind.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

Node: TypeAlias = Mapping[str, Any]
Edit: TypeAlias = tuple[int, int, bytes]


def nodes(tree: Any, without: frozenset[str] = frozenset()) -> Iterator[Node]:  # noqa: ANN401  any part of a tree
    """Every mapping of a tree, not going into one that has a key of `without`. Without recursion: trees are deep."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            yield node
            if not without & node.keys():
                stack.extend(node.values())


def only(expression: Node) -> tuple[str, Node]:
    """Kind and contents of an expression: {"Call": {…}}."""
    ((kind, node),) = expression.items()
    return kind, node


def operands(kind: str, node: Node) -> Iterator[Node]:
    """What a call, an infix expression or a collection is made of, in the order of the text."""
    if kind == "Call":
        yield from node["params"]
    elif kind == "Membership":
        if node["key"] is not None:
            yield node["key"]
        yield from (node["value"], node["collection"])
    elif kind == "Object":
        for _, key, value in node["fields"]:
            yield from (key, value)
    elif kind in {"Array", "Set"}:
        yield from node["items"]
    else:
        yield from (node["lhs"], node["rhs"])


def place(source: bytes, span: Node) -> tuple[int, int]:
    """Line and column, from 1, where a span begins: its own column counts a tab as four; its byte offsets are exact."""
    start = int(span["start"])
    return int(span["line"]), len(source[source.rfind(b"\n", 0, start) + 1 : start].decode()) + 1


def edited(source: bytes, edits: Iterable[Edit]) -> bytes:
    """The text with each (start, end, new text) in place of what stood there; start equals end for an insertion."""
    parts, last = [], 0
    for start, end, text in sorted(edits):
        parts += [source[last:start], text]
        last = end
    return b"".join((*parts, source[last:]))
