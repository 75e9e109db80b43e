"""Catalog load, per document: one YAML mapping to a control, framework, mapping or waiver.

Each reader takes every key its document may have (DESIGN section 5), leaves references to other
documents unchecked (formats/catalog.py does those), and reports every fault it sees.
"""

import re
from dataclasses import dataclass
from datetime import date
from string import Formatter

from evidence_api.domain.control import (
    Combine,
    Control,
    Criterion,
    CriterionMapping,
    Framework,
    Fresh,
    Per,
    Query,
    Sample,
    Waiver,
)
from evidence_api.domain.errors import InvalidSource
from evidence_api.domain.narrative import PLACEHOLDERS
from evidence_api.domain.where import Constant, Expression
from evidence_api.formats.catalog_fields import Fields
from evidence_api.formats.framework_names import LICENCES, OWN, licence_of
from evidence_api.formats.where import parse_where_at
from evidence_api.formats.where_types import nearest
from evidence_api.formats.yaml_source import Mapping, Node, Scalar

SEVERITIES = ("low", "medium", "high", "critical")
FREQUENCIES = ("per_release", "continuous", "daily", "weekly", "monthly", "quarterly", "annual", "ad_hoc")
METHODS = ("inspection", "reperformance", "inquiry", "observation")
STATES = ("active", "draft", "deprecated", "retired")
CLOCKS = ("effective", "collected", "received")
# The relation words of NIST IR 8477 (set theory and supportive styles); without one it is "relates_to".
RELATIONS = (
    "relates_to",
    "equal",
    "subset_of",
    "superset_of",
    "intersects_with",
    "supports",
    "supported_by",
    "identical",
    "equivalent",
    "contrary",
)
_RULE = re.compile(r"data(\.[A-Za-z_][A-Za-z0-9_]*){2,10}\Z")
_MAX_QUERIES = 64


@dataclass(frozen=True, slots=True)
class Reference:
    """A control named by a mapping: where, and whether it covers the criterion only in part."""

    control: str
    node: Node
    partial: bool


def read_control(fields: Fields) -> Control:
    """A document with `id` and `query` (or `policy`)."""
    name = fields.identifier("id")
    policy = _rule(fields)
    queries = () if policy else tuple(_query(node, fields) for node in fields.items("query", required=True))
    if policy and fields.node_of("query") is not None:
        fields.sink.at(fields.values["policy"][0], "wrong_shape", "a control has either a query or a policy")
    if len(queries) > _MAX_QUERIES:
        fields.sink.at(fields.node, "too_large", f"{len(queries)} queries; the limit is {_MAX_QUERIES}")
    return Control(
        id=name,
        queries=queries,
        title=fields.text("title"),
        statement=fields.text("statement"),
        combine=Combine(fields.word("combine", tuple(Combine), Combine.ALL)),
        tier=fields.integer("tier", 1, 9),
        severity=fields.word("severity", SEVERITIES, ""),
        owner=fields.text("owner"),
        frequency=fields.word("frequency", FREQUENCIES, ""),
        method=fields.words("method", METHODS),
        fix=fields.text("fix"),
        passed_because=_template(fields),
        policy=policy,
        state=fields.word("state", STATES, "active"),
        replaced_by=fields.text("replaced_by"),
    )


def _rule(fields: Fields) -> str:
    """The Rego rule an operator names instead of queries: data.<package>.<rule>, outside our own package."""
    rule = fields.text("policy")
    if rule and (not _RULE.match(rule) or rule.startswith("data.evidence.catalog.")):
        fields.sink.at(
            fields.values["policy"][1],
            "unknown_value",
            f"'{rule[:80]}' names no Rego rule",
            "e.g. data.ig.sc5.decision",
        )
        return ""
    return rule


def _template(fields: Fields) -> str:
    """`passed_because`: text whose {placeholders} the narrative knows."""
    template = fields.text("passed_because")
    if template:
        node = fields.values["passed_because"][1]
        try:
            names = [name for _, name, form, conversion in Formatter().parse(template) if name is not None]
            plain = all(not form and not conversion for _, _, form, conversion in Formatter().parse(template))
        except ValueError:
            names, plain = [], False
        if not plain:
            fields.sink.at(
                node, "unknown_value", "'passed_because' holds a brace that is no {placeholder}", "write {{ or }}"
            )
        for name in names:
            if name not in PLACEHOLDERS:
                hint = nearest(name, PLACEHOLDERS)
                fields.sink.at(node, "unknown_value", f"'passed_because' has no placeholder {{{name}}}", hint)
                template = ""
        template = template if plain else ""
    return template


def _query(node: Node, outer: Fields) -> Query:
    fields = Fields(node, outer.sink, "query")
    kind = fields.text("kind", required=True)
    where, source = _where(fields, kind, fields)
    on_empty, reason = _on_empty(fields)
    population, population_source, sample = fields.nested(
        "population", lambda inner: _population(inner, kind, fields)
    ) or (None, "", Sample())
    query = Query(
        kind=kind,
        where=where,
        source=source,
        name=fields.text("name"),
        at_least=fields.nested("expect", lambda inner: inner.integer("at_least", 1, 10_000, 1) or 1) or 1,
        per=Per(fields.word("per", tuple(Per), Per.RELEASE)),
        fresh=fields.nested(
            "fresh", lambda inner: Fresh(inner.duration("max_age"), inner.word("clock", CLOCKS, "effective"))
        ),
        on_empty=on_empty,
        on_empty_reason=reason,
        sample=sample,
        population=population,
        population_source=population_source,
    )
    fields.close()
    return query


def _where(fields: Fields, kind: str, query: Fields) -> tuple[Expression, str]:
    """The condition, typed against the facts of the query's kind; faults point into the YAML scalar."""
    node = fields.required("where")
    if node is None or not isinstance(node, Scalar):
        if node is not None:
            fields.sink.at(node, "wrong_shape", "'where' is text", "quote a condition that begins with [ or {")
        return Constant(value=False), ""
    kind_node = query.values["kind"][1] if "kind" in query.values else node
    try:
        return parse_where_at(node.text, kind, file=fields.sink.file, locate=node.locate()), node.text.strip()
    except InvalidSource as invalid:
        for fault in invalid.faults:
            if fault.code == "unknown_kind":
                fields.sink.at(kind_node, fault.code, fault.message, fault.hint)
            else:
                fields.sink.faults.append(fault)
        return Constant(value=False), node.text.strip()


def _on_empty(fields: Fields) -> tuple[str, str]:
    """`missing`, or `{outcome: not_applicable, reason: …}`: who says that it does not apply says why."""
    node = fields.node_of("on_empty")
    if isinstance(node, Mapping):
        pair = fields.nested(
            "on_empty",
            lambda inner: (inner.word("outcome", ("missing", "not_applicable"), "missing"), inner.text("reason")),
        ) or ("missing", "")
    else:
        pair = (fields.word("on_empty", ("missing", "not_applicable"), "missing"), "")
    if pair[0] == "not_applicable" and not pair[1] and node is not None:
        fields.sink.at(
            node, "missing_key", "not_applicable needs a reason", "on_empty: {outcome: not_applicable, reason: …}"
        )
    return pair


def _population(fields: Fields, kind: str, query: Fields) -> tuple[Expression | None, str, Sample]:
    """`where`: the rows that the query is about; `sample`: how many of them are tested. A sample is drawn before
    conditions are evaluated, so it is drawn from all rows of the kind or not at all."""
    sample = _sample(fields)
    if "where" not in fields.values:
        return None, "", sample
    if sample.size is not None:
        message = "a sample is drawn from all rows of the kind, so not from those of a 'where'"
        fields.sink.at(fields.values["where"][0], "wrong_shape", message, "leave out either")
    return *_where(fields, kind, query), sample


def _sample(fields: Fields) -> Sample:
    """`sample: all`, or `sample: {size, seed}`."""
    node = fields.node_of("sample")
    if isinstance(node, Mapping):

        def read(inner: Fields) -> Sample:
            size, seed = inner.integer("size", 1, 100_000), inner.text("seed", required=True)
            if size is None and "size" not in inner.values:
                inner.sink.at(inner.node, "missing_key", "a sample needs the key 'size'")
            return Sample(size, seed)

        return fields.nested("sample", read) or Sample()
    fields.word("sample", ("all",), "all")
    return Sample()


def read_framework(fields: Fields) -> Framework:
    """A document with `framework` and `criteria`."""
    criteria: list[Criterion] = []
    seen: set[str] = set()
    for node in fields.items("criteria", required=True):
        inner = Fields(node, fields.sink, "criterion")
        ref, title = inner.identifier("ref", reference=True), inner.text("title", required=True)
        criterion = Criterion(ref, title, inner.text("text"))
        inner.close()
        if criterion.ref in seen:
            fields.sink.at(node, "duplicate_id", f"criterion '{criterion.ref}' is written twice")
        seen.add(criterion.ref)
        criteria.append(criterion)
    return Framework(
        id=fields.identifier("framework"),
        title=fields.text("title", required=True),
        edition=fields.text("edition", required=True),
        licence=licence_of(fields.word("licence", LICENCES, OWN)),
        criteria=tuple(criteria),
        aliases=fields.words("aliases"),
        credit=fields.text("credit"),
    )


def read_mapping(fields: Fields) -> tuple[CriterionMapping, tuple[Reference, ...]]:
    """A document with `external`, `maps_to` and `narrative`; framework and ref are resolved later."""
    references = tuple(
        found for node in fields.items("maps_to", required=True) if (found := _reference(node, fields)) is not None
    )
    mapping = CriterionMapping(
        external=fields.identifier("external", reference=True),
        framework="",
        ref="",
        maps_to=tuple(dict.fromkeys(reference.control for reference in references)),
        narrative=fields.text("narrative", required=True),
        relation=fields.word("relation", RELATIONS, "relates_to"),
        partial=frozenset(reference.control for reference in references if reference.partial),
    )
    return mapping, references


def _reference(node: Node, outer: Fields) -> Reference | None:
    if isinstance(node, Scalar):
        return Reference(node.text, node, partial=False)
    fields = Fields(node, outer.sink, "mapped control")
    name = fields.text("control", required=True)
    partial = fields.word("coverage", ("full", "partial"), "full") == "partial"
    fields.text("note")
    fields.close()
    return Reference(name, fields.values["control"][1], partial) if name else None


def read_waiver(fields: Fields) -> Waiver:
    """A document with `control` and `reason`: who accepts what, why, on whose approval, from when to when."""
    waiver = Waiver(
        id=fields.identifier("id"),
        control=fields.text("control", required=True),
        reason=fields.text("reason", required=True),
        owner=fields.text("owner", required=True),
        approver=fields.text("approver", required=True),
        starts=fields.day("from"),
        until=fields.day("until"),
        scope=_scope(fields),
    )
    if waiver.owner and waiver.owner == waiver.approver:
        message = f"'{waiver.owner}' cannot approve a waiver of their own"
        fields.sink.at(fields.values["approver"][1], "self_approved", message)
    if date.min < waiver.until < waiver.starts:
        fields.sink.at(fields.values["until"][1], "unknown_value", "'until' lies before 'from'")
    return waiver


def _scope(fields: Fields) -> str:
    """Text (a release name, name@version or subject digest), or a mapping with one of them."""
    node = fields.node_of("scope")
    if not isinstance(node, Mapping):
        return fields.text("scope")
    return fields.nested("scope", lambda inner: inner.text("release") or inner.text("subject")) or ""
