from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from evidence_api.cli.auditor_grant import SaidGrant, grant_of
from evidence_api.domain.errors import EvidenceError

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
KNOWN: Mapping[str, tuple[str, ...]] = {"aicpa-tsc": ("SOC2", "SOC 2"), "iso-27001": ()}


def said(
    *frameworks: str, since: str | None = None, until: str | None = None, expires: str | None = "30d"
) -> SaidGrant:
    return SaidGrant(frameworks, ("app",), since, until, expires)


def test_days_count_to_their_end_and_lengths_from_now() -> None:
    grant = grant_of(said(since="2026-01-01", until="2026-06-30", expires="2026-07-31"), KNOWN, NOW)
    assert grant.since == datetime(2026, 1, 1, tzinfo=UTC)
    assert grant.until == datetime(2026, 7, 1, tzinfo=UTC)
    assert grant.not_after == datetime(2026, 8, 1, tzinfo=UTC)
    assert grant_of(said(expires="P2W"), KNOWN, NOW).not_after == NOW + timedelta(days=14)
    assert grant_of(said(expires="2026-03-01T08:00:00Z"), KNOWN, NOW).not_after == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert grant_of(said(), KNOWN, NOW).releases == {"app"}


def test_frameworks_go_by_any_of_their_names() -> None:
    assert grant_of(said("soc2", "ISO-27001", "AICPA-TSC"), KNOWN, NOW).frameworks == {"aicpa-tsc", "iso-27001"}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (said(expires=None), "usage"),
        (said(expires="2y"), "usage"),
        (said(since="yesterday"), "usage"),
        (said(expires="999999d"), "malformed"),
        (said("soc3"), "not_found"),
    ],
)
def test_what_cannot_be_granted_is_refused(given: SaidGrant, code: str) -> None:
    with pytest.raises(EvidenceError) as refused:
        grant_of(given, KNOWN, NOW.replace(year=9000))
    assert refused.value.code == code
