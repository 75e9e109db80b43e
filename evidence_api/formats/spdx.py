"""SPDX 2.2 and 2.3 JSON: what the specification requires of the parts that carry meaning, then the reading.

The plan (section numbers of SPDX 2.3):
  1. document       version, identifier, namespace, licence of the data, creators, time      sections 6.1 to 6.9
  2. elements       packages, files and snippets, each identified once                       sections 7 to 9
  3. references     every end of a relationship is in the document or declared elsewhere     sections 6.6 and 11
  4. reading        the one package described is the subject, the others are the components
Fields a reader learns nothing from are not checked, and members nobody defined are ignored, as tools write those of
either version into documents of the other. Plain code instead of spdx-tools: that builds a graph of objects many times
the size of the document before it checks anything, and has dependencies of its own.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from evidence_api.domain.rfc3339 import parse_rfc3339
from evidence_api.domain.sbom import Sbom, SbomComponent
from evidence_api.formats.spdx_elements import Part, read_each, read_file, read_package, read_snippet, text, unfit
from evidence_api.formats.spdx_relationships import DOCUMENT, read_relationships

SPDX_VERSIONS = ("2.2", "2.3")
_NAMESPACE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s#]+")
_CREATOR = re.compile(r"(Person|Organization|Tool): *(\S.*)", re.DOTALL)
_TOOL_VERSION = re.compile(r"[- ]v?\d[^\s/]*\Z")
_SHOWN = 120


def read_spdx_document(document: Mapping[str, Any]) -> Sbom:
    """Run the plan on a parsed document. Raises Malformed with the dotted path."""
    version = _check_document(document)
    created, tools = _creation(document)
    packages = tuple(read_each(document, "packages", read_package))
    files = tuple(read_each(document, "files", read_file))
    elements = _identified_once(packages, files, tuple(read_each(document, "snippets", read_snippet)))
    relationships = read_relationships(document, elements)
    subject = _subject(relationships.described, (*packages, *files))
    known = {one.ref for one in packages}
    edges = tuple(edge for edge in relationships.edges if known.issuperset(edge))
    components = tuple(one for one in packages if subject is None or one.ref != subject.ref)
    return Sbom(
        format="spdx",
        spec_version=version,
        serial=text(document, "documentNamespace"),
        timestamp=created,
        tools=tools,
        subject=subject,
        components=components,
        top_level=len(components) if "packages" in document else None,
        edges=edges or None,
        dependencies=len({first for first, _ in edges}) if edges else None,
    )


def _check_document(document: Part) -> str:
    """Step 1: the fields every document has; gives the version. Raises Malformed."""
    stated = document.get("spdxVersion")
    version = stated.removeprefix("SPDX-") if isinstance(stated, str) else ""
    if version not in SPDX_VERSIONS or stated == version:
        raise unfit(f"not SPDX-2.2 or SPDX-2.3: {stated!r:.120}", "spdxVersion", stated)
    for field, expected in (("SPDXID", DOCUMENT), ("dataLicense", "CC0-1.0")):
        if document.get(field) != expected:
            raise unfit(f"not {expected}: {document.get(field)!r:.120}", field, document.get(field))
    if not text(document, "name"):
        raise unfit("is required", "name")
    namespace = text(document, "documentNamespace")
    if not _NAMESPACE.fullmatch(namespace):
        raise unfit(f"not an absolute URI without a fragment: {namespace[:_SHOWN]!r}", "documentNamespace", namespace)
    return version


def _creation(document: Part) -> tuple[datetime, tuple[str, ...]]:
    """When it was created (section 6.9), and the names of the tools among the creators (6.8), without versions."""
    info = document.get("creationInfo")
    if not isinstance(info, Mapping):
        raise unfit("is required", "creationInfo", info)
    created, creators = info.get("created"), info.get("creators")
    if not isinstance(created, str):
        raise unfit("is required", "creationInfo.created", created)
    if not isinstance(creators, list | tuple) or not creators:
        raise unfit("not a list with at least one creator", "creationInfo.creators", creators)
    tools = []
    for place, creator in enumerate(creators):
        named = _CREATOR.fullmatch(creator) if isinstance(creator, str) else None
        if named is None:
            path = f"creationInfo.creators.{place}"
            raise unfit(f"neither Person:, Organization: nor Tool: {creator!r:.120}", path, creator)
        if named[1] == "Tool":
            tools.append(_TOOL_VERSION.sub("", named[2]) or named[2])
    return parse_rfc3339(created, path="creationInfo.created"), tuple(tools)


def _identified_once(*groups: tuple[SbomComponent, ...]) -> dict[str, str]:
    """Step 2, across the lists: each SPDXID to itself, one copy for all references. Raises Malformed."""
    elements = {DOCUMENT: DOCUMENT}
    for group in groups:
        for one in group:
            if one.ref in elements:
                raise unfit(f"two elements have it: {one.ref[:_SHOWN]!r}", "SPDXID", one.ref)
            elements[one.ref] = one.ref
    return elements


def _subject(described: tuple[str, ...], elements: tuple[SbomComponent, ...]) -> SbomComponent | None:
    """What the document describes, if it is one thing."""
    if len(described) != 1:
        return None
    return next((one for one in elements if one.ref == described[0]), None)
