"""Any format, field level: RFC 3339 times to and from aware UTC datetimes.

Source: RFC 3339 section 5.6. Fractions finer than a microsecond are cut; the leap second 60 is the
first moment of the next minute.
"""

import re
from datetime import UTC, date, datetime, timedelta

from evidence_api.domain.errors import Malformed

_RFC3339 = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<minute>[0-9]{2}:[0-9]{2}):(?P<second>[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]{1,30}))?(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})\Z"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_SHOWN = 80


def parse_rfc3339(text: str, *, path: str = "$") -> datetime:
    """The moment as an aware datetime in UTC. Raises Malformed with `path`."""
    found = _RFC3339.match(text)
    if not found:
        raise Malformed(f"{path}: not an RFC 3339 time: {text[:_SHOWN]!r}", path=path, value=text[:_SHOWN])
    leap = found["second"] == "60"
    second = "59" if leap else found["second"]
    fraction = (found["fraction"] or "")[:6].ljust(6, "0")
    offset = found["offset"].upper()
    try:
        moment = datetime.fromisoformat(f"{found['day']}T{found['minute']}:{second}.{fraction}{offset}")
        return moment.astimezone(UTC) + timedelta(seconds=1 if leap else 0)
    except (ValueError, OverflowError) as fault:
        raise Malformed(f"{path}: no such time: {text[:_SHOWN]!r}", path=path, value=text[:_SHOWN]) from fault


def format_rfc3339(moment: datetime) -> str:
    """`2026-01-31T12:00:00Z`, with a fraction of six digits when there is one. `moment` must be aware."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_day(text: str) -> date | None:
    """A calendar day alone (`2026-01-31`); None where the text is no day, or one that does not exist."""
    if not _DAY.match(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
