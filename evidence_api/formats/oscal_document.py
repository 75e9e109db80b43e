"""OSCAL, first step: bytes to a document of a known model, and the objects inside it with their JSON paths.

Source: the JSON formats of OSCAL 1.x, and the metadata all its models share. Every refusal names the JSON path.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.rfc3339 import parse_rfc3339
from evidence_api.formats import strict_json

MAX_BYTES = 64 * 2**20  # of one document; the whole catalog of SP 800-53 has some 10 MiB
MODELS = (
    "catalog",
    "profile",
    "mapping-collection",
    "component-definition",
    "system-security-plan",
    "assessment-plan",
    "assessment-results",
    "plan-of-action-and-milestones",
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_VERSION = re.compile(r"1\.[0-9]+(?:\.[0-9]+)?(?:-[0-9A-Za-z.-]+)?\Z")
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Node:
    """One JSON object and where it stands, e.g. `$.catalog.groups[0].controls[2]`."""

    path: str
    members: Mapping[str, Any]

    def text(self, key: str, *, required: bool = False) -> str:
        """A member that is text; "" when absent. Raises Malformed when it is not, or is required and empty."""
        value = self.members.get(key)
        if value is None and not required:
            return ""
        if not isinstance(value, str):
            raise self.bad(key, "is text", value)
        if required and not value.strip():
            raise self.bad(key, "is not empty", value)
        return value

    def items(self, key: str) -> list[Any]:
        """A member that is a list; [] when absent. Raises Malformed."""
        value = self.members.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.bad(key, "is a list", value)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts. Raises Malformed."""
        found = self.items(key)
        for number, value in enumerate(found):
            if not isinstance(value, str):
                raise self.bad(f"{key}[{number}]", "is text", value)
        return tuple(found)

    def nodes(self, key: str) -> tuple["Node", ...]:
        """A list of objects. Raises Malformed."""
        found: list[Node] = []
        for number, value in enumerate(self.items(key)):
            if not isinstance(value, dict):
                raise self.bad(f"{key}[{number}]", "is an object", value)
            found.append(Node(f"{self.path}.{key}[{number}]", value))
        return tuple(found)

    def node(self, key: str) -> "Node | None":
        """A member that is an object, or None. Raises Malformed."""
        value = self.members.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.bad(key, "is an object", value)
        return Node(f"{self.path}.{key}", value)

    def one_of(self, key: str, allowed: tuple[str, ...], default: str) -> str:
        """A word of a closed list. Raises Malformed."""
        value = self.text(key) or default
        if value not in allowed:
            raise self.bad(key, f"is one of {', '.join(allowed)}", value)
        return value

    def bad(self, key: str, what: str, value: object, *, code: str | None = None) -> Malformed:
        """The refusal of a member: its path, what it should be, and what it is."""
        path = f"{self.path}.{key}" if key else self.path
        return Malformed(f"{path} {what}", code=code, path=path, value=repr(value)[:_SHOWN])


@dataclass(frozen=True, slots=True)
class OscalDocument:
    """One document: its model, what its metadata says of it, and its root object."""

    model: str
    uuid: str
    title: str
    version: str
    oscal_version: str
    root: Node


def read_document(body: bytes, *, what: str = "document") -> OscalDocument:
    """Read a document of any OSCAL model. Raises Malformed, or TooLarge; `what` names it in those.

    1. JSON that means one thing, and an object with one root named after its model.
    2. The root has a UUID and metadata: title, version, last change, and the version of OSCAL, which is 1.x.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge(f"{what} is too large", limit=MAX_BYTES, value=len(body), path="$")
    document = strict_json.load_object(body, what=what)
    roots = [name for name in document if name != "$schema"]
    if len(roots) != 1 or roots[0] not in MODELS:
        message = f"{what} is no OSCAL document: its one root is named after a model ({', '.join(MODELS)})"
        raise Malformed(message, path="$", value=", ".join(roots)[:_SHOWN])
    model = roots[0]
    root = Node("$", document).node(model)
    metadata = root.node("metadata") if root else None
    if root is None or metadata is None:
        raise Malformed(f"{what} has no metadata", path=f"$.{model}.metadata")
    uuid = root.text("uuid", required=True)
    if not _UUID.match(uuid):
        raise root.bad("uuid", "is a UUID", uuid)
    oscal_version = metadata.text("oscal-version", required=True)
    if not _VERSION.match(oscal_version):
        raise metadata.bad("oscal-version", "is a version of OSCAL 1", oscal_version, code="unsupported_version")
    changed = metadata.text("last-modified", required=True)
    try:
        parse_rfc3339(changed)
    except Malformed as fault:
        raise metadata.bad("last-modified", "is an RFC 3339 time", changed) from fault
    title, version = (one_line(metadata.text(name, required=True)) for name in ("title", "version"))
    return OscalDocument(model, uuid, title, version, oscal_version, root)


def one_line(text: str) -> str:
    """Text on one line: white space of every kind becomes one blank, other control characters go."""
    return " ".join("".join(sign for sign in text if sign.isprintable() or sign.isspace()).split())
