"""Command line: what an auditor is let see, as operators say it: frameworks, releases, a period, and until when."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

from evidence_api.cli.since import length_of, moment_of
from evidence_api.domain.errors import EvidenceError, Malformed, NotFound
from evidence_api.domain.principal import ReadGrant
from evidence_api.domain.rfc3339 import parse_day

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SaidGrant:
    """The options of `token create`, unread."""

    frameworks: Sequence[str]
    releases: Sequence[str]
    since: str | None
    until: str | None
    expires: str | None

    @property
    def given(self) -> bool:
        """Whether any was given."""
        return bool(self.frameworks or self.releases or self.since or self.until or self.expires)


def grant_of(said: SaidGrant, known: Mapping[str, Collection[str]], now: datetime) -> ReadGrant:
    """The grant. `known`: the catalog's frameworks and their other names, which may be used too.

    Raises EvidenceError `usage` (no end, not a time), NotFound (no such framework).
    """
    if said.expires is None:
        raise EvidenceError("an auditor's token ends: say when with --expires (90d, P90D, 2027-01-31)", code="usage")
    return ReadGrant(
        id=uuid4(),
        frameworks=frozenset(_framework(name, known) for name in said.frameworks),
        releases=frozenset(said.releases),
        since=None if said.since is None else moment_of(said.since, now),
        until=None if said.until is None else _end(said.until, now),
        not_after=_expiry(said.expires, now),
    )


def _framework(name: str, known: Mapping[str, Collection[str]]) -> str:
    for ref, others in known.items():
        if name.casefold() in {ref.casefold(), *(one.casefold() for one in others)}:
            return ref
    raise NotFound(f"no framework {name[:80]!r}; the catalog in force has {', '.join(sorted(known))}")


def _end(text: str, now: datetime) -> datetime:
    """A moment; of a day its end."""
    day = parse_day(text)
    return moment_of(text, now) if day is None else datetime.combine(day, time(), UTC) + _DAY


def _expiry(text: str, now: datetime) -> datetime:
    """How long from now, a moment, or a day's end. Raises Malformed."""
    try:
        lasting = length_of(text)
        return _end(text, now) if lasting is None else now + lasting
    except OverflowError as fault:
        raise Malformed(f"too far away: {text[:80]!r}", path="expires", value=text[:80]) from fault
