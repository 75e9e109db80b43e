"""Waivers of all releases together: where each stands at a moment, and which of them a reader asks for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from evidence_api.domain.control import Waiver
from evidence_api.domain.waiver import begins, ends, ends_soon, self_approved


class WaiverStanding(StrEnum):
    """Where a waiver stands."""

    IN_FORCE = "in_force"
    ENDS_SOON = "ends_soon"  # in force, and not for much longer (domain/waiver.py, WARN_BEFORE)
    NOT_YET = "not_yet"
    OVER = "over"
    NEVER_COUNTS = "never_counts"  # whoever asked approved it


@dataclass(frozen=True, slots=True)
class WaiverFilter:
    """Which waivers a list shows; every condition given must hold."""

    standings: Collection[WaiverStanding] = ()
    control: str | None = None
    approver: str | None = None
    scope: str | None = None


def standing_of(waiver: Waiver, at: datetime) -> WaiverStanding:
    """Where it stands at that moment."""
    if self_approved(waiver):
        return WaiverStanding.NEVER_COUNTS
    if at >= ends(waiver):
        return WaiverStanding.OVER
    if at < begins(waiver):
        return WaiverStanding.NOT_YET
    return WaiverStanding.ENDS_SOON if ends_soon(waiver, at) else WaiverStanding.IN_FORCE


def waivers_listed(waivers: Sequence[Waiver], chosen: WaiverFilter, at: datetime) -> tuple[Waiver, ...]:
    """Those asked for, by their end."""
    found = [
        one
        for one in waivers
        if (not chosen.standings or standing_of(one, at) in chosen.standings)
        and (chosen.control is None or one.control == chosen.control)
        and (chosen.approver is None or one.approver == chosen.approver)
        and (chosen.scope is None or one.scope == chosen.scope)
    ]
    return tuple(sorted(found, key=waiver_position))


def waiver_position(waiver: Waiver) -> str:
    """Its place in a list: its end, then its id."""
    return f"{ends(waiver).isoformat(timespec='microseconds')}~{waiver.id}"
