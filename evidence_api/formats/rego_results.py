"""Rego results as arguments: `f(a, x)` written as `x = f(a)` where f is an added builtin, for the embedded engine only.

OPA lets any builtin's call name its result as one argument more. The engine knows that of its own builtins, not of
those added to it. Line numbers stay; a call whose text is not plain (a comment inside) is left, and fails there.
"""

from collections.abc import Iterator

from evidence_api.formats.rego_builtins import ADDED
from evidence_api.formats.rego_tree import Edit, Node, edited, nodes, only

_PLAIN = frozenset({"Var", "Array", "Object", "Bool", "Null"})  # a string's span leaves its quotes out


def bound_results(source: bytes, tree: Node, hidden: frozenset[str]) -> bytes:
    """The module with such calls turned round; `hidden` are the first names of calls that mean something else."""
    return edited(source, _turned(source, tree, hidden))


def _turned(source: bytes, tree: Node, hidden: frozenset[str]) -> Iterator[Edit]:
    """Every statement that is such a call."""
    for node in nodes(tree["rules"]):
        call = node["Expr"]["expr"].get("Call") if "Expr" in node else None
        if call and (text := _text(source, call, hidden)):
            yield int(call["span"]["start"]), int(call["span"]["end"]), text


def _text(source: bytes, call: Node, hidden: frozenset[str]) -> bytes:
    """The call turned round; empty where it is none of them."""
    _, function = only(call["fcn"])
    name = source[int(call["span"]["start"]) : int(function["span"]["end"])].decode()
    if name.partition(".")[0] in hidden or len(call["params"]) != ADDED.get(name, -2) + 1:
        return b""
    kind, result = only(call["params"][-1])
    start, end = int(result["span"]["start"]), int(result["span"]["end"])
    head = source[int(call["span"]["start"]) : start]
    before = head.rstrip()
    tail = source[end : int(call["span"]["end"])].replace(b",", b"", 1)
    if kind not in _PLAIN or tail.strip() != b")" or not before.endswith(b","):
        return b""
    return source[start:end] + b" = " + before[:-1] + b"\n" * head[len(before) :].count(b"\n") + tail
