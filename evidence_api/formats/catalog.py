"""Catalog load: YAML sources to one checked, frozen Catalog, or every fault at once with its place.

1. Each file is cut into documents; each document is recognised by its keys and read (catalog_documents).
2. What documents say of each other is checked: ids are unique; mapped, replaced and waived controls exist;
   criteria belong to their framework.
3. The digest is taken over the sources as they were given.
4. What it compiles to is within the bounds of the policy engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from evidence_api.domain.control import Catalog, Control, CriterionMapping, Framework, Place, Waiver
from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import InvalidSource, SourceFault
from evidence_api.formats import yaml_source
from evidence_api.formats.catalog_documents import Reference, read_control, read_framework, read_mapping, read_waiver
from evidence_api.formats.catalog_fields import Fields, Sink
from evidence_api.formats.catalog_rego import compile_catalog
from evidence_api.formats.framework_names import WELL_KNOWN, aliases, implied, split_external
from evidence_api.formats.rego_source import MAX_MODULE_BYTES
from evidence_api.formats.where_types import nearest
from evidence_api.formats.yaml_source import Node

MAX_FILES = 2_000
MAX_CONTROLS = 5_000
_MAX_FAULTS = 500

DocumentType: TypeAlias = Literal["control", "framework", "mapping", "waiver"]
_LISTS: Mapping[str, DocumentType] = {"controls": "control", "mappings": "mapping", "waivers": "waiver"}
_SIGNS: tuple[tuple[DocumentType, frozenset[str]], ...] = (
    ("mapping", frozenset({"external", "maps_to"})),
    ("framework", frozenset({"framework", "criteria"})),
    ("waiver", frozenset({"control", "approver", "until"})),
    ("control", frozenset({"query", "policy", "id"})),
)


@dataclass(slots=True)
class _Load:
    """What has been read so far, each with the node it was read from."""

    faults: list[SourceFault] = field(default_factory=list)
    controls: list[tuple[Control, Node, Sink]] = field(default_factory=list)
    frameworks: list[tuple[Framework, Node, Sink]] = field(default_factory=list)
    mappings: list[tuple[CriterionMapping, tuple[Reference, ...], Node, Sink]] = field(default_factory=list)
    waivers: list[tuple[Waiver, Node, Sink]] = field(default_factory=list)


def load_catalog(sources: Mapping[str, str]) -> Catalog:
    """Read and check a catalog; `sources` maps file names (relative to controls/) to YAML text.

    Raises InvalidSource with all faults, in the order of files and lines.
    """
    load = _Load()
    for count, name in enumerate(sorted(sources)):
        if count >= MAX_FILES:
            load.faults.append(SourceFault(name, 1, 1, "too_large", f"over {MAX_FILES} files"))
            break
        sink = Sink(name, load.faults)
        for node in yaml_source.documents(sources[name], name, load.faults):
            _document(node, sink, load)
    catalog = _joined(load, sources)
    if load.faults:
        ordered = sorted(set(load.faults), key=lambda fault: (fault.file, fault.line, fault.column, fault.code))
        raise InvalidSource(ordered[:_MAX_FAULTS])
    compiled = len(compile_catalog(catalog).encode())
    if compiled > MAX_MODULE_BYTES:  # better known now than when a release waits for its verdict
        message = f"the catalog compiles to {compiled} bytes of Rego; the limit is {MAX_MODULE_BYTES}"
        raise InvalidSource([SourceFault(min(sources), 1, 1, "too_large", message)])
    return catalog


def _document(node: Node, sink: Sink, load: _Load) -> None:
    """One document, or the list of documents it wraps."""
    fields = Fields(node, sink, "document")
    wrapped = [name for name in _LISTS if name in fields.values]
    for name in wrapped:
        for item in fields.items(name):
            _read(item, _LISTS[name], sink, load)
    if wrapped:
        fields.close()
        return
    for document, signs in _SIGNS:
        if signs & fields.values.keys():
            _read(node, document, sink, load)
            return
    if fields.values:
        known = sorted({*_LISTS, *(sign for _, signs in _SIGNS for sign in signs)})
        first = next(iter(fields.values))
        hint = nearest(first, known) or "controls have id and query; mappings external, maps_to and narrative"
        sink.at(
            node, "unknown_document", f"no document of a catalog has the keys {', '.join(fields.values)[:120]}", hint
        )


def _read(node: Node, document: DocumentType, sink: Sink, load: _Load) -> None:
    """Read one document of a known type and keep it with its place."""
    fields = Fields(node, sink, document)
    if not fields.values:
        return
    match document:
        case "control":
            load.controls.append((read_control(fields), node, sink))
        case "framework":
            load.frameworks.append((read_framework(fields), node, sink))
        case "mapping":
            mapping, references = read_mapping(fields)
            load.mappings.append((mapping, references, node, sink))
        case "waiver":
            load.waivers.append((read_waiver(fields), node, sink))
    fields.close()


def _joined(load: _Load, sources: Mapping[str, str]) -> Catalog:
    """The checks between documents, in the order controls, frameworks, mappings, waivers."""
    places: dict[str, Place] = {}
    controls = tuple(control for control, _, _ in load.controls)
    if not controls and not load.faults:
        first = min(sources, default="controls")
        load.faults.append(SourceFault(first, 1, 1, "empty_catalog", "the catalog holds no control"))
    if len(controls) > MAX_CONTROLS:
        control, node, sink = load.controls[MAX_CONTROLS]
        sink.at(node, "too_large", f"{len(controls)} controls; the limit is {MAX_CONTROLS}")
    for control, node, sink in load.controls:
        _unique("control", control.id, node, sink, places)
    known = sorted({control.id for control in controls})
    for control, node, sink in load.controls:
        _replacement(control, node, sink, known)
    for waiver, node, sink in load.waivers:
        _unique("waiver", waiver.id, node, sink, places)
        if waiver.control and waiver.control not in known:
            message = f"waiver '{waiver.id}' matches nothing: there is no control '{waiver.control}'"
            sink.at(_value(node, "control"), "unknown_control", message, nearest(waiver.control, known))
    mappings = _mappings(load, known, places)
    return Catalog(
        digest=digest_of(canonical(dict(sources))),
        controls=controls,
        frameworks=_frameworks(load, mappings, places),
        mappings=mappings,
        waivers=tuple(waiver for waiver, _, _ in load.waivers),
        sources=dict(sources),
        places=places,
    )


def _unique(what: str, name: str, node: Node, sink: Sink, places: dict[str, Place]) -> None:
    """Two documents of one id are a fault at the second."""
    if not name:
        return
    if name in places:
        first = places[name]
        message = f"{what} '{name}' is written twice; first at {first.file}:{first.line}"
        sink.at(_value(node, "id"), "duplicate_id", message)
    else:
        places[name] = sink.place(node)


def _replacement(control: Control, node: Node, sink: Sink, known: list[str]) -> None:
    """`replaced_by` names another control of the catalog."""
    target = control.replaced_by
    if target and (target not in known or target == control.id):
        message = f"'{control.id}' is replaced by '{target}', which is no other control"
        sink.at(_value(node, "replaced_by"), "unknown_control", message, nearest(target, known))


def _mappings(load: _Load, known: list[str], places: dict[str, Place]) -> tuple[CriterionMapping, ...]:
    """Mappings with framework and ref resolved; their controls and criteria exist."""
    prefixes = aliases(framework for framework, _, _ in load.frameworks)
    refs = {framework.id: [criterion.ref for criterion in framework.criteria] for framework, _, _ in load.frameworks}
    resolved: list[CriterionMapping] = []
    for mapping, references, node, sink in load.mappings:
        places.setdefault(mapping.external, sink.place(node))
        for reference in references:
            if reference.control not in known:
                message = f"there is no control '{reference.control[:80]}'"
                sink.at(reference.node, "unknown_control", message, nearest(reference.control, known))
        found = split_external(mapping.external, prefixes)
        if found is None:
            message = f"'{mapping.external[:80]}' names no framework"
            sink.at(
                _value(node, "external"),
                "unknown_framework",
                message,
                nearest(mapping.external.rpartition("-")[0], sorted(prefixes)),
            )
            continue
        framework, ref = found
        if framework in refs and ref not in refs[framework]:
            message = f"framework {framework} has no criterion '{ref}'"
            sink.at(_value(node, "external"), "unknown_criterion", message, nearest(ref, refs[framework]))
        resolved.append(replace(mapping, framework=framework, ref=ref))
    return tuple(resolved)


def _frameworks(load: _Load, mappings: tuple[CriterionMapping, ...], places: dict[str, Place]) -> tuple[Framework, ...]:
    """The frameworks with a file, then the well-known ones that only mappings name."""
    seen: dict[str, Framework] = {}
    owners: dict[str, str] = {}
    for framework, node, sink in load.frameworks:
        if framework.id in seen:
            sink.at(_value(node, "framework"), "duplicate_id", f"framework '{framework.id}' is written twice")
        seen[framework.id] = framework
        places.setdefault(framework.id, sink.place(node))
        for alias in framework.aliases:
            if owners.setdefault(alias, framework.id) != framework.id:
                message = f"alias '{alias}' already names framework {owners[alias]}"
                sink.at(_value(node, "aliases"), "duplicate_id", message)
    named = dict.fromkeys(mapping.framework for mapping in mappings)
    bare = [name for name in named if name not in seen and name in WELL_KNOWN]
    implied_ones = (implied(name, (m.ref for m in mappings if m.framework == name)) for name in bare)
    return (*seen.values(), *implied_ones)


def _value(node: Node, key: str) -> Node:
    """The node of a key's value, or the mapping itself where the key is absent."""
    if isinstance(node, yaml_source.Mapping):
        return next((value for name, value in node.entries if name.text == key), node)
    return node
