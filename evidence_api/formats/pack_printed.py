"""What a pack's pages must say, compared with the text on them: the printed verdicts are part of evidence-pack/v1.

Text read out of a PDF has other spaces and hyphens at line ends, so both sides are squeezed: white space,
hyphens and invisible characters go. Three things are compared, in reading order:

  1. verdict page   from its first word to the completeness line, exactly: release, sentence, nine counts
  2. register       every row, exactly: control, title, state, raw state if waived, rows met, page; no row more
  3. cards          every control's state, id, title and reason, and what its decisions came to
  4. decisions      the annex's sentence and every row, exactly; none where the pack holds no decision

The register's head row may repeat at a page's top; nothing else may stand between its rows.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from evidence_api.domain.assessment import Assessment, Finding
from evidence_api.domain.errors import PackRejected
from evidence_api.domain.pack import PackContents
from evidence_api.formats.pack_artifacts import completeness_of
from evidence_api.formats.pack_decisions import PackedDecision, as_listed
from evidence_api.formats.pack_pages.cards import CARDS_TITLE, decisions_on
from evidence_api.formats.pack_pages.decisions import (
    ANNEX_HEADS,
    ANNEX_TITLE,
    annex_lead,
    annex_text,
    annexed,
    came_to_text,
)
from evidence_api.formats.pack_pages.front import eyebrow, whole_line
from evidence_api.formats.pack_pages.index import PageIndex, index_of
from evidence_api.formats.pack_pages.markup import printable
from evidence_api.formats.pack_pages.matrix import CRITERIA_TITLE, REGISTER_HEADS, REGISTER_TITLE, raw_note, tally
from evidence_api.formats.pack_pages.words import ORDER, STATES, cut, verdict

_LOST = re.compile(
    "[\\s\u0000-\u001f\u007f-\u00a0\u00ad\u2010\u2011\u200b-\u200f\u2028-\u202e\u2060\ufeff\ufffe\uffff-]"
)
_FOOT = re.compile(r"Verifyoffline:evidenceapiverifyFILEPage[0-9]{1,6}of([0-9]{1,6})\Z")
_PAGE = re.compile(r"[0-9]{1,6}")
_CONTEXT = 60


def squeeze(text: str) -> str:
    """Only what both sides surely have: no white space, no hyphens, nothing invisible."""
    return _LOST.sub("", text)


def check_printed(
    contents: PackContents, pages: Sequence[str], assessment: Assessment | None = None, listed: object = None
) -> int:
    """Compare with `assessment` (that of the contents if not given), and with the index's list of decisions where that
    says what they come to here; the number of verdicts found printed.

    Raises PackRejected `printed` with what was expected and where.
    """
    if assessment is not None:
        contents = replace(contents, assessment=assessment)
    text = _body(contents, pages)
    front = squeeze(printable(_front(contents)))
    if not text.startswith(front):
        seen = text[: len(front) + _CONTEXT]
        raise PackRejected(
            f"the verdict page does not begin as it must: {seen[:300]}", code="printed", path=front[:300]
        )
    at = _register(contents, text, len(front))
    index = _in_the_words_of(listed, index_of(contents, signer=""))
    for finding in contents.assessment.findings:
        at = _after(text, squeeze(printable(_card(contents, finding))), at, f"the card of {finding.control}")
        at = _after(text, squeeze(printable(finding.because)), at, f"the reason of {finding.control}")
        for one in decisions_on(index, finding):
            at = _after(text, squeeze(printable(came_to_text(one))), at, f"a decision on the card of {finding.control}")
    _decisions(tuple(index.decisions.values()), text, at)
    return len(contents.assessment.findings)


def _in_the_words_of(listed: object, index: PageIndex) -> PageIndex:
    if not isinstance(listed, list) or len(listed) != len(index.decisions):
        return index
    told = zip(index.decisions.items(), listed, strict=True)
    return replace(index, decisions={key: as_listed(one, said) for (key, one), said in told})


def _body(contents: PackContents, pages: Sequence[str]) -> str:
    """The pages without their running heads and feet, one after the other."""
    release = f"{contents.release.name} {contents.release.version}".strip()
    head = squeeze(printable(f"Audit pack: {release}") + printable(contents.tenant))
    parts: list[str] = []
    for number, page in enumerate(pages, 1):
        squeezed = squeeze(page)
        foot = _FOOT.search(squeezed)
        if foot is None or int(foot.group(1)) != len(pages):
            raise PackRejected(f"page {number} does not end as pages of a pack do", code="printed", value=number)
        parts.append(squeezed[: foot.start()].removesuffix(head))
    return "".join(parts)


def _front(contents: PackContents) -> str:
    """The verdict page from its first word to the completeness line."""
    found = completeness_of(contents)
    counts = [(contents.assessment.counts.get(outcome, 0), "".join(STATES[outcome])) for outcome in ORDER]
    return "".join(
        (
            eyebrow(contents.tenant),
            f"{contents.release.name} {contents.release.version}",
            verdict(contents.assessment),
            *(str(count) for count, _ in counts),
            *(name for _, name in counts),
            whole_line(found),
        )
    )


def _after(text: str, expected: str, start: int, what: str) -> int:
    found = text.find(expected, start)
    if found < 0:
        raise PackRejected(f"not printed, or printed otherwise: {what}", code="printed", path=expected[:200])
    return found + len(expected)


def _register(contents: PackContents, text: str, start: int) -> int:
    """Row by row without a gap."""
    heads = squeeze("".join(REGISTER_HEADS))
    at = _after(text, squeeze(REGISTER_TITLE), start, "the verdict register")
    at = _after(text, heads, at, "the head of the verdict register")
    for row, control in _rows(contents):
        if text.startswith(heads, at):
            at += len(heads)
        if not text.startswith(row, at):
            seen = text[at : at + _CONTEXT]
            raise PackRejected(f"the register says otherwise of {control}: {seen}", code="printed", path=row[:200])
        page = _PAGE.match(text, at + len(row))
        if page is None:
            raise PackRejected(f"the register names no page for {control}", code="printed", path=row[:200])
        at = page.end()
    # what follows the last row: the notes, then the next heading; a row more would stand between
    following = CRITERIA_TITLE if contents.assessment.criteria else CARDS_TITLE
    end = squeeze(printable("".join(contents.assessment.notes))) + squeeze(following)
    if not text.startswith(end, at):
        raise PackRejected(
            f"the register goes on after its last row: {text[at : at + _CONTEXT]}", code="printed", path=end[:200]
        )
    return at


def _decisions(decisions: Sequence[PackedDecision], text: str, start: int) -> None:
    """The annex, to the last word of the last page; its head may repeat at a page's top."""
    if not decisions:
        return
    heads = squeeze("".join(ANNEX_HEADS))
    at = _after(text, squeeze(f"{ANNEX_TITLE}{annex_lead(decisions)}"), start, "the annex of decisions")
    for one in annexed(decisions):
        if text.startswith(heads, at):
            at += len(heads)
        row = squeeze(printable(annex_text(one)))
        if not text.startswith(row, at):
            seen, leaf = text[at : at + _CONTEXT], one.item.evidence.leaf_index
            raise PackRejected(f"the annex says otherwise of leaf {leaf}: {seen}", code="printed", path=row[:200])
        at += len(row)


def _rows(contents: PackContents) -> Iterator[tuple[str, str]]:
    titles = {control.id: control.title for control in contents.catalog.controls}
    for finding in contents.assessment.findings:
        symbol, name = STATES[finding.outcome]
        parts = (
            finding.control,
            cut(titles.get(finding.control, "")),
            symbol,
            name,
            raw_note(finding) or "",
            tally(finding.queries),
        )
        yield squeeze(printable("".join(parts))), finding.control


def _card(contents: PackContents, finding: Finding) -> str:
    titles = {control.id: control.title for control in contents.catalog.controls}
    symbol, name = STATES[finding.outcome]
    return f"{symbol}{name}{finding.control}{cut(titles.get(finding.control, ''))}"
