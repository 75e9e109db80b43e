"""Rego unparse: an expression of the engine's syntax tree as text again, on one line and with every bracket said.

Read by formats/rego_negation.py, which writes what it needs of an expression a second time.
"""

import json
from typing import Protocol

from evidence_api.formats.rego_tree import Node, only, operands


class Context(Protocol):
    """What stands around the expression."""

    def before(self, statement: Node) -> str:
        """The text to put before a statement of an inner body."""

    def written(self, span: Node) -> str:
        """The source of a place."""


_OPERATORS = {
    "Lt": "<", "Le": "<=", "Eq": "==", "Ge": ">=", "Gt": ">", "Ne": "!=",
    "Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "Mod": "%",
    "Intersection": "&", "Union": "|",
}  # fmt: skip
_ASSIGNMENTS = {"Eq": "=", "ColEq": ":="}


def unparse(expression: Node, context: Context) -> str:
    """An expression as text. `context` knows the module it stands in."""
    kind, node = only(expression)
    if kind in {"String", "RawString"}:
        return json.dumps(node["value"], ensure_ascii=False)
    if kind == "Var":
        return str(node["value"])
    if kind in {"Number", "Bool", "Null"}:
        return context.written(node["span"])
    if kind in {"RefDot", "RefBrack"}:
        return _reference(kind, node, context)
    if kind in {"ArrayCompr", "SetCompr", "ObjectCompr"}:
        return _comprehension(kind, node, context)
    return _composed(kind, node, context)


def unparse_mods(statement: Node, context: Context) -> str:
    """The `with` modifiers of a statement, each after a space."""
    return "".join(
        f" with {unparse(one['refr'], context)} as {unparse(one['as'], context)}"
        for one in statement.get("with_mods") or ()
    )


def _composed(kind: str, node: Node, context: Context) -> str:
    parts = [unparse(one, context) for one in operands(kind, node)]
    match kind:
        case "Call":
            return f"{unparse(node['fcn'], context)}({', '.join(parts)})"
        case "Array" | "Set" | "Object":
            return _collection(kind, parts)
        case "Membership":
            *left, collection = parts
            return f"({', '.join(left)} in {collection})"
        case "AssignExpr":
            return f"{parts[0]} {_ASSIGNMENTS[node['op']]} {parts[1]}"
        case _:
            return f"({parts[0]} {_OPERATORS[node['op']]} {parts[1]})"


def _collection(kind: str, parts: list[str]) -> str:
    if kind == "Object":
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"
    if kind == "Set":
        return f"{{{', '.join(parts)}}}" if parts else "set()"
    return f"[{', '.join(parts)}]"


def _reference(kind: str, node: Node, context: Context) -> str:
    base = unparse(node["refr"], context)
    if kind == "RefDot":
        return f"{base}.{node['field'][1]}"
    return f"{base}[{unparse(node['index'], context)}]"


def _comprehension(kind: str, node: Node, context: Context) -> str:
    body = _body(node["query"], context)
    if kind == "ObjectCompr":
        return f"{{{unparse(node['key'], context)}: {unparse(node['value'], context)} | {body}}}"
    brackets = "[]" if kind == "ArrayCompr" else "{}"
    return f"{brackets[0]}{unparse(node['term'], context)} | {body}{brackets[1]}"


def _body(query: Node, context: Context) -> str:
    return "; ".join(context.before(one) + _statement(one, context) for one in query["stmts"])


def _statement(statement: Node, context: Context) -> str:
    kind, node = only(statement["literal"])
    match kind:
        case "Expr":
            text = unparse(node["expr"], context)
        case "NotExpr":
            text = f"not {unparse(node['expr'], context)}"
        case "SomeIn":
            names = [unparse(one, context) for one in (node["key"], node["value"]) if one is not None]
            text = f"some {', '.join(names)} in {unparse(node['collection'], context)}"
        case "SomeVars":
            text = f"some {', '.join(map(context.written, node['vars']))}"
        case _:
            names = [context.written(span) for span in (node["key"], node["value"]) if span is not None]
            domain, body = unparse(node["domain"], context), _body(node["query"], context)
            text = f"every {', '.join(names)} in {domain} {{ {body} }}"
    return text + unparse_mods(statement, context)
