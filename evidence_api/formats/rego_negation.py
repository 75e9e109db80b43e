"""Rego negation: what `not` means in OPA, said in words that the embedded engine takes the same way.

OPA takes every reference and every nested call that is an argument of a negated expression out of the negation:
where one is undefined, `not startswith(input.path, "x")` is undefined. The engine leaves them inside, where the
negation of undefined is true. So the engine is given a module in which each such negation has a guard before it,
on the same line: `guard_1 := [input.path]; not startswith(input.path, "x")`. Only the engine sees it. OPA does this
in its compiler (RewriteExprTerms, RewriteDynamicTerms); bare references and the two sides of `==` stay inside there.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from evidence_api.domain.errors import SourceFault
from evidence_api.formats.rego_tree import Edit, Node, edited, nodes, only, operands, place
from evidence_api.formats.rego_unparse import unparse, unparse_mods

_SCALARS = frozenset({"String", "RawString", "Number", "Bool", "Null"})
_COMPREHENSIONS = frozenset({"ArrayCompr", "SetCompr", "ObjectCompr"})
_COLLECTIONS = frozenset({"Array", "Set", "Object"})
_FIX = "bind it first, outside the negation: value := …; not f(value)"


class Guards:
    """Names for the guards of one module: none of them occurs in its text."""

    def __init__(self, source: bytes) -> None:
        """`source` is the module as written."""
        text = source.decode()
        self._source = source
        prefix = next(name for number in count() if (name := f"guard_{number}_") not in text)
        self.prefix = prefix
        self._numbers = count(1)

    def written(self, span: Node) -> str:
        """The source of a place."""
        return self._source[span["start"] : span["end"]].decode()

    def before(self, statement: Node) -> str:
        """The guard a negation needs, as a statement that ends in `; `; empty where it needs none."""
        parts = dict.fromkeys(unparse(part, self) for part in _taken_out(statement))
        if not parts:
            return ""
        mods = unparse_mods(statement, self)
        return f"{self.prefix}{next(self._numbers)} := [{', '.join(parts)}]{mods}; "


def guarded(file: str, source: bytes, tree: Node) -> tuple[bytes, list[SourceFault], str]:
    """A module as the engine shall read it: the text, what cannot be said so, and the prefix of the guards' names.

    Line numbers are those of `source`. Code "negation": an expression that OPA and the engine may negate differently.
    """
    guards = Guards(source)
    faults: list[SourceFault] = []
    insertions: list[Edit] = []
    for query in _queries(tree):
        for statement in query["stmts"]:
            if wild := _wildcard(statement):
                faults.append(_fault(file, source, wild, "a wildcard in what is negated"))
            elif guard := guards.before(statement):
                insertions += _placed(source, query, statement, guard)
    return edited(source, insertions), faults, guards.prefix


def differences(file: str, source: bytes, trees: tuple[Node, Node], prefix: str) -> list[SourceFault]:
    """A fault where the guarded module is more than the written one and its guards: (as written, guarded)."""
    written, read = trees
    if all(plain(written[part], "") == plain(read.get(part), prefix) for part in ("package", "imports", "rules")):
        return []
    negations = [one for query in _queries(written) for one in query["stmts"] if "NotExpr" in one["literal"]]
    return [_fault(file, source, one, "a negation that cannot be guarded") for one in negations[:1]]


def plain(node: Any, prefix: str) -> Any:  # noqa: ANN401  any part of a syntax tree
    """A syntax tree without places and numbers, and without the guards of that prefix."""
    if isinstance(node, list):
        kept = (one for one in node if not (prefix and _is_guard(one, prefix)))
        return [plain(one, prefix) for one in kept if not _is_place(one)]
    if isinstance(node, dict):
        return {key: plain(value, prefix) for key, value in node.items() if key not in _PLACES and not _is_place(value)}
    return node


_PLACES = frozenset({"span", "eidx", "sidx", "qidx"})


def _is_place(node: Any) -> bool:  # noqa: ANN401  as above
    return isinstance(node, dict) and node.keys() == {"line", "col", "start", "end"}


def _is_guard(node: Any, prefix: str) -> bool:  # noqa: ANN401  as above
    if not (isinstance(node, dict) and "literal" in node):
        return False
    expression = node["literal"].get("Expr", {}).get("expr", {})
    target = expression.get("AssignExpr", {}).get("lhs", {}).get("Var", {})
    return str(target.get("value", "")).startswith(prefix)


def _queries(tree: Node) -> Iterator[Node]:
    """Every body there is: of rules, comprehensions and `every`."""
    return (node for node in nodes(tree["rules"]) if "stmts" in node)


def _placed(source: bytes, query: Node, statement: Node, guard: str) -> Iterator[Edit]:
    """Before the negation; a body without braces (`a if not …`) gets them."""
    start, end = int(statement["span"]["start"]), int(statement["span"]["end"])
    if query["span"]["start"] != start:
        yield start, start, guard.encode()
        return
    if source[end : end + 1] in {b'"', b"`"}:  # a string's span is that of its contents
        end += 1
    yield start, start, f"{{ {guard}".encode()
    yield end, end, b" }"


def _taken_out(statement: Node) -> Iterator[Node]:
    """What OPA takes out of a negated expression; nothing where the statement is no negation."""
    negated = statement["literal"].get("NotExpr")
    if negated is None:
        return
    expression = negated["expr"]
    kind, node = only(expression)
    if kind == "AssignExpr" or (kind == "BoolExpr" and node["op"] == "Eq"):
        yield from _inside(node["lhs"])
        yield from _inside(node["rhs"])
    elif kind in {"Call", "BoolExpr", "ArithExpr", "BinExpr", "Membership"}:
        for operand in operands(kind, node):
            yield from _argument(operand)
    else:
        yield from _inside(expression)


def _inside(term: Node) -> Iterator[Node]:
    """Of a term that itself stays: the brackets of a reference, and what it begins with if that is no name."""
    kind, node = only(term)
    while kind in {"RefDot", "RefBrack"}:
        if kind == "RefBrack":
            yield from _argument(node["index"])
        term = node["refr"]
        kind, node = only(term)
    if kind != "Var":
        yield from _argument(term)


def _argument(term: Node) -> Iterator[Node]:
    """Of a term that is taken out: what may be undefined. Comprehensions never are."""
    kind, node = only(term)
    if kind in _COLLECTIONS:
        for operand in operands(kind, node):
            yield from _argument(operand)
    elif kind == "Var":
        if node["value"] != "data":
            yield term
    elif kind not in _SCALARS and kind not in _COMPREHENSIONS:
        yield term


def _wildcard(statement: Node) -> Node | None:
    """The first `_` in what a guard would say: it would be another one there. Those of inner bodies are their own."""
    within = nodes(list(_taken_out(statement)), without=_COMPREHENSIONS)
    return next((node["Var"] for node in within if "Var" in node and node["Var"]["value"] == "_"), None)


def _fault(file: str, source: bytes, node: Node, what: str) -> SourceFault:
    message = f"{what}: OPA and the embedded engine may decide differently"
    return SourceFault(file, *place(source, node["span"]), "negation", message, _FIX)
