"""Catalog load: YAML sources to one checked, frozen Catalog, or every fault at once with its place.

1. Each file is cut into documents; each document is recognised by its keys and read (catalog_controls,
   catalog_documents) by the table of the keys there are (catalog_shapes).
2. What documents say of each other is checked (catalog_links): what is named exists, ids are unique.
3. The digest is taken over the sources as they were given.
4. What it compiles to is within the bounds of the policy engine.
"""

from collections.abc import Mapping

from evidence_api.domain.control import Catalog
from evidence_api.domain.errors import InvalidSource, SourceFault
from evidence_api.formats import yaml_source
from evidence_api.formats.catalog_controls import read_control
from evidence_api.formats.catalog_documents import read_framework, read_identity, read_mapping, read_waiver
from evidence_api.formats.catalog_fields import Fields, Sink
from evidence_api.formats.catalog_keys import Shape
from evidence_api.formats.catalog_links import Documents, joined
from evidence_api.formats.catalog_reading import Reading
from evidence_api.formats.catalog_rego import compile_catalog
from evidence_api.formats.catalog_shapes import CATALOG, CONTROL, FRAMEWORK, MAPPING, WAIVER, WRAPPED
from evidence_api.formats.rego_source import MAX_MODULE_BYTES
from evidence_api.formats.where_types import nearest
from evidence_api.formats.yaml_source import Node, Scalar

MAX_FILES = 2_000
_MAX_FAULTS = 500

# By which keys a document is recognised, in this order.
_SIGNS: tuple[tuple[Shape, frozenset[str]], ...] = (
    (MAPPING, frozenset({"external", "maps_to"})),
    (FRAMEWORK, frozenset({"framework", "criteria"})),
    (WAIVER, frozenset({"control", "approver", "until"})),
    (CONTROL, frozenset({"query", "policy", "id"})),
)
_IDENTITY = "catalog"


def load_catalog(sources: Mapping[str, str], *, recorded: bool = False) -> Catalog:
    """Read and check a catalog; `sources` maps file names (relative to controls/) to YAML text.

    One that was in force once (`recorded`: of a pack, of a past assessment) loads although it would not be put in
    force today: its replacements may go round in a circle, and its waivers be of controls that are not run.
    Raises InvalidSource with all faults, in the order of files and lines.
    """
    load = Documents(recorded=recorded)
    for count, name in enumerate(sorted(sources)):
        if count >= MAX_FILES:
            hint = "put several documents in one file, with --- between them"
            load.faults.append(SourceFault(name, 1, 1, "too_large", f"over {MAX_FILES} files", hint))
            break
        sink = Sink(name, load.faults)
        for node in yaml_source.documents(sources[name], name, load.faults):
            _document(node, sink, load)
    catalog = joined(load, sources)
    if load.faults:
        ordered = sorted(set(load.faults), key=lambda fault: (fault.file, fault.line, fault.column, fault.code))
        raise InvalidSource(ordered[:_MAX_FAULTS])
    compiled = len(compile_catalog(catalog).encode())
    if compiled > MAX_MODULE_BYTES:  # better known now than when a release waits for its verdict
        message = f"the catalog compiles to {compiled} bytes of Rego; the limit is {MAX_MODULE_BYTES}"
        hint = "retire controls, or shorten their conditions and statements"
        raise InvalidSource([SourceFault(min(sources), 1, 1, "too_large", message, hint)])
    return catalog


def _document(node: Node, sink: Sink, load: Documents) -> None:
    """One document, or the lists of documents it wraps, with what the catalog is called."""
    fields = Fields(node, sink, "document", {"controls": "[{id: …, query: …}]"})
    wrapped = [name for name in WRAPPED if name in fields.values]
    for name in wrapped:
        for item in fields.items(name):
            _read(item, WRAPPED[name], sink, load)
    if _IDENTITY in fields.values:
        _identity(fields.values[_IDENTITY], sink, load)
        fields.asked.append(_IDENTITY)
    if wrapped or _IDENTITY in fields.values:
        fields.asked.extend(WRAPPED)
        fields.close()
        return
    for shape, signs in _SIGNS:
        if signs & fields.values.keys():
            _read(node, shape, sink, load)
            return
    if fields.values:
        known = sorted({*WRAPPED, _IDENTITY, *(sign for _, signs in _SIGNS for sign in signs)})
        first = next(iter(fields.values))
        hint = nearest(first, known) or "controls have id and query; mappings external, maps_to and narrative"
        sink.at(
            node, "unknown_document", f"no document of a catalog has the keys {', '.join(fields.values)[:120]}", hint
        )


def _identity(entry: tuple[Scalar, Node], sink: Sink, load: Documents) -> None:
    """`catalog: {id, version}`, once."""
    key, node = entry
    reading = Reading(node, sink, CATALOG)
    load.identities.append(read_identity(reading))
    reading.close()
    if len(load.identities) > 1:
        sink.at(key, "duplicate_id", "the catalog is named twice", "leave out either")


def _read(node: Node, shape: Shape, sink: Sink, load: Documents) -> None:
    """Read one document of a known shape and keep it with its place."""
    reading = Reading(node, sink, shape)
    if not reading.values:
        return
    if shape is CONTROL:
        load.controls.append((read_control(reading), node, sink))
    elif shape is FRAMEWORK:
        load.frameworks.append((read_framework(reading), node, sink))
    elif shape is MAPPING:
        load.mappings.append((*read_mapping(reading), node, sink))
    else:
        load.waivers.append((read_waiver(reading), node, sink))
    reading.close()
