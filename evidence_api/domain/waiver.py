"""After the rules ran: waivers. A finding keeps its raw outcome beside `waived`; what is over is reported."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from evidence_api.domain.control import Waiver
from evidence_api.domain.evidence import Release
from evidence_api.domain.verdict import Finding, Outcome

# A waiver accepts that a control is not met. An undecided or unread control is not accepted by it.
WAIVABLE = frozenset({Outcome.FAIL, Outcome.MISSING, Outcome.STALE, Outcome.NEEDS_REVIEW})


def in_scope(waiver: Waiver, release: Release) -> bool:
    """Scope is "" (every release), a release name, name@version, or one of the release's digests."""
    names = {"", release.name, f"{release.name}@{release.version}", *release.digests}
    return waiver.scope in names


def in_force(waiver: Waiver, at: datetime) -> bool:
    """From the first to the last day, both included, in UTC."""
    return waiver.starts <= at.astimezone(UTC).date() <= waiver.until


def waive(finding: Finding, waivers: Sequence[Waiver], release: Release, at: datetime) -> Finding:
    """The finding after the waivers of its control; of several in force the one that lasts longest counts."""
    if finding.outcome not in WAIVABLE:
        return finding
    own = [waiver for waiver in waivers if waiver.control == finding.control and in_scope(waiver, release)]
    active = [waiver for waiver in own if in_force(waiver, at)]
    if active:
        chosen = max(active, key=lambda waiver: (waiver.until, waiver.id))
        because = (
            f"Waived until {chosen.until} by {chosen.id}, approved by {chosen.approver}, owned by {chosen.owner}: "
            f"{chosen.reason.rstrip('.')}. Without the waiver: {finding.because}"
        )
        return replace(finding, outcome=Outcome.WAIVED, because=because, waiver=chosen.id)
    over = " ".join(_over(waiver, at) for waiver in sorted(own, key=lambda waiver: waiver.id))
    return replace(finding, because=f"{finding.because} {over}") if over else finding


def _over(waiver: Waiver, at: datetime) -> str:
    if at.astimezone(UTC).date() > waiver.until:
        return f"Waiver {waiver.id} ended on {waiver.until} and no longer counts."
    return f"Waiver {waiver.id} begins on {waiver.starts} and does not count yet."


def waiver_notes(
    waivers: Sequence[Waiver], findings: Sequence[Finding], release: Release, at: datetime
) -> tuple[str, ...]:
    """What a reader must know of the waivers in scope: those that ended, and those that are not needed."""
    outcomes = {finding.control: finding for finding in findings}
    notes: list[str] = []
    for waiver in sorted(waivers, key=lambda waiver: waiver.id):
        finding = outcomes.get(waiver.control)
        if finding is None or not in_scope(waiver, release):
            continue
        if at.astimezone(UTC).date() > waiver.until:
            notes.append(f"Waiver {waiver.id} on {waiver.control} ended on {waiver.until}.")
        elif in_force(waiver, at) and finding.raw not in WAIVABLE:
            notes.append(
                f"Waiver {waiver.id} on {waiver.control} is not needed: the outcome is {finding.raw} without it."
            )
    return tuple(notes)
