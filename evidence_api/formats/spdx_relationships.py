"""SPDX, the relationships: every end resolved, then what is described and what depends on or contains what.

Source: SPDX 2.3, section 11. The type says which way an edge runs: A DEPENDS_ON B and B DEPENDENCY_OF A are one edge.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from evidence_api.formats.spdx_elements import Part, parts, required_text, unfit

DOCUMENT = "SPDXRef-DOCUMENT"
_NOTHING = frozenset({"NONE", "NOASSERTION"})
_EXTERNAL = re.compile(r"(DocumentRef-[A-Za-z0-9.+-]+):SPDXRef-[A-Za-z0-9.-]+")

# Types that make an edge from the first element to the second, or back.
_FORWARD = frozenset({"DEPENDS_ON", "CONTAINS", "DYNAMIC_LINK", "STATIC_LINK", "HAS_PREREQUISITE"})
_BACKWARD = frozenset(
    {
        "DEPENDENCY_OF",
        "BUILD_DEPENDENCY_OF",
        "DEV_DEPENDENCY_OF",
        "OPTIONAL_DEPENDENCY_OF",
        "PROVIDED_DEPENDENCY_OF",
        "RUNTIME_DEPENDENCY_OF",
        "TEST_DEPENDENCY_OF",
        "CONTAINED_BY",
        "PREREQUISITE_FOR",
    }
)
_OTHER = frozenset(
    {
        "AMENDS",
        "ANCESTOR_OF",
        "BUILD_TOOL_OF",
        "COPY_OF",
        "DATA_FILE_OF",
        "DEPENDENCY_MANIFEST_OF",
        "DESCENDANT_OF",
        "DESCRIBED_BY",
        "DESCRIBES",
        "DEV_TOOL_OF",
        "DISTRIBUTION_ARTIFACT",
        "DOCUMENTATION_OF",
        "EXAMPLE_OF",
        "EXPANDED_FROM_ARCHIVE",
        "FILE_ADDED",
        "FILE_DELETED",
        "FILE_MODIFIED",
        "GENERATED_FROM",
        "GENERATES",
        "METAFILE_OF",
        "OPTIONAL_COMPONENT_OF",
        "OTHER",
        "PACKAGE_OF",
        "PATCH_APPLIED",
        "PATCH_FOR",
        "REQUIREMENT_DESCRIPTION_FOR",
        "SPECIFICATION_FOR",
        "TEST_CASE_OF",
        "TEST_OF",
        "TEST_TOOL_OF",
        "VARIANT_OF",
    }
)
_TYPES = _FORWARD | _BACKWARD | _OTHER


@dataclass(frozen=True, slots=True)
class Relationships:
    """What the relationships say: refs the document describes, in order; edges as (ref, ref it depends on or
    contains), sorted, each once."""

    described: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]


def read_relationships(document: Part, elements: Mapping[str, str]) -> Relationships:
    """Check and read; `elements` maps each SPDXID of the document to itself. Raises Malformed with the path."""
    declared = _external_documents(document)
    described = dict.fromkeys(_described(document, elements))
    edges = set()
    for place, one in parts(document, "relationships"):
        first, kind, second = _ends(one, f"relationships.{place}", elements, declared)
        if (first, kind) == (DOCUMENT, "DESCRIBES"):
            described[second] = None
        elif (kind, second) == ("DESCRIBED_BY", DOCUMENT):
            described[first] = None
        elif kind in _FORWARD:
            edges.add((first, second))
        elif kind in _BACKWARD:
            edges.add((second, first))
    return Relationships(tuple(described), tuple(sorted(edges)))


def _ends(one: Part, path: str, elements: Mapping[str, str], declared: Collection[str]) -> tuple[str, str, str]:
    """One relationship, both ends resolved (section 11.1). Only the second may be nothing, or not known."""
    kind = one.get("relationshipType")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise unfit(f"not a type of relationship: {kind!r:.120}", f"{path}.relationshipType", kind)
    first = _resolved(one.get("spdxElementId"), f"{path}.spdxElementId", elements, declared)
    second = one.get("relatedSpdxElement")
    if not isinstance(second, str) or second not in _NOTHING:
        second = _resolved(second, f"{path}.relatedSpdxElement", elements, declared)
    return first, kind, second


def _resolved(ref: object, path: str, elements: Mapping[str, str], declared: Collection[str]) -> str:
    """The ref, if an element of this document has it or it is in a document declared. Raises Malformed."""
    if isinstance(ref, str):
        if ref in elements:
            return elements[ref]
        external = _EXTERNAL.fullmatch(ref)
        if external is not None and external[1] in declared:
            return ref
    raise unfit(f"no element of the document, nor of one it declares: {ref!r:.120}", path, ref)


def _described(document: Part, elements: Mapping[str, str]) -> Iterator[str]:
    """What `documentDescribes` lists (JSON's short form of DESCRIBES). Raises Malformed."""
    listed = document.get("documentDescribes", ())
    if not isinstance(listed, list | tuple):
        raise unfit("not a list", "documentDescribes", listed)
    for place, ref in enumerate(listed):
        yield _resolved(ref, f"documentDescribes.{place}", elements, ())


def _external_documents(document: Part) -> frozenset[str]:
    """The names under which other documents are referred to (section 6.6). Raises Malformed."""
    declared = set()
    for place, one in parts(document, "externalDocumentRefs"):
        for field in ("externalDocumentId", "spdxDocument"):
            if not isinstance(one.get(field), str) or not one[field]:
                raise unfit("is required", f"externalDocumentRefs.{place}.{field}", one.get(field))
        declared.add(required_text(one, "externalDocumentId"))
    return frozenset(declared)
