"""Load: membership with a key, `key, value in collection`, where the engine and OPA may decide differently.

Of a set, OPA takes an element as its own key, and the engine finds none. Which a collection is often shows only when it
is there, so the form is taken where it is written out as an array or object, and refused elsewhere.
"""

from collections.abc import Iterator

from evidence_api.domain.errors import SourceFault
from evidence_api.formats.rego_tree import Node, nodes, place

_KEYED = frozenset({"Array", "ArrayCompr", "Object", "ObjectCompr"})
_MESSAGE = "`key, value in collection` is decided otherwise by OPA where the collection is a set"
_FIX = "compare collection[key] == value"


def key_memberships(file: str, source: bytes, tree: Node) -> Iterator[SourceFault]:
    """Every such expression of a module's syntax tree."""
    for node in nodes(tree["rules"]):
        found = node.get("Membership")
        if found and found["key"] and not _KEYED & found["collection"].keys():
            yield SourceFault(file, *place(source, found["span"]), "key_membership", _MESSAGE, _FIX)
