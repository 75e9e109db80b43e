"""After the verdict: when time alone can change it. The server assesses the release again then.

What moves: evidence that a query wants fresh grows too old; a time that lies ahead of our clock comes near enough to
be believed; a waiver begins, comes near its end, or ends. A rule of the operator's own may read every age and the
moment itself, so a catalog with one is looked at again each day.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta

from evidence_api.domain.control import Catalog, Control, Fresh
from evidence_api.domain.evidence import Release
from evidence_api.domain.facts import Row
from evidence_api.domain.population import CLOCK_SKEW, counted
from evidence_api.domain.waiver import turns, waivers_of

_INSTANT = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_LAST = datetime.max.replace(tzinfo=UTC)
_ASLEEP = frozenset({"draft", "retired"})


def moves_at(catalog: Catalog, release: Release, rows: Sequence[Row], at: datetime) -> datetime | None:
    """The first moment after `at` at which a verdict over these rows can differ, were nothing to arrive; or None.

    It may turn out that nothing differs (the control had failed already): then the same question is asked again.
    """
    awake = [control for control in catalog.controls if control.state not in _ASLEEP]
    moments = (*_ages(awake, rows), *_waivers(catalog, release, rows), *_days(awake, at))
    return min((moment for moment in moments if at < moment < _LAST), default=None)


def _ages(controls: Sequence[Control], rows: Sequence[Row]) -> Iterator[datetime]:
    """When rows become too old for a query, or begin to have an age at all."""
    wanted = {(query.kind, query.fresh) for control in controls for query in control.queries if query.fresh}
    kinds = counted(rows)
    for kind, fresh in wanted:
        for row in kinds.get(kind, ()):
            if not row.withheld and (moment := _clock(row, fresh)) is not None:
                yield _later(moment, fresh.max_age + _INSTANT)  # an age is whole seconds, rounded up
                yield moment - CLOCK_SKEW


def _clock(row: Row, fresh: Fresh) -> datetime | None:
    return {"effective": row.effective, "collected": row.collected, "received": row.received}[fresh.clock]


def _waivers(catalog: Catalog, release: Release, rows: Sequence[Row]) -> Iterator[datetime]:
    for waivers in waivers_of(catalog, release, rows).values():
        for waiver in waivers:
            yield from turns(waiver)


def _days(controls: Sequence[Control], at: datetime) -> Iterator[datetime]:
    if any(control.policy for control in controls):
        yield _later(datetime.combine(at.astimezone(UTC).date(), time(), UTC), _DAY)


def _later(moment: datetime, by: timedelta) -> datetime:
    """A sum that stays within the calendar."""
    return moment + by if by <= _LAST - moment else _LAST
