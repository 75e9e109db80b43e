"""Gaps: what stands between a framework and being met, one for each criterion, control and release; the worst first.

A pure function of a catalog's framework, its mappings and the outcomes on record: nothing is assessed here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from evidence_api.domain.control import Control, Framework
from evidence_api.domain.verdict import WORST_FIRST, Outcome


class Reason(StrEnum):
    """Why a criterion is not met."""

    NOT_ASSESSED = "not_assessed"
    UNDECIDED = "undecided"
    FAILING = "failing"
    ABSENT = "absent"
    STALE = "stale"
    NEEDS_REVIEW = "needs_review"
    NOT_RUN = "not_run"
    WAIVED = "waived"
    UNMAPPED = "unmapped"


REASONS: Mapping[Outcome, Reason] = {
    Outcome.ERROR: Reason.UNDECIDED,
    Outcome.FAIL: Reason.FAILING,
    Outcome.MISSING: Reason.ABSENT,
    Outcome.STALE: Reason.STALE,
    Outcome.NEEDS_REVIEW: Reason.NEEDS_REVIEW,
    Outcome.NOT_RUN: Reason.NOT_RUN,
    Outcome.WAIVED: Reason.WAIVED,
}
_SEVERITIES = ("critical", "high", "medium", "low")
_SAME_AS = {"moderate": "medium", "major": "high", "minor": "low"}
_LAST_TIER = 9999
_OUTCOMES = {outcome: place for place, outcome in enumerate(WORST_FIRST)}


@dataclass(frozen=True, slots=True)
class AssessedRelease:
    """A release by id and place in the log, with the outcomes by control of its assessment; None without one."""

    id: str
    leaf_index: int
    outcomes: Mapping[str, Outcome] | None


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that is missing. `criterion` is "" where a whole release is not assessed; `control` and `release` are
    "" where nothing is mapped to the criterion. `position` sorts gaps: severity, tier, outcome, criterion, control,
    release."""

    reason: Reason
    criterion: str
    control: str
    release: str
    outcome: Outcome | None
    position: str


def gaps_of(
    framework: Framework,
    mapped: Mapping[str, Sequence[Control]],
    releases: Sequence[AssessedRelease],
) -> tuple[Gap, ...]:
    """Every gap, in order. `mapped` are the controls of each criterion, by its reference."""
    return tuple(sorted(_gaps(framework, mapped, releases), key=lambda gap: gap.position))


def counts_of(gaps: Sequence[Gap]) -> dict[Reason, int]:
    """How many gaps there are for each reason, all of them named."""
    counts = dict.fromkeys(Reason, 0)
    for gap in gaps:
        counts[gap.reason] += 1
    return counts


def _gaps(
    framework: Framework, mapped: Mapping[str, Sequence[Control]], releases: Sequence[AssessedRelease]
) -> Iterator[Gap]:
    for release in releases:
        if release.outcomes is None:
            position = f"0/0/0000/00/00000//{release.leaf_index:019d}"
            yield Gap(Reason.NOT_ASSESSED, "", "", release.id, None, position)
    for place, criterion in enumerate(framework.criteria):
        controls = mapped.get(criterion.ref, ())
        if not controls:
            yield Gap(Reason.UNMAPPED, criterion.ref, "", "", None, f"2/0/0000/00/{place:05d}//")
        for control in controls:
            for release in releases:
                if release.outcomes is None:
                    continue
                outcome = release.outcomes.get(control.id, Outcome.NOT_RUN)
                if outcome in REASONS:
                    position = f"1/{_weight(control)}/{_OUTCOMES[outcome]:02d}/{place:05d}/{control.id}"
                    yield Gap(
                        *(REASONS[outcome], criterion.ref, control.id, release.id, outcome),
                        f"{position}/{release.leaf_index:019d}",
                    )


def _weight(control: Control) -> str:
    """Severity, then tier; what says neither comes last."""
    severity = control.severity.strip().lower()
    severity = _SAME_AS.get(severity, severity)
    rank = _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES)
    tier = _LAST_TIER if control.tier is None else min(max(control.tier, 0), _LAST_TIER)
    return f"{rank}/{tier:04d}"
