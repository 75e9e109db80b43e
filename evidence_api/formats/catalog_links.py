"""Catalog load, between documents: what they say of each other holds, and together they are one catalog.

In the order controls, frameworks, mappings, waivers: ids are unique; mapped, replaced and waived controls exist;
replacements come to an end; waived controls are run; criteria belong to their framework, in the edition meant.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from evidence_api.domain.control import (
    Catalog,
    Control,
    CriterionMapping,
    Framework,
    Place,
    Waiver,
    query_place,
)
from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import SourceFault
from evidence_api.formats import yaml_source
from evidence_api.formats.catalog_documents import CriterionOf, Reference
from evidence_api.formats.catalog_fields import Sink
from evidence_api.formats.framework_names import WELL_KNOWN, aliases, implied, split_external
from evidence_api.formats.where_types import nearest
from evidence_api.formats.yaml_source import Node

MAX_CONTROLS = 5_000
_NOT_RUN = frozenset({"draft", "retired"})


@dataclass(slots=True)
class Documents:
    """What has been read so far, each with the node it was read from."""

    faults: list[SourceFault] = field(default_factory=list)
    controls: list[tuple[Control, Node, Sink]] = field(default_factory=list)
    frameworks: list[tuple[Framework, Node, Sink]] = field(default_factory=list)
    mappings: list[tuple[CriterionMapping, tuple[Reference, ...], CriterionOf | None, Node, Sink]] = field(
        default_factory=list
    )
    waivers: list[tuple[Waiver, Node, Sink]] = field(default_factory=list)
    identities: list[tuple[str, str]] = field(default_factory=list)
    recorded: bool = False


def joined(load: Documents, sources: Mapping[str, str]) -> Catalog:
    """The catalog of all documents read; faults are added to theirs, and make it one that does not load."""
    places: dict[str, Place] = {}
    controls = tuple(control for control, _, _ in load.controls)
    if not controls and not load.faults:
        first = min(sources, default="controls")
        hint = "write a control, or name the folder that holds them"
        load.faults.append(SourceFault(first, 1, 1, "empty_catalog", "the catalog holds no control", hint))
    if len(controls) > MAX_CONTROLS:
        control, node, sink = load.controls[MAX_CONTROLS]
        message = f"{len(controls)} controls; the limit is {MAX_CONTROLS}"
        sink.at(node, "too_large", message, "retire controls, or keep two catalogs")
    for control, node, sink in load.controls:
        _unique("control", control.id, node, sink, places)
        _query_places(control, node, sink, places)
    known = sorted({control.id for control in controls})
    by_id = {control.id: control for control in controls}
    for control, node, sink in load.controls:
        _replacement(control, node, sink, by_id, recorded=load.recorded)
    for waiver, node, sink in load.waivers:
        _unique("waiver", waiver.id, node, sink, places)
        _waived(waiver, node, sink, by_id, recorded=load.recorded)
    mappings = _mappings(load, known, places)
    return Catalog(
        digest=digest_of(canonical(dict(sources))),
        controls=controls,
        frameworks=_frameworks(load, mappings, places),
        mappings=mappings,
        waivers=tuple(waiver for waiver, _, _ in load.waivers),
        sources=dict(sources),
        places=places,
        name=load.identities[0][0] if load.identities else "",
        version=load.identities[0][1] if load.identities else "",
    )


def _query_places(control: Control, node: Node, sink: Sink, places: dict[str, Place]) -> None:
    """Where the condition of each query is written."""
    listed = _value(node, "query")
    if isinstance(listed, yaml_source.Sequence):
        for number, item in enumerate(listed.items, 1):
            places.setdefault(query_place(control.id, number), sink.place(_value(item, "where")))


def _unique(what: str, name: str, node: Node, sink: Sink, places: dict[str, Place]) -> None:
    """Two documents of one id are a fault at the second."""
    if not name:
        return
    if name in places:
        first = places[name]
        message = f"{what} '{name}' is written twice; first at {first.file}:{first.line}"
        sink.at(_value(node, "id"), "duplicate_id", message, "leave out either, or give it an id of its own")
    else:
        places[name] = sink.place(node)


def _replacement(control: Control, node: Node, sink: Sink, known: Mapping[str, Control], *, recorded: bool) -> None:
    """`replaced_by` names another control of the catalog, and following it comes to an end."""
    target = control.replaced_by
    if not target:
        return
    if target not in known or target == control.id:
        message = f"'{control.id}' is replaced by '{target}', which is no other control"
        sink.at(_value(node, "replaced_by"), "unknown_control", message, _nearest_control(target, known, control.id))
        return
    passed = [control.id]
    while target in known and target not in passed:
        passed.append(target)
        target = known[target].replaced_by
    if target == control.id == min(passed) and not recorded:  # told once, not of each control in the circle
        message = f"replaced_by goes round in a circle: {' -> '.join([*passed, target])}"
        hint = "leave out replaced_by of the control that is to stay"
        sink.at(_value(node, "replaced_by"), "replacement_cycle", message, hint)


def _waived(waiver: Waiver, node: Node, sink: Sink, known: Mapping[str, Control], *, recorded: bool) -> None:
    """A waiver is of a control that is run: any other accepts nothing, and whoever relies on it is mistaken. A scope
    written as a mapping names something: by a slip it is not every release."""
    scope = _value(node, "scope")
    named = {key.text for key, _ in scope.entries} if isinstance(scope, yaml_source.Mapping) else {""}
    if not waiver.scope and named <= {"release", "subject"} and not recorded:
        message = "this scope names nothing, and would be every release"
        sink.at(scope, "empty_value", message, "write {release: …}, or leave scope out")
    if not waiver.control:
        return
    where, control = _value(node, "control"), known.get(waiver.control)
    if control is None:
        message = f"waiver '{waiver.id}' matches nothing: there is no control '{waiver.control[:80]}'"
        sink.at(where, "unknown_control", message, _nearest_control(waiver.control, known))
    elif control.state in _NOT_RUN and not recorded:
        message = f"waiver '{waiver.id}' matches nothing: control '{control.id}' is {control.state} and not run"
        other = f"waive {control.replaced_by}, or " if control.replaced_by else ""
        sink.at(where, "waiver_unmatched", message, f"{other}take the waiver out")


def _nearest_control(name: str, known: Iterable[str], but: str = "") -> str:
    """The nearest control there is, or where to find them."""
    others = sorted(one for one in known if one and one != but)
    return nearest(name, others) or "name a control of the catalog; evidence-api catalog list shows them"


def _mappings(load: Documents, known: list[str], places: dict[str, Place]) -> tuple[CriterionMapping, ...]:
    """Mappings with framework and ref resolved; their controls and criteria exist."""
    prefixes = aliases(framework for framework, _, _ in load.frameworks)
    refs = {framework.id: [criterion.ref for criterion in framework.criteria] for framework, _, _ in load.frameworks}
    editions = {framework.id: framework.edition for framework, _, _ in load.frameworks}
    resolved: list[CriterionMapping] = []
    for mapping, references, named, node, sink in load.mappings:
        places.setdefault(mapping.external, sink.place(node))
        for reference in references:
            if reference.control not in known:
                message = f"there is no control '{reference.control[:80]}'"
                sink.at(reference.node, "unknown_control", message, _nearest_control(reference.control, known))
        where = named.node if named else _value(node, "external")
        found = (named.framework, named.ref) if named else split_external(mapping.external, prefixes)
        if found is None or not (found[0] in refs or found[0] in WELL_KNOWN):
            message = f"'{(named.framework if named else mapping.external)[:80]}' names no framework"
            near = nearest(found[0] if found else mapping.external.rpartition("-")[0], sorted(prefixes))
            hint = near or "write an alias of a framework, a -, and the id of the criterion, e.g. SOC2-CC7.2"
            sink.at(where, "unknown_framework", message, hint)
            continue
        framework, ref = found
        if framework in refs and ref not in refs[framework]:
            message = f"framework {framework} has no criterion '{ref}'"
            hint = nearest(ref, refs[framework]) or f"write one of its criteria, e.g. {refs[framework][0]}"
            sink.at(where, "unknown_criterion", message, hint)
        if named and named.edition and named.edition != editions.get(framework, named.edition):
            message = f"mapped against edition '{named.edition[:80]}'; here {framework} is '{editions[framework]}'"
            sink.at(where, "unknown_edition", message, f"look at it again, and write edition: {editions[framework]}")
        resolved.append(replace(mapping, framework=framework, ref=ref))
    return tuple(resolved)


def _frameworks(
    load: Documents, mappings: tuple[CriterionMapping, ...], places: dict[str, Place]
) -> tuple[Framework, ...]:
    """The frameworks with a file, then the well-known ones that only mappings name."""
    seen: dict[str, Framework] = {}
    owners: dict[str, str] = {}
    for framework, node, sink in load.frameworks:
        if framework.id in seen:
            message = f"framework '{framework.id}' is written twice"
            sink.at(_value(node, "framework"), "duplicate_id", message, "leave out either")
        seen[framework.id] = framework
        places.setdefault(framework.id, sink.place(node))
        for alias in framework.aliases:
            if owners.setdefault(alias, framework.id) != framework.id:
                message = f"alias '{alias}' already names framework {owners[alias]}"
                sink.at(_value(node, "aliases"), "duplicate_id", message, "leave it out of either")
    named = dict.fromkeys(mapping.framework for mapping in mappings)
    bare = [name for name in named if name not in seen and name in WELL_KNOWN]
    implied_ones = (implied(name, (m.ref for m in mappings if m.framework == name)) for name in bare)
    return (*seen.values(), *implied_ones)


def _value(node: Node, key: str) -> Node:
    """The node of a key's value, or the mapping itself where the key is absent."""
    if isinstance(node, yaml_source.Mapping):
        return next((value for name, value in node.entries if name.text == key), node)
    return node
