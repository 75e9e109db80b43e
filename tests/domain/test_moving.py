"""When time alone can change a verdict: checked against the verdicts themselves, a moment before and at the moment."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from evidence_api.domain.control import Catalog
from evidence_api.domain.facts import Row
from evidence_api.domain.moving import moves_at
from evidence_api.domain.population import CLOCK_SKEW
from evidence_api.domain.verdict import Outcome
from tests.support.catalogs import AT, RELEASE, assess, catalog_of, row

INSTANT = timedelta(microseconds=1)
FRESH = """\
id: C-1
query:
  - kind: test_result
    where: result==passed
    fresh: {max_age: P30D}
"""
WAIVED = """\
id: C-1
query:
  - kind: test_result
    where: result==passed
"""
WAIVER = """\
id: W-1
control: C-1
reason: It is being replaced.
owner: ada
approver: grace
from: 2026-09-05
until: 2026-11-30
"""


def passed(**more: Any) -> Row:  # noqa: ANN401  fields of Row
    return row("test_result", {"result": "passed"}, **more)


def outcome(catalog: Catalog, rows: list[Row], at: datetime) -> Outcome:
    return assess(catalog, rows, at=at).findings[0].outcome


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(days=29, hours=23, microseconds=7)])
def test_freshness_runs_out_at_the_moment_told_and_not_before(age: timedelta) -> None:
    catalog, rows = catalog_of(FRESH), [passed(age=age)]
    moment = moves_at(catalog, RELEASE, rows, AT)
    assert moment == AT - age + timedelta(days=30) + INSTANT
    assert outcome(catalog, rows, moment - INSTANT) is Outcome.PASS
    assert outcome(catalog, rows, moment) is Outcome.STALE
    assert moves_at(catalog, RELEASE, rows, moment) is None


def test_the_first_of_several_moments_is_told() -> None:
    rows = [passed(age=timedelta(days=days), number=days) for days in (3, 20, 10)]
    moments = []
    at: datetime | None = AT
    while (at := moves_at(catalog_of(FRESH), RELEASE, rows, at or AT)) is not None:
        moments.append(at)
    assert moments == [AT + timedelta(days=30 - days) + INSTANT for days in (20, 10, 3)]


def test_a_time_ahead_of_ours_is_believed_when_it_comes_near() -> None:
    catalog, rows = catalog_of(FRESH), [passed(age=-timedelta(hours=2))]
    moment = moves_at(catalog, RELEASE, rows, AT)
    assert moment == AT + timedelta(hours=2) - CLOCK_SKEW
    assert outcome(catalog, rows, moment - INSTANT) is Outcome.STALE
    assert outcome(catalog, rows, moment) is Outcome.PASS


def test_a_waiver_of_the_catalog_begins_comes_near_its_end_and_ends() -> None:
    catalog = catalog_of(WAIVED, waivers=WAIVER)
    seen = []
    at: datetime | None = AT
    while (at := moves_at(catalog, RELEASE, [], at or AT)) is not None:
        seen.append((at, outcome(catalog, [], at - INSTANT), outcome(catalog, [], at)))
    begins, ends = datetime(2026, 9, 5, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    assert seen == [
        (begins, Outcome.MISSING, Outcome.WAIVED),
        (ends - timedelta(days=30), Outcome.WAIVED, Outcome.WAIVED),
        (ends, Outcome.WAIVED, Outcome.MISSING),
    ]


def test_an_override_among_the_evidence_moves_its_control() -> None:
    facts = {
        **{name: name for name in ("reason", "owner", "requester", "approver")},
        "control": "C-1",
        "scope": "",
        "from": "2026-09-01T00:00:00Z",
        "until": "2026-09-02T06:30:00Z",
    }
    rows = [row("override", facts)]
    moment = moves_at(catalog_of(WAIVED), RELEASE, rows, AT)
    assert moment == datetime(2026, 9, 2, 6, 30, tzinfo=UTC)
    assert outcome(catalog_of(WAIVED), rows, moment - INSTANT) is Outcome.WAIVED
    assert outcome(catalog_of(WAIVED), rows, moment) is Outcome.MISSING


def test_what_does_not_move_by_time_never_does() -> None:
    elsewhere = WAIVER.replace("control: C-1", "control: C-1\nscope: another-product")
    catalog = catalog_of(WAIVED, waivers=elsewhere)
    assert moves_at(catalog, RELEASE, [passed()], AT) is None
    unverified = [passed(verified=False), passed(withheld=True)]
    assert moves_at(catalog_of(FRESH), RELEASE, unverified, AT) is None
    retired = FRESH.replace("id: C-1", "id: C-1\nstate: draft")
    assert moves_at(catalog_of(retired), RELEASE, [passed()], AT) is None


def test_a_rule_of_the_operators_own_is_looked_at_each_day() -> None:
    catalog = catalog_of("id: C-1\npolicy: data.own.decision\n")
    assert moves_at(catalog, RELEASE, [], AT) == datetime.combine(date(2026, 9, 2), datetime.min.time(), UTC)


def test_ages_past_the_calendar_are_no_moments() -> None:
    catalog = catalog_of(FRESH.replace("P30D", "P999999D"))
    late = row("test_result", {"result": "passed"}, effective=datetime(9000, 1, 1, tzinfo=UTC))
    assert moves_at(catalog, RELEASE, [late], AT) == datetime(9000, 1, 1, tzinfo=UTC) - CLOCK_SKEW
