"""Catalog load, per document: one YAML mapping to a control and its queries.

References to other controls are left unchecked (formats/catalog.py does those); every fault is reported.
"""

import re
from string import Formatter

from evidence_api.domain.control import Combine, Control, Fresh, Per, Query, Review, Sample
from evidence_api.domain.errors import InvalidSource
from evidence_api.domain.narrative import PLACEHOLDERS
from evidence_api.domain.where import Constant, Expression
from evidence_api.formats.catalog_reading import Reading
from evidence_api.formats.catalog_shapes import RULE
from evidence_api.formats.where import parse_where_at
from evidence_api.formats.where_types import nearest
from evidence_api.formats.yaml_source import Scalar

_RULE = re.compile(RULE + r"\Z")
_MAX_QUERIES = 64


def read_control(control: Reading) -> Control:
    """A document with `id` and `query` (or `policy`)."""
    name = control.identifier("id")
    policy = _rule(control)
    nodes = control.items("query", required="policy" not in control.values)
    if policy and "query" in control.values:
        message = "a control has either a query or a policy"
        control.sink.at(control.values["policy"][0], "wrong_shape", message, "leave out policy:, or query:")
    if len(nodes) > _MAX_QUERIES:
        message = f"{len(nodes)} queries; the limit is {_MAX_QUERIES}"
        control.sink.at(control.node, "too_large", message, "split the control in two")
    return Control(
        id=name,
        queries=() if policy else tuple(_query(control.item("query", node)) for node in nodes),
        title=control.text("title"),
        statement=control.text("statement"),
        combine=Combine(control.word("combine")),
        tier=control.integer("tier"),
        severity=control.word("severity"),
        owner=control.text("owner"),
        frequency=control.word("frequency"),
        method=control.words("method"),
        fix=control.text("fix"),
        passed_because=_template(control),
        policy=policy,
        state=control.word("state"),
        replaced_by=control.text("replaced_by"),
        reviewed=control.nested("reviewed", read_review),
    )


def read_review(reviewed: Reading) -> Review:
    """Who looked at it, and when."""
    return Review(reviewed.text("by"), reviewed.day("on"))


def _rule(control: Reading) -> str:
    """The Rego rule an operator names instead of queries: data.<package>.<rule>, outside our own package."""
    rule = control.text("policy")
    if rule and (not _RULE.match(rule) or rule.startswith("data.evidence.catalog.")):
        message = f"'{rule[:80]}' names no Rego rule"
        control.sink.at(control.value("policy"), "unknown_value", message, "write e.g. data.ig.sc5.decision")
        return ""
    return rule


def _template(control: Reading) -> str:
    """`passed_because`: text whose {placeholders} the narrative knows."""
    template = control.text("passed_because")
    if template:
        node = control.value("passed_because")
        try:
            names = [name for _, name, form, conversion in Formatter().parse(template) if name is not None]
            plain = all(not form and not conversion for _, _, form, conversion in Formatter().parse(template))
        except ValueError:
            names, plain = [], False
        if not plain:
            message = "'passed_because' holds a brace that is no {placeholder}"
            control.sink.at(node, "unknown_value", message, "write {{ or }}")
        for name in names:
            if name not in PLACEHOLDERS:
                message = f"'passed_because' has no placeholder {{{name}}}"
                control.sink.at(node, "unknown_value", message, nearest(name, PLACEHOLDERS))
                template = ""
        template = template if plain else ""
    return template


def _query(query: Reading) -> Query:
    kind = query.text("kind")
    where, source = _where(query, kind, query)
    on_empty, reason = _on_empty(query)
    expected = query.nested("expect", lambda expect: expect.integer("at_least"))
    population, population_source, sample = query.nested(
        "population", lambda inner: _population(inner, kind, query)
    ) or (None, "", Sample())
    found = Query(
        kind=kind,
        where=where,
        source=source,
        name=query.text("name"),
        at_least=expected or 1,
        per=Per(query.word("per")),
        fresh=query.nested("fresh", lambda fresh: Fresh(fresh.duration("max_age"), fresh.word("clock"))),
        on_empty=on_empty,
        on_empty_reason=reason,
        sample=sample,
        population=population,
        population_source=population_source,
    )
    query.close()
    return found


def _where(holder: Reading, kind: str, query: Reading) -> tuple[Expression, str]:
    """The condition, typed against the facts of the query's kind; faults point into the YAML scalar."""
    node = holder.scalar("where")
    if node is None or not isinstance(node, Scalar):
        if node is not None:
            message = "'where' is text"
            holder.sink.at(node, "wrong_shape", message, "quote a condition that begins with [ or {")
        return Constant(value=False), ""
    kind_node = query.values["kind"][1] if "kind" in query.values else node
    try:
        return parse_where_at(node.text, kind, file=holder.sink.file, locate=node.locate()), node.text.strip()
    except InvalidSource as invalid:
        for fault in invalid.faults:
            if fault.code != "unknown_kind":
                holder.sink.faults.append(fault)
            elif kind:  # a query without a kind is told so once
                holder.sink.at(kind_node, fault.code, fault.message, fault.hint)
        return Constant(value=False), node.text.strip()


def _on_empty(query: Reading) -> tuple[str, str]:
    """`missing`, or `{outcome: not_applicable, reason: …}`: who says that it does not apply says why."""
    node = query.scalar("on_empty")
    without_reason = isinstance(node, Scalar) and node.text == "not_applicable"
    said = query.nested("on_empty", lambda inner: (inner.word("outcome"), inner.text("reason")))
    hint = "write on_empty: {outcome: not_applicable, reason: …}"
    if said is None and not without_reason and query.text("on_empty") not in {"", "missing"}:
        message = "without evidence a query is missing, or does not apply for a reason"
        query.sink.at(query.value("on_empty"), "unknown_value", message, f"{hint}, or missing")
    if node is not None and (without_reason or (said and said[0] == "not_applicable" and not said[1])):
        query.sink.at(node, "missing_key", "not_applicable needs a reason", hint)
    return said or ("missing", "")


def _population(population: Reading, kind: str, query: Reading) -> tuple[Expression | None, str, Sample]:
    """`where`: the rows that the query is about; `sample`: how many of them are tested. A sample is drawn before
    conditions are evaluated, so it is drawn from all rows of the kind or not at all."""
    sample = population.nested("sample", _sample)
    if sample is None:
        population.word("sample")
        sample = Sample()
    if "where" not in population.values:
        return None, "", sample
    if sample.size is not None:
        message = "a sample is drawn from all rows of the kind, so not from those of a 'where'"
        population.sink.at(population.values["where"][0], "wrong_shape", message, "leave out either")
    return *_where(population, kind, query), sample


def _sample(sample: Reading) -> Sample:
    return Sample(sample.integer("size"), sample.text("seed"))
