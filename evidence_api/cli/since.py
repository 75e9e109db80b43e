"""Command line: a moment as people give one: a day, an RFC 3339 time, or how long ago (7d, 12h, P7D)."""

import re
from datetime import UTC, datetime, time, timedelta

from evidence_api.domain.errors import EvidenceError, Malformed
from evidence_api.domain.rfc3339 import parse_day, parse_rfc3339
from evidence_api.formats.where_types import parse_duration

_AGO = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[smhdw])\Z", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment_of(text: str, now: datetime) -> datetime:
    """The moment meant, UTC. A day begins at its midnight. Raises EvidenceError `usage`."""
    day = parse_day(text)
    if day is not None:
        return datetime.combine(day, time(), UTC)
    try:
        ago = length_of(text)
        return parse_rfc3339(text) if ago is None else now - ago
    except (Malformed, OverflowError) as fault:
        raise EvidenceError(
            f"not a day (2026-01-31), an RFC 3339 time, or how long ago (7d, 12h, P7D): {text[:80]!r}",
            code="usage",
            value=text[:80],
        ) from fault


def length_of(text: str) -> timedelta | None:
    """How long: 7d, 12h, P7D. None for anything else. Raises OverflowError."""
    short = _AGO.match(text)
    if short:
        return timedelta(**{_UNITS[short["unit"]]: int(short["number"])})
    return parse_duration(text)
