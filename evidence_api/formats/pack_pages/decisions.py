"""Decisions on the pages: what each came to when it was recomputed, on the cards that rest on it and in an annex.

The verifier reads both back (formats/pack_printed.py), so what is printed here is said in one place.
"""

import re
from collections.abc import Mapping, Sequence

from evidence_api.domain.decision_words import told_difference
from evidence_api.domain.decisions.reading import PENDING
from evidence_api.domain.decisions.reperforming import Status
from evidence_api.formats.pack_decisions import PackedDecision, tally, worst_first
from evidence_api.formats.pack_pages.index import PageIndex
from evidence_api.formats.pack_pages.markup import Markup, el
from evidence_api.formats.pack_pages.words import cut, hexadecimal

ANNEX_TITLE = "Annex E: decisions recomputed"
ANNEX_HEADS = ("Leaf", "Decision", "What it comes to", "Evidence id (SHA-256)")
ANNEX_SHOWN = 200  # rows; pack.json has all
_DIFFERENCES = 5  # shown of one decision
_IN_A_LINE = 400  # characters
_MINUS = re.compile(r"(?<![\w.-])-(?=[0-9])")

# Status -> (symbol, word, class of its colour).
_STATES: Mapping[str, tuple[str, str, str]] = {
    Status.AGREES: ("✓", "Agrees", "pass"),
    Status.DISAGREES: ("×", "Disagrees", "fail"),  # noqa: RUF001  the sign for a failure
    Status.NOT_REPERFORMABLE: ("?", "Not recomputed", "missing"),
    PENDING: ("→", "Not yet checked", "needs_review"),
}


def annex(index: PageIndex) -> Markup | None:
    """One row a decision, those that disagree first; None for a pack without any."""
    decisions = tuple(index.decisions.values())
    if not decisions:
        return None
    more = len(decisions) - ANNEX_SHOWN
    return el(
        "section",
        el("h2", ANNEX_TITLE),
        el("p", annex_lead(decisions), class_="lead"),
        el(
            "table",
            el("colgroup", [el("col", style=f"width:{width}mm") for width in (12, 34, 92, 34)]),
            el("thead", el("tr", [el("th", head, scope="col") for head in ANNEX_HEADS])),
            el("tbody", [_row(one) for one in annexed(decisions)]),
            class_="grid decisions",
        ),
        el("p", f"and {more} more in pack.json", class_="note") if more > 0 else None,
        id="decisions",
        class_="sheet",
    )


def annexed(decisions: Sequence[PackedDecision]) -> list[PackedDecision]:
    """The decisions that have a row, in the order of the rows."""
    return worst_first(decisions)[:ANNEX_SHOWN]


def annex_lead(decisions: Sequence[PackedDecision]) -> str:
    """The sentence above the rows."""
    return (
        f"{tally([one.reperformed.status for one in decisions])}. Each was computed again from its own signed inputs, "
        "by its published definition; a disagreement stays on record, and controls see it."
    )


def annex_text(one: PackedDecision) -> str:
    """A row of the annex as text, cell after cell."""
    record = one.item.evidence
    return "".join((str(record.leaf_index), one.name, came_to_text(one), record.id.rpartition(":")[2]))


def _row(one: PackedDecision) -> Markup:
    record = one.item.evidence
    return el(
        "tr",
        el("td", el("a", str(record.leaf_index), href=f"#leaf-{record.leaf_index}"), class_="number"),
        el("td", one.name),
        el("td", came_to(one)),
        el("td", hexadecimal(record.id)),
    )


def came_to(one: PackedDecision) -> Markup:
    """State, sentence, and where the claims part from it."""
    symbol, name, state = _STATES[one.reperformed.status]
    lines = _differences(one)
    return el(
        "div",
        el("span", el("b", symbol), " ", name, class_=f"state {state}"),
        f" {_sentence(one)}",
        el("ul", [el("li", line) for line in lines], class_="plain differences") if lines else None,
        class_="came-to",
    )


def came_to_text(one: PackedDecision) -> str:
    """The same as text."""
    symbol, name, _ = _STATES[one.reperformed.status]
    return "".join((symbol, name, _sentence(one), *_differences(one)))


def _sentence(one: PackedDecision) -> str:
    told = one.reperformed
    said = told.reason if told.status == Status.NOT_REPERFORMABLE else told.explanation or told.reason
    return _line(said)


def _differences(decision: PackedDecision) -> list[str]:
    found = decision.reperformed.differences
    lines = [_line(told_difference(one.path, one.claimed, one.recomputed)) for one in found[:_DIFFERENCES]]
    more = len(found) - _DIFFERENCES
    return [*lines, f"and {more} more in pack.json"] if more > 0 else lines


def _line(text: str) -> str:
    """With the sign for minus: hyphens are lost where lines break, and the verifier compares without them."""
    return cut(_MINUS.sub("\N{MINUS SIGN}", text), _IN_A_LINE)
