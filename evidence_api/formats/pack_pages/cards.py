"""One card per control: its wording, the test, the population, the result, why, and the evidence used."""

from itertools import zip_longest

from evidence_api.domain.assessment import Finding, QueryResult
from evidence_api.domain.control import Combine, Control, Query, Waiver
from evidence_api.domain.pack import PackedEvidence
from evidence_api.domain.waiving import told_end, told_start
from evidence_api.formats.pack_decisions import PackedDecision
from evidence_api.formats.pack_pages.decisions import came_to
from evidence_api.formats.pack_pages.index import PageIndex
from evidence_api.formats.pack_pages.markup import Child, Markup, el, join
from evidence_api.formats.pack_pages.words import (
    badge,
    cut,
    expectation,
    moment,
    plural,
    remark,
    short,
    signed_by_briefly,
    word,
)

CARDS_TITLE = "Controls"
_EVIDENCE_SHOWN = 10  # rows in a card; the evidence register has all
_KEPT_WHOLE = 6  # a card with so few rows is not broken over pages


def cards(index: PageIndex) -> Markup:
    """All cards, in the order of the catalog."""
    made = [_card(index, finding) for finding in index.contents.assessment.findings]
    return el(
        "section",
        # The heading stays with the first card: a heading alone at the foot of a page helps nobody.
        el("div", el("h2", CARDS_TITLE), made[:1], class_="opening"),
        made[1:],
        id="controls",
        class_="sheet",
    )


def _card(index: PageIndex, finding: Finding) -> Markup:
    control = index.controls.get(finding.control) or Control(finding.control, ())
    kept = " kept" if len(finding.evidence) <= _KEPT_WHOLE else ""
    return el(
        "article",
        el(
            "h3",
            badge(finding.outcome),
            " ",
            el("span", finding.control, class_="control"),
            f" {cut(control.title)}" if control.title else None,
            class_="card-head",
        ),
        el("p", control.statement, class_="statement") if control.statement else None,
        _facts(index, finding, control),
        _why(index, finding),
        _tests(finding, control),
        _evidence(index, finding),
        class_=f"card edge-{finding.outcome.value}{kept}",
        id=index.anchors[finding.control],
    )


def _facts(index: PageIndex, finding: Finding, control: Control) -> Markup:
    related: list[Child] = []
    for mapping in index.mappings.get(finding.control, ()):
        name = f"{index.framework_title(mapping.framework)} {mapping.ref}"
        related += [", " if related else None, el("span", name, class_="whole-word")]
    facts: list[tuple[str, Child]] = [
        ("Owner", control.owner),
        ("Frequency", control.frequency.replace("_", " ")),
        ("Method", ", ".join(control.method)),
        ("Severity", control.severity),
        ("Tier", "" if control.tier is None else str(control.tier)),
        ("State", "" if control.state == "active" else control.state),
        ("Replaced by", control.replaced_by),
        ("Relates to", related),
    ]
    parts: list[Child] = []
    for name, value in facts:
        if value:
            parts.append(join(el("span", el("b", name), " ", value, class_="fact"), " "))
    return el("p", *parts, class_="facts")


def _why(index: PageIndex, finding: Finding) -> Markup:
    lines: list[Child] = [el("p", el("b", "Why"), " ", finding.because, class_="because")]
    if finding.fix:
        lines.append(el("p", el("b", "To fix"), " ", finding.fix, class_="fix"))
    waiver = index.waivers.get(finding.waiver)
    if waiver is not None:
        lines.append(_waiver(index, finding, waiver))
    return el("div", *lines, class_=f"why {finding.outcome.value}")


def _waiver(index: PageIndex, finding: Finding, waiver: Waiver) -> Markup:
    """Who accepted the outcome and until when; an override is linked to its record."""
    item = index.evidence.get(waiver.evidence)
    name: Child = f"Waiver {waiver.id}"
    if item is not None:
        name = el("a", f"Override {short(waiver.evidence)}", href=f"#leaf-{item.evidence.leaf_index}")
    asked = f"requester {waiver.requester}, " if waiver.requester else ""
    span = f"in force from {told_start(waiver)} until {told_end(waiver)}"
    scope = f", for {waiver.scope}" if waiver.scope else ""
    raw = word(finding.raw).lower()
    text = f"owner {waiver.owner}, {asked}approver {waiver.approver}, {span}{scope}; without it: {raw}"
    return el("p", el("b", name), " ", text, class_="waiver")


def _tests(finding: Finding, control: Control) -> Markup | None:
    """The query as written, what it asks for, the population, and the result x of N."""
    if not finding.queries:
        return el("p", el("b", "Test"), " ", control.policy, class_="mono") if control.policy else None
    heads = ("Test performed", "Population", "Tested", "Met", "Result")
    asked = control.queries[: len(finding.queries)]
    joined = " and ".join(
        [plural(len(finding.queries), "test"), "all must pass" if control.combine is Combine.ALL else "one must pass"]
    )
    return join(
        el("p", joined, class_="sub") if len(finding.queries) > 1 else None,
        el(
            "table",
            el("colgroup", [el("col", style=f"width:{width}mm") for width in (94, 19, 15, 15, 27)]),
            el("thead", el("tr", [el("th", head, scope="col") for head in heads])),
            el("tbody", [_test(*pair) for pair in zip_longest(finding.queries, asked)]),
            class_="grid tests",
        ),
    )


def _test(result: QueryResult, query: Query | None) -> Markup:
    expected = expectation(query) if query is not None else None
    others = [
        f"{plural(len(ids), 'record')} {name}"
        for name, ids in (
            ("failed", result.failed),
            ("unknown", result.unknown),
            ("stale", result.stale),
            ("withheld", result.withheld),
            ("unverified, not counted", result.unverified),
        )
        if ids
    ]
    return el(
        "tr",
        el(
            "td",
            el("span", cut(f"{result.kind} where {result.where}"), class_="mono"),
            [el("br"), el("span", expected, class_="quiet")] if expected else None,
        ),
        el("td", str(result.population), class_="number"),
        el("td", "all" if result.tested == result.population else str(result.tested), class_="number"),
        el("td", f"{result.met} of {result.population}", class_="number"),
        el("td", badge(result.outcome), [el("br"), el("span", ", ".join(others), class_="quiet")] if others else None),
    )


def _evidence(index: PageIndex, finding: Finding) -> Markup | None:
    if not finding.evidence:
        return el("p", "No evidence of the kinds asked for is in the log for this release.", class_="note")
    found = [index.evidence[key] for key in finding.evidence if key in index.evidence]
    heads = ("Leaf", "Evidence", "Digest", "Signer", "Effective", "Collected", "Received (UTC)")
    more = len(found) - _EVIDENCE_SHOWN
    return join(
        el(
            "table",
            el("colgroup", [el("col", style=f"width:{width}mm") for width in (11, 27, 24, 36, 24, 24, 24)]),
            el("thead", el("tr", [el("th", head, scope="col") for head in heads])),
            el("tbody", [_evidence_row(index, item) for item in found[:_EVIDENCE_SHOWN]]),
            class_="grid evidence",
        ),
        el("p", el("a", f"and {more} more in the evidence register", href="#evidence"), class_="note")
        if more > 0
        else None,
    )


def decisions_on(index: PageIndex, finding: Finding) -> list[PackedDecision]:
    """The decisions a card says the outcome of, in its order."""
    found = [key for key in finding.evidence if key in index.evidence][:_EVIDENCE_SHOWN]
    return [index.decisions[key] for key in found if key in index.decisions]


def _evidence_row(index: PageIndex, item: PackedEvidence) -> Markup:
    record = item.evidence
    decision = index.decisions.get(record.id)
    row = el(
        "tr",
        el("td", el("a", str(record.leaf_index), href=f"#leaf-{record.leaf_index}"), class_="number"),
        el("td", record.kind, remark(item)),
        el("td", short(record.body_digest), class_="mono"),
        el("td", signed_by_briefly(record.verification)),
        el("td", moment(record.effective), class_="time"),
        el("td", moment(record.collected), class_="time"),
        el("td", moment(record.received), class_="time"),
        class_=None if decision is None else "told",
    )
    if decision is None:
        return row
    return join(row, el("tr", el("td"), el("td", came_to(decision), colspan=6)))
