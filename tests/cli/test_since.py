from datetime import UTC, datetime, timedelta

import pytest

from evidence_api.cli.since import moment_of
from evidence_api.domain.errors import EvidenceError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:00:00+02:00", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("7d", NOW - timedelta(days=7)),
        ("12h", NOW - timedelta(hours=12)),
        ("2w", NOW - timedelta(weeks=2)),
        ("P1DT6H", NOW - timedelta(hours=30)),
    ],
)
def test_moments_as_people_give_them(text: str, expected: datetime) -> None:
    assert moment_of(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "7", "7y", "2026-02-30", "-7d", "999999w", "P1Y"])
def test_what_is_no_moment_is_said(text: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        moment_of(text, NOW)
    assert caught.value.code == "usage"
