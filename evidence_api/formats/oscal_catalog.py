"""OSCAL, second step: a catalog to its controls, in the order they are written, each with its groups and parameters.

Source: the catalog model of OSCAL 1.x. Groups hold groups and controls, controls hold controls (enhancements) to any
depth, and parameters stand in the catalog, a group or a control. A control whose status is "withdrawn" is kept and
marked, so that whoever uses the catalog can leave it out knowingly.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.formats.oscal_document import Node, OscalDocument, one_line

MAX_CONTROLS = 10_000
OSCAL_NAMESPACE = "http://csrc.nist.gov/ns/oscal"  # of properties that state none
_TOKEN = re.compile(r"[^\W\d][\w.-]{0,255}\Z")


@dataclass(frozen=True, slots=True)
class OscalControl:
    """One control: `groups` are the titles of the groups around it, outermost first; `parent` is the id of the control
    it enhances, or ""."""

    id: str
    node: Node
    groups: tuple[str, ...] = ()
    parent: str = ""

    @property
    def withdrawn(self) -> bool:
        """Whether it is listed only to say that it is no more."""
        return any(value.lower() == "withdrawn" for value, _ in properties(self.node, "status"))

    @property
    def label(self) -> str:
        """How people write its id, e.g. AC-2(1); "" if it has no label without a class."""
        found = (value for value, of_class in properties(self.node, "label") if not of_class)
        return "".join(next(found, "").split())


@dataclass(frozen=True, slots=True)
class OscalCatalog:
    """The controls of a catalog or of a resolved profile, and every parameter by its id."""

    controls: tuple[OscalControl, ...]
    params: Mapping[str, Node]


def read_catalog(document: OscalDocument) -> OscalCatalog:
    """The controls of a catalog. Raises Malformed with the JSON path (also for another model), or TooLarge."""
    if document.model != "catalog":
        message = f"a document of the model {document.model} holds no controls of its own"
        raise Malformed(message, code="unsupported", path=f"$.{document.model}", value=document.model)
    reading = _Reading()
    reading.params_of(document.root)
    reading.contents_of(document.root, ())
    return OscalCatalog(tuple(reading.controls.values()), reading.params)


def properties(node: Node, name: str) -> Iterator[tuple[str, str]]:
    """Value and class of the properties of that name in OSCAL's own namespace."""
    for prop in node.nodes("props"):
        if prop.text("name", required=True) == name and (prop.text("ns") or OSCAL_NAMESPACE) == OSCAL_NAMESPACE:
            yield prop.text("value", required=True), prop.text("class")


def identifier_of(node: Node, key: str = "id") -> str:
    """The id of a parameter, a control or a part. Raises Malformed when it is no token."""
    found = node.text(key, required=True)
    if not _TOKEN.match(found):
        raise node.bad(key, "is a token: a letter, then letters, digits, . _ - and at most 256 of them", found)
    return found


@dataclass(slots=True)
class _Reading:
    """What was met so far, in the order of the document."""

    controls: dict[str, OscalControl] = field(default_factory=dict)
    params: dict[str, Node] = field(default_factory=dict)

    def contents_of(self, node: Node, groups: tuple[str, ...]) -> None:
        """Controls and groups of a catalog or a group."""
        for control in node.nodes("controls"):
            self.control(control, groups, "")
        for group in node.nodes("groups"):
            title = one_line(group.text("title", required=True))
            self.params_of(group)
            self.contents_of(group, (*groups, title))

    def control(self, node: Node, groups: tuple[str, ...], parent: str) -> None:
        """One control, then the controls inside it."""
        name = identifier_of(node)
        node.text("title", required=True)
        if name in self.controls:
            first = self.controls[name].node.path
            raise node.bad("id", f"names a second control; the first is {first}", name, code="duplicate_id")
        if len(self.controls) >= MAX_CONTROLS:
            message = f"over {MAX_CONTROLS} controls"
            raise TooLarge(message, limit=MAX_CONTROLS, value=len(self.controls) + 1, path=node.path)
        self.controls[name] = OscalControl(name, node, groups, parent)
        self.params_of(node)
        for inner in node.nodes("controls"):
            self.control(inner, groups, name)

    def params_of(self, node: Node) -> None:
        """Parameters of a catalog, a group or a control; the first of an id counts."""
        for param in node.nodes("params"):
            self.params.setdefault(identifier_of(param), param)
