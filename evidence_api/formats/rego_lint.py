"""Rego lint: reads the engine's syntax trees and refuses calls that are banned, missing, wrong or silent.

Two steps, because a tree is a hundred times its source: `outline` keeps of one module what it defines and
what it calls, then `lint` judges the calls of all modules together. Names in strings and comments are not
calls and are never looked at; a function of the bundle hides a builtin of its name, as it does in the engine.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

from evidence_api.domain.errors import SourceFault
from evidence_api.formats.rego_builtins import ADDED, ARITY, BANNED, objection
from evidence_api.formats.rego_tree import Node, nodes, only, place

Path: TypeAlias = tuple[str, ...]
Functions: TypeAlias = Mapping[Path, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Use:
    """A name used as a function. `arguments` is None where it replaces one (`with f as count`)."""

    path: Path | None
    arguments: int | None
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Outline:
    """One module: its package, what its imports call things, the functions it defines and those it uses."""

    file: str
    package: Path
    aliases: Mapping[str, Path]
    functions: tuple[tuple[Path, int], ...]
    uses: tuple[Use, ...]


def outline(file: str, source: bytes, tree: Node) -> Outline:
    """Read one module's syntax tree. `source` is the module's text: names after `as` stand only there."""
    package = _path(tree["package"]["refr"]) or ()
    aliases: dict[str, Path] = {}
    for entry in tree["imports"]:
        if path := _path(entry["refr"]):
            span = entry.get("as")
            aliases[source[span["start"] : span["end"]].decode() if span else path[-1]] = path
    return Outline(file, package, aliases, tuple(_functions(package, tree)), tuple(_uses(source, tree)))


def lint(outlines: Iterable[Outline]) -> list[SourceFault]:
    """All faults of a bundle's modules, in the order of file, line and column."""
    modules = list(outlines)
    gathered: dict[Path, set[int]] = {}
    for module in modules:
        for path, arity in module.functions:
            gathered.setdefault(path, set()).add(arity)
    functions = {path: frozenset(arities) for path, arities in gathered.items()}
    faults = {fault for module in modules for use in module.uses for fault in _faults(module, functions, use)}
    return sorted(faults, key=lambda fault: (fault.file, fault.line, fault.column))


def _functions(package: Path, tree: Node) -> Iterator[tuple[Path, int]]:
    """Full path and number of arguments of every function defined."""
    for rule in tree["rules"]:
        head = rule.get("Default") or rule.get("Spec", {}).get("head", {}).get("Func") or {}
        path = _path(head.get("refr"))
        if path and head.get("args"):
            yield (*package, *path), len(head["args"])


def _uses(source: bytes, tree: Node) -> Iterator[Use]:
    """Every call, and every value that replaces a function."""
    for node in nodes(tree["rules"]):
        if "Call" in node:
            call = node["Call"]
            path = _path(call["fcn"])
            yield Use(path, len(call["params"]), *_first(source, call["fcn"] if path else call))
        for replaced in node.get("with_mods") or ():
            if path := _path(replaced["as"]):
                yield Use(path, None, *_first(source, replaced["as"]))


def _faults(module: Outline, functions: Functions, use: Use) -> Iterator[SourceFault]:
    if use.path is None:
        yield _fault(module, use, "unknown_function", "the function called is not a name")
        return
    name = ".".join(use.path)
    own = functions.get(_full(module, use.path))
    imported = use.path[0] == "data" or use.path[0] in module.aliases
    if not imported and name in BANNED:  # even under a function of that name: no room for doubt
        yield _fault(module, use, "banned_builtin", f"{name}: {BANNED[name]}")
    elif own is not None:
        yield from _arity_faults(module, use, name, own)
    elif use.arguments is None:  # a plain value: with input.x as data.y
        if not imported and (refused := objection(name)):
            yield _fault(module, use, refused[0], f"{name}: {refused[1]}")
    elif imported:
        yield _unknown(module, functions, use, name)
    else:
        yield from _builtin_faults(module, functions, use, name)


def _builtin_faults(module: Outline, functions: Functions, use: Use, name: str) -> Iterator[SourceFault]:
    arity = ARITY.get(name, ADDED.get(name))
    if refused := objection(name):
        yield _fault(module, use, refused[0], f"{name}: {refused[1]}")
    elif arity is None:
        yield _unknown(module, functions, use, name)
    elif name == "walk" and use.arguments == arity:
        message = "walk with one argument never binds its result here"
        yield _fault(module, use, "walk_never_binds", message, "write walk(x, [path, value])")
    else:
        yield from _arity_faults(module, use, name, frozenset({arity}))


def _arity_faults(module: Outline, use: Use, name: str, arities: frozenset[int]) -> Iterator[SourceFault]:
    """A call has as many arguments as the function, or one more that takes the result."""
    given = use.arguments
    if given is not None and not any(given in (arity, arity + 1) for arity in arities):
        takes = " or ".join(map(str, sorted(arities)))
        plural = "" if takes == "1" else "s"
        yield _fault(module, use, "arity", f"{name} takes {takes} argument{plural}, not {given}")


def _full(module: Outline, path: Path) -> Path:
    """The path below `data` that a used name means in its module."""
    if path[0] == "data":
        return path[1:]
    if path[0] in module.aliases:
        return (*module.aliases[path[0]][1:], *path[1:])
    return (*module.package, *path)


def _path(node: Any) -> Path | None:  # noqa: ANN401  any part of a syntax tree
    """("http", "send") of `http.send`, also with constant brackets; None when it is computed."""
    parts: list[str] = []
    while isinstance(node, Mapping):
        if "Var" in node:
            return (str(node["Var"]["value"]), *reversed(parts))
        if "RefDot" in node:
            parts.append(str(node["RefDot"]["field"][1]))
            node = node["RefDot"]["refr"]
        elif "RefBrack" in node and "String" in node["RefBrack"]["index"]:
            parts.append(str(node["RefBrack"]["index"]["String"]["value"]))
            node = node["RefBrack"]["refr"]
        else:
            return None
    return None


def _first(source: bytes, node: Node) -> tuple[int, int]:
    """Line and column of a name's first letter: the tree marks a dotted name at its last dot."""
    while "span" not in node:
        _, inner = only(node)
        node = inner.get("refr", inner)
    return place(source, node["span"])


def _unknown(module: Outline, functions: Functions, use: Use, name: str) -> SourceFault:
    size = len(module.package)
    own = {".".join(path[size:]) for path in functions if path[:size] == module.package}
    known = {*ARITY, *ADDED, *own, *(".".join(("data", *path)) for path in functions)}
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.7)
    message = f"{name} is neither a builtin nor a function of the bundle"
    return _fault(module, use, "unknown_function", message, f"did you mean {near[0]}?" if near else "")


def _fault(module: Outline, use: Use, code: str, message: str, hint: str = "") -> SourceFault:
    return SourceFault(module.file, use.line, use.column, code, message, hint)
