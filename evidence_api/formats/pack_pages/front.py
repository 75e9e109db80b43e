"""The verdict page: what was assessed, what came out, whether the pack is whole, and the exceptions first."""

from evidence_api.domain.assessment import Assessment, Finding
from evidence_api.domain.pack import Completeness, PackStatus, period_of
from evidence_api.domain.waiving import told_end
from evidence_api.formats.pack_pages.index import PageIndex
from evidence_api.formats.pack_pages.markup import Child, Markup, el, join
from evidence_api.formats.pack_pages.words import (
    EXCEPTIONS,
    ORDER,
    STATES,
    badge,
    cut,
    digest,
    exactly,
    moment,
    plural,
    verdict,
)

_SHOWN, _SHOWN_CRAMPED = 6, 4  # exceptions on the first page; the register lists all
_LONG_NAME = 40  # characters of a release's name that no longer fit one line of the large type
_TITLE = 60
_NAMED = 2  # artifacts named on the first page
_APPROVER = 60
_BECAUSE = 165  # characters of a reason there; the card has the whole


def verdict_page(index: PageIndex) -> Markup:
    """The first page. It never runs over: long lists are cut with a link to the whole."""
    contents = index.contents
    name = f"{contents.release.name} {contents.release.version}".strip()
    cramped = len(name) > _LONG_NAME or bool(index.completeness.absent)
    return el(
        "section",
        el("p", eyebrow(contents.tenant), class_="eyebrow"),
        el("h1", name, class_="long" if len(name) > _LONG_NAME else None),
        el("p", verdict(contents.assessment), class_="verdict"),
        _bar(contents.assessment),
        _counts(contents.assessment),
        _whole(index),
        _exceptions(index, _SHOWN_CRAMPED if cramped else _SHOWN),
        _identity(index),
        class_="front",
        id="verdict",
    )


def eyebrow(tenant: str) -> str:
    """The line over the title; with what follows to the completeness line its form is part of evidence-pack/v1."""
    return f"Audit pack · {tenant}"


def whole_line(found: Completeness) -> str:
    """The completeness line."""
    sign = "✓" if found.status is PackStatus.COMPLETE else "!"
    claim = "every verdict can be derived again from the attached files"
    return f"{sign} {found.line} · pack {found.status.value} · {claim}"


def _bar(assessment: Assessment) -> Markup:
    """The share of each outcome, worst first, as one line; the table below says it in figures."""
    total = sum(assessment.counts.values()) or 1
    parts = [
        el("span", class_=f"part {outcome.value}", style=f"width:{9990 * count // total / 100:.2f}%")
        for outcome in ORDER
        if (count := assessment.counts.get(outcome, 0))
    ]
    return el("div", *parts, class_="bar", aria_hidden="true")


def _counts(assessment: Assessment) -> Markup:
    heads, cells = [], []
    for outcome in ORDER:
        count = assessment.counts.get(outcome, 0)
        quiet = "" if count else " none"
        symbol, name = STATES[outcome]
        cells.append(el("td", str(count), class_=f"{outcome.value}{quiet}"))
        heads.append(el("th", el("b", symbol), " ", name, scope="col", class_=f"{outcome.value}{quiet}"))
    return el("table", el("tbody", el("tr", *cells)), el("tfoot", el("tr", *heads)), class_="counts")


def _whole(index: PageIndex) -> Markup:
    found = index.completeness
    bold, rest = whole_line(found).split(" · ", 1)
    lines: list[Child] = [el("b", bold), f" · {rest}"]
    for absent in found.absent[:_NAMED]:
        lines += [el("br"), f"absent: {absent.name}, {absent.reason}"]
    if len(found.absent) > _NAMED:
        lines += [el("br"), el("a", f"and {len(found.absent) - _NAMED} more absent", href="#manifest")]
    return el("p", *lines, class_=f"whole {found.status.value}")


def _exceptions(index: PageIndex, shown: int) -> Markup:
    rank = {outcome: place for place, outcome in enumerate(ORDER)}
    found = [item for item in index.contents.assessment.findings if item.outcome in EXCEPTIONS]
    found.sort(key=lambda item: rank[item.outcome])
    if not found:
        return join(el("h2", "Exceptions"), el("p", "None: every applicable control passed.", class_="quiet"))
    rest = len(found) - shown
    more = el("p", el("a", f"and {plural(rest, 'more exception')}, listed in the verdict register", href="#register"))
    return join(
        el("h2", "Exceptions"),
        el(
            "table",
            el("colgroup", el("col", style="width:27mm"), el("col", style="width:58mm"), el("col")),
            el("tbody", [_exception(index, item) for item in found[:shown]]),
            class_="exceptions",
        ),
        more if rest > 0 else None,
    )


def _exception(index: PageIndex, finding: Finding) -> Markup:
    control = index.controls.get(finding.control)
    return el(
        "tr",
        el("td", badge(finding.outcome)),
        el(
            "td",
            el("a", finding.control, href=f"#{index.anchors[finding.control]}", class_="control"),
            el("br"),
            cut(control.title, _TITLE) if control is not None else None,
        ),
        el("td", _reason(index, finding)),
    )


def _reason(index: PageIndex, finding: Finding) -> list[Child]:
    """Of what was waived, first who accepted it and until when: long names must not push that off the page."""
    waiver = index.waivers.get(finding.waiver)
    if waiver is None:
        return [cut(finding.because, _BECAUSE)]
    accepted = f"Approved by {cut(waiver.approver, _APPROVER)} until {told_end(waiver)}."
    return [el("b", accepted), " ", cut(waiver.reason, _BECAUSE - len(accepted))]


def _identity(index: PageIndex) -> Markup:
    contents, assessment = index.contents, index.contents.assessment
    period = period_of(contents)
    span = "no evidence" if period is None else f"{moment(period[0])} to {moment(period[1])} UTC"
    digests = contents.release.digests
    artifacts: list[Child] = []
    for value in digests[:_NAMED]:
        artifacts += [digest(value), el("br")]
    if len(digests) > _NAMED:
        artifacts.append(el("a", f"and {len(digests) - _NAMED} more", href="#subjects"))
    rows: list[tuple[str, Child]] = [
        ("Artifacts", artifacts),
        ("Period of evidence", span),
        ("Assessed at", f"{exactly(assessment.evaluated_at)}, evidence log at size {assessment.tree_size}"),
        ("Evidence log", contents.log_origin),
        ("Catalog", digest(assessment.catalog_digest)),
        ("Policy bundle", digest(assessment.policy_digest)),
        ("Pack signed by", [digest(index.signer), " (compare this fingerprint with the issuer's)"]),
    ]
    return el(
        "table",
        el("colgroup", el("col", style="width:34mm"), el("col")),
        el("tbody", [el("tr", el("th", name, scope="row"), el("td", value)) for name, value in rows]),
        class_="identity",
    )
