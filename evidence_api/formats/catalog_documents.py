"""Catalog load, per document: one YAML mapping to a framework, a mapping, a waiver, or the catalog's own name.

Each reader takes every key its document may have (catalog_shapes.py), leaves references to other documents
unchecked (formats/catalog.py does those), and reports every fault it sees.
"""

from dataclasses import dataclass
from datetime import date

from evidence_api.domain.control import Criterion, CriterionMapping, Framework, Waiver
from evidence_api.formats.catalog_controls import read_review
from evidence_api.formats.catalog_fields import Sink
from evidence_api.formats.catalog_reading import Reading
from evidence_api.formats.catalog_shapes import MAPPED
from evidence_api.formats.framework_names import licence_of
from evidence_api.formats.yaml_source import Node, Scalar


@dataclass(frozen=True, slots=True)
class Reference:
    """A control named by a mapping: where, and whether it covers the criterion only in part."""

    control: str
    node: Node
    partial: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class CriterionOf:
    """The criterion a mapping names outright; `edition` is "" where any is meant."""

    framework: str
    ref: str
    edition: str
    node: Node


def read_framework(framework: Reading) -> Framework:
    """A document with `framework` and `criteria`."""
    criteria: list[Criterion] = []
    seen: set[str] = set()
    for node in framework.items("criteria"):
        inner = framework.item("criteria", node)
        criterion = Criterion(inner.identifier("ref"), inner.text("title"), inner.text("text"))
        inner.close()
        if criterion.ref in seen:
            message = f"criterion '{criterion.ref}' is written twice"
            framework.sink.at(node, "duplicate_id", message, "leave out either")
        seen.add(criterion.ref)
        criteria.append(criterion)
    return Framework(
        id=framework.identifier("framework"),
        title=framework.text("title"),
        edition=framework.text("edition"),
        licence=licence_of(framework.word("licence")),
        criteria=tuple(criteria),
        aliases=framework.words("aliases"),
        credit=framework.text("credit"),
    )


def read_mapping(mapping: Reading) -> tuple[CriterionMapping, tuple[Reference, ...], CriterionOf | None]:
    """A document with `external`, `maps_to` and `narrative`; framework and ref are resolved later."""
    found = (_reference(node, mapping.sink) for node in mapping.items("maps_to"))
    references = tuple(reference for reference in found if reference is not None)
    read = CriterionMapping(
        external=mapping.identifier("external"),
        framework="",
        ref="",
        maps_to=tuple(dict.fromkeys(reference.control for reference in references)),
        narrative=mapping.text("narrative"),
        relation=mapping.word("relation"),
        partial=frozenset(reference.control for reference in references if reference.partial),
        notes=tuple((reference.control, reference.note) for reference in references if reference.note),
        text=licence_of(mapping.word("text")),
        also_known_as=mapping.words("also_known_as"),
        reviewed=mapping.nested("reviewed", read_review),
    )
    return read, references, mapping.nested("framework", _criterion_of)


def _criterion_of(framework: Reading) -> CriterionOf:
    name, ref = framework.identifier("id"), framework.identifier("ref")
    return CriterionOf(name, ref, framework.text("edition"), framework.node)


def _reference(node: Node, sink: Sink) -> Reference | None:
    if isinstance(node, Scalar):
        return Reference(node.text, node, partial=False)
    mapped = Reading(node, sink, MAPPED)
    name, partial, note = mapped.text("control"), mapped.word("coverage") == "partial", mapped.text("note")
    mapped.close()
    return Reference(name, mapped.value("control"), partial, note) if name else None


def read_waiver(waiver: Reading) -> Waiver:
    """A document with `control` and `reason`: who accepts what, why, on whose approval, from when to when."""
    read = Waiver(
        id=waiver.identifier("id"),
        control=waiver.text("control"),
        reason=waiver.text("reason"),
        owner=waiver.text("owner"),
        approver=waiver.text("approver"),
        starts=waiver.day("from"),
        until=waiver.day("until"),
        scope=_scope(waiver),
    )
    if read.owner and read.owner == read.approver:
        message = f"'{read.owner}' cannot approve a waiver of their own"
        waiver.sink.at(waiver.value("approver"), "self_approved", message, "name another person as approver")
    if date.min < read.until < read.starts:
        message = f"waiver '{read.id}' matches nothing: 'until' lies before 'from'"
        waiver.sink.at(waiver.value("until"), "unknown_value", message, f"write {read.starts} or a later day")
    return read


def _scope(waiver: Reading) -> str:
    """Text (a release name, name@version or subject digest), or a mapping with one of them."""
    said = waiver.nested("scope", lambda inner: inner.text("release") or inner.text("subject"))
    return waiver.text("scope") if said is None else said


def read_identity(catalog: Reading) -> tuple[str, str]:
    """`catalog: {id, version}`: what people call it."""
    return catalog.identifier("id"), catalog.text("version")
