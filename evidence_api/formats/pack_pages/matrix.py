"""The verdict register (every control on one line) and the criterion matrix (frameworks by weakest link)."""

from evidence_api.domain.assessment import CriterionResult, Finding, QueryResult
from evidence_api.domain.control import Criterion, Framework
from evidence_api.formats.pack_pages.index import PageIndex
from evidence_api.formats.pack_pages.markup import Child, Markup, el, join
from evidence_api.formats.pack_pages.words import STATES, badge, cut

REGISTER_TITLE = "Verdict register"
CRITERIA_TITLE = "Criteria"
REGISTER_HEADS = ("Control", "Title", "Verdict", "Rows met", "Page")
_CONTROLS_SHOWN = 60  # in one row of the matrix


def register(index: PageIndex) -> Markup:
    """One row a control: id, title, verdict, rows met, page.

    The verifier reads this table back (formats/pack_printed.py): its form is part of evidence-pack/v1.
    """
    rows = [_row(index, finding) for finding in index.contents.assessment.findings]
    return el(
        "section",
        el("h2", REGISTER_TITLE),
        el("p", "Every control of the catalog, in its order. Only “passed” counts as satisfied.", class_="lead"),
        el(
            "table",
            el("colgroup", [el("col", style=f"width:{width}mm") for width in (36, 74, 34, 16, 12)]),
            el("thead", el("tr", [el("th", head, scope="col") for head in REGISTER_HEADS])),
            el("tbody", rows),
            class_="grid register",
        ),
        [el("p", note, class_="note") for note in index.contents.assessment.notes],
        id="register",
        class_="sheet",
    )


def _row(index: PageIndex, finding: Finding) -> Markup:
    control = index.controls.get(finding.control)
    target = f"#{index.anchors[finding.control]}"
    raw = raw_note(finding)
    return el(
        "tr",
        el("td", el("a", finding.control, href=target, class_="control")),
        el("td", cut(control.title) if control is not None else None),
        el("td", badge(finding.outcome), [el("br"), el("span", raw, class_="quiet")] if raw else None),
        el("td", tally(finding.queries), class_="number"),
        el("td", el("a", href=target, class_="page"), class_="number"),
    )


def raw_note(finding: Finding) -> str | None:
    """What stood before a waiver, where there was one."""
    return f"before waiver: {STATES[finding.raw][1].lower()}" if finding.raw is not finding.outcome else None


# Under which terms a framework is quoted.
_TERMS = {
    "public_domain": "Quoted from the public domain",
    "cc0": "Quoted under CC0 1.0",
    "apache-2.0": "Quoted under the Apache License 2.0",
    "by_permission": "Quoted by permission",
}


def tally(queries: tuple[QueryResult, ...]) -> str:
    """`3 of 4`: rows that met their test, of all rows looked at, over the control's queries."""
    return f"{sum(query.met for query in queries)} of {sum(query.population for query in queries)}"


def criterion_matrix(index: PageIndex) -> Markup | None:
    """A table for each framework; a criterion no control is mapped to is listed as such."""
    by_framework: dict[str, list[CriterionResult]] = {}
    for result in index.contents.assessment.criteria:
        by_framework.setdefault(result.framework, []).append(result)
    if not by_framework:
        return None
    return el(
        "section",
        el("h2", CRITERIA_TITLE),
        el(
            "p",
            "A criterion is as good as the weakest control related to it. “Relates to” is our reading, not the "
            "framework owner's; none of this is a certification. Of a control marked ½, the mapping says that it "
            "bears on a part of the criterion only.",
            class_="lead",
        ),
        [_framework(index, name, results) for name, results in by_framework.items()],
        id="criteria",
        class_="sheet",
    )


def _framework(index: PageIndex, name: str, results: list[CriterionResult]) -> Markup:
    framework = index.frameworks.get(name)
    criteria = {criterion.ref: criterion for criterion in framework.criteria} if framework is not None else {}
    edition = f" ({framework.edition})" if framework is not None and framework.edition else ""
    mapped = [result for result in results if not result.unmapped]
    unmapped = [result.ref for result in results if result.unmapped]
    # the heads are repeated on each page: by the first one a reader knows whose CM-8 it is
    heads = (index.framework_title(name), "Title", "Outcome", "Controls")
    table = el(
        "table",
        el("colgroup", [el("col", style=f"width:{width}mm") for width in (24, 58, 32, 58)]),
        el("thead", el("tr", [el("th", head, scope="col") for head in heads])),
        el("tbody", [_criterion(index, result, criteria) for result in mapped]),
        class_="grid matrix",
    )
    left_out = el("p", el("b", "No control mapped: "), ", ".join(unmapped), class_="note") if unmapped else None
    source = el("p", _source(framework), class_="note") if framework is not None else None
    return join(el("h3", f"{index.framework_title(name)}{edition}"), source, table if mapped else None, left_out)


def _source(framework: Framework) -> str:
    """Whose words the titles are."""
    if framework.licence == "own":
        return "Ids of the framework; titles in our own words."
    return f"{_TERMS.get(framework.licence, framework.licence)}: {framework.credit or framework.title}."


def _in_part(index: PageIndex, control: str, result: CriterionResult) -> bool:
    """Whether every mapping of the control to the criterion covers it in part."""
    found = [
        one for one in index.mappings.get(control, ()) if (one.framework, one.ref) == (result.framework, result.ref)
    ]
    return bool(found) and all(control in one.partial for one in found)


def _criterion(index: PageIndex, result: CriterionResult, criteria: dict[str, Criterion]) -> Markup:
    criterion = criteria.get(result.ref)
    controls: list[Child] = []
    more = len(result.controls) - _CONTROLS_SHOWN
    for place, control in enumerate(result.controls[:_CONTROLS_SHOWN]):
        finding = index.findings.get(control)
        symbol = STATES[finding.outcome][0] if finding is not None else "·"
        state = finding.outcome.value if finding is not None else "not_run"
        name: Child = control
        if control in index.anchors:
            name = el("a", control, href=f"#{index.anchors[control]}")
        part = " ½" if _in_part(index, control, result) else None
        controls += [", " if place else None, el("span", el("b", symbol), " ", name, part, class_=f"mini {state}")]
    if more > 0:
        controls.append(f" and {more} more")
    return el(
        "tr",
        el("td", el("span", result.ref, class_="control")),
        el("td", cut(criterion.title) if criterion is not None else None),
        el("td", badge(result.outcome)),
        el("td", controls),
    )
