"""After the rules ran: waivers. A finding keeps its raw outcome beside `waived`; what is over, or soon is, is said.

No waiver makes a pass, and none is needed where there is one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time

from evidence_api.domain.control import Catalog, Waiver
from evidence_api.domain.facts import Row
from evidence_api.domain.narrative import moment, short
from evidence_api.domain.verdict import Finding, Outcome
from evidence_api.domain.waiver import (
    OVERRIDE,
    WAIVABLE,
    WARN_BEFORE,
    begins,
    ends,
    ends_soon,
    in_force,
    self_approved,
)


def waive(finding: Finding, own: Sequence[Waiver], at: datetime, *, warns: bool = True) -> Finding:
    """The finding after the waivers of its control that are about the release; of several in force the one that lasts
    longest counts. `warns` says when an end comes near."""
    if finding.outcome not in WAIVABLE or not own:
        return finding
    linked = tuple(waiver.evidence for waiver in own if waiver.evidence and waiver.evidence not in finding.evidence)
    active = [waiver for waiver in own if in_force(waiver, at) and not self_approved(waiver)]
    if active:
        chosen = max(active, key=lambda waiver: (ends(waiver), waiver.id))
        evidence = tuple(one for one in linked if one == chosen.evidence)
        because = _sentence(chosen, finding.because, near=warns and ends_soon(chosen, at))
        return replace(
            finding,
            outcome=Outcome.WAIVED,
            because=because,
            waiver=chosen.id,
            evidence=(*finding.evidence, *evidence),
        )
    idle = " ".join(_idle(waiver, at) for waiver in own)
    return replace(finding, because=f"{finding.because} {idle}", evidence=(*finding.evidence, *linked))


def _sentence(waiver: Waiver, raw: str, *, near: bool) -> str:
    asked = f"requested by {waiver.requester}, " if waiver.requester else ""
    warning = f" It ends within {WARN_BEFORE.days} days." if near else ""
    return (
        f"Waived until {told_end(waiver)} by {_name(waiver)}, {asked}approved by {waiver.approver}, "
        f"owned by {waiver.owner}: {waiver.reason.rstrip('.')}.{warning} Without the waiver: {raw}"
    )


def told_end(waiver: Waiver) -> str:
    """The last day, where the last moment is that day's; otherwise the moment itself."""
    end = ends(waiver)
    return moment(end) if waiver.moments and end.time() != time() else str(waiver.until)


def told_start(waiver: Waiver) -> str:
    """The first day, or the moment in it."""
    start = begins(waiver)
    return moment(start) if waiver.moments and start.time() != time() else str(waiver.starts)


def _name(waiver: Waiver) -> str:
    """As sentences name it."""
    return f"override {short(waiver.evidence)}" if waiver.evidence else waiver.id


def _subject(waiver: Waiver) -> str:
    """As sentences begin with it."""
    return f"Override {short(waiver.evidence)}" if waiver.evidence else f"Waiver {waiver.id}"


def _idle(waiver: Waiver, at: datetime) -> str:
    """Why one that is about the control does not count."""
    if self_approved(waiver):
        return f"{_subject(waiver)} never counts: {waiver.approver} asked for it and approved it."
    if at >= ends(waiver):
        return f"{_subject(waiver)} ended on {told_end(waiver)} and no longer counts."
    return f"{_subject(waiver)} begins on {told_start(waiver)} and does not count yet."


def waiver_notes(  # noqa: PLR0913  notes are a function of exactly these
    waivers: Mapping[str, Sequence[Waiver]],
    rows: Sequence[Row],
    catalog: Catalog,
    findings: Sequence[Finding],
    at: datetime,
    *,
    warns: bool = True,
) -> tuple[str, ...]:
    """What a reader must know of the waivers in scope: those that ended or soon will, those that are not needed, and
    the overrides that count for nothing."""
    if not waivers:
        return _uncounted(rows)
    raw = {finding.control: finding.raw for finding in findings}
    known = {control.id for control in catalog.controls}
    notes = []
    for waiver in sorted((waiver for own in waivers.values() for waiver in own), key=lambda waiver: waiver.id):
        if waiver.control in raw:
            notes += [f"{_subject(waiver)} on {waiver.control} {one}" for one in _note(waiver, raw, at, warns=warns)]
        elif waiver.control not in known:
            notes.append(f"{_subject(waiver)} is of {waiver.control}, a control this catalog does not hold.")
    return (*notes, *_uncounted(rows))


def _note(waiver: Waiver, raw: Mapping[str, Outcome], at: datetime, *, warns: bool) -> Iterator[str]:
    """At most one thing, the weightiest."""
    outcome = raw[waiver.control]
    if self_approved(waiver):
        yield f"never counts: {waiver.approver} asked for it and approved it."
    elif at >= ends(waiver):
        yield f"ended on {told_end(waiver)}."
    elif not in_force(waiver, at):
        return
    elif outcome is Outcome.ERROR and warns:
        yield "does not count: what could not be decided cannot be waived."
    elif outcome not in WAIVABLE:
        yield f"is not needed: the outcome is {outcome} without it."
    elif warns and ends_soon(waiver, at):
        yield f"ends on {told_end(waiver)}, within {WARN_BEFORE.days} days: the control reopens then."


def _uncounted(rows: Sequence[Row]) -> tuple[str, ...]:
    """Overrides that are there and accept nothing: nobody's signature vouches for them, or their body was erased."""
    idle = (row for row in rows if row.kind == OVERRIDE and (row.withheld or not row.verified))
    return tuple(
        f"Override {short(row.evidence[0])} does not count: it {'was erased' if row.verified else 'is not verified'}."
        for row in idle
    )
