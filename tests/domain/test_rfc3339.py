from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import Malformed
from evidence_api.domain.rfc3339 import format_rfc3339, parse_rfc3339


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31t12:00:00z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00.5Z", datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-31T12:00:00.123456789Z", datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:30", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_reads(text: str, moment: datetime) -> None:
    assert parse_rfc3339(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "20260131T120000Z",
        "2026-W05-6T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "2026-01-31T12:00:00Z\n",
        "٢٠٢٦-01-31T12:00:00Z",
    ],
)
def test_refuses_with_the_path(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_rfc3339(text, path="a.b")
    assert caught.value.fields["path"] == "a.b"


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=5))), min_value=datetime(1970, 1, 1)))  # noqa: DTZ001  the strategy adds the zone
def test_what_is_written_is_read_back(moment: datetime) -> None:
    assert parse_rfc3339(format_rfc3339(moment)) == moment
    assert format_rfc3339(moment).endswith("Z")
