"""Rego builtins that the engine lacks and a policy may want, as OPA has them: pure functions of their arguments.

Called by the engine inside the worker process, under its limits. What is raised here stops the evaluation, as the
engine's own builtin errors do.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from evidence_api.formats.rego_builtins import ADDED

_TOKENS = "evidence_api.engines.rego_jwt"


def flatten(value: object) -> list[Any]:
    """Arrays within the array become its items, one level deep. Raises TypeError."""
    if not isinstance(value, list):
        raise TypeError("array.flatten expects an array")
    return [item for one in value for item in (one if isinstance(one, list) else [one])]


def count_text(text: object, part: object) -> int:
    """How often a part occurs without overlaps; an empty one between all characters. Raises TypeError."""
    if not isinstance(text, str) or not isinstance(part, str):
        raise TypeError("strings.count expects text")
    return text.count(part)


def reachable_paths(graph: object, initial: object) -> set[tuple[str, ...]]:
    """Every way from the initial nodes to a node without edges, out of the graph, or round to itself.

    Nodes are text (other values raise TypeError: some of them are equal here and not in Rego).
    """
    if not isinstance(graph, dict) or not isinstance(initial, list | set):
        raise TypeError("graph.reachable_paths expects an object and an array or set of nodes")
    paths: set[tuple[str, ...]] = set()
    ways: list[tuple[tuple[str, ...], str]] = [((), _node(node)) for node in initial if _node(node) in graph]
    while ways:
        path, node = ways.pop()
        if (
            len(path) > 1 and node in path
        ) or node not in graph:  # OPA goes once round an edge back to the start itself
            paths.add(path)
            continue
        edges = graph[node]
        nodes = [_node(edge) for edge in edges] if isinstance(edges, list | set) else []
        path = (*path, node)
        if not nodes:
            paths.add(path)
        ways.extend((path, edge) for edge in nodes)
    return paths


def _node(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("graph.reachable_paths expects nodes that are text")
    return value


def _digest(algorithm: str) -> Callable[[object], str]:
    def digest(text: object) -> str:
        return hashlib.new(algorithm, _bytes(text, algorithm), usedforsecurity=False).hexdigest()

    return digest


def _mac(algorithm: str) -> Callable[[object, object], str]:
    def mac(message: object, key: object) -> str:
        return hmac.new(_bytes(key, algorithm), _bytes(message, algorithm), algorithm).hexdigest()

    return mac


def equal(one: object, other: object) -> bool:
    """Whether two MACs are the same, in a time that does not tell where they differ. Raises TypeError."""
    return hmac.compare_digest(_bytes(one, "hmac.equal"), _bytes(other, "hmac.equal"))


def _bytes(text: object, name: str) -> bytes:
    if not isinstance(text, str):
        raise TypeError(f"crypto.{name} expects text")
    return text.encode()


def _token(name: str) -> Callable[..., Any]:
    """A builtin of rego_jwt, loaded when a policy first calls one: its cryptography would double a worker's start, and
    a worker that was killed must be there again at once."""

    def builtin(*arguments: object) -> Any:  # noqa: ANN401  each builtin's own
        return import_module(_TOKENS).JWT[name][1](*arguments)

    return builtin


EXTENSIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "array.flatten": (1, flatten),
    "crypto.md5": (1, _digest("md5")),
    "crypto.sha1": (1, _digest("sha1")),
    "crypto.sha256": (1, _digest("sha256")),
    "crypto.hmac.md5": (2, _mac("md5")),
    "crypto.hmac.sha1": (2, _mac("sha1")),
    "crypto.hmac.sha256": (2, _mac("sha256")),
    "crypto.hmac.sha512": (2, _mac("sha512")),
    "crypto.hmac.equal": (2, equal),
    "graph.reachable_paths": (2, reachable_paths),
    "strings.count": (2, count_text),
    **{name: (arity, _token(name)) for name, arity in ADDED.items() if name.startswith("io.jwt.")},
}
