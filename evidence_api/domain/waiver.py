"""Waivers: who accepts that a control is not met, for which releases, from when until when.

They come from two places and are the same afterwards: the catalog's own, and the release's `override` evidence that is
verified and names a control. What they do to a finding is in domain/waiving.py.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from evidence_api.domain.control import Catalog, Waiver
from evidence_api.domain.evidence import Fact, Release
from evidence_api.domain.facts import Row
from evidence_api.domain.verdict import Outcome

OVERRIDE = "override"
# A waiver accepts that a control is not met. An undecided or unread control is not accepted by it.
WAIVABLE = frozenset({Outcome.FAIL, Outcome.MISSING, Outcome.STALE, Outcome.NEEDS_REVIEW})
WARN_BEFORE = timedelta(days=30)  # of its end, a waiver says so

_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_SAID = ("control", "reason", "owner", "requester", "approver")  # what an override must say to count
_EXACT = frozenset({"control", "scope"})  # names, not words: admission and policy were asked about them as they stand


def overrides_of(rows: Sequence[Row]) -> tuple[Waiver, ...]:
    """The waivers among a release's rows: verified overrides of a control whose body is still there."""
    standing = (row for row in rows if row.kind == OVERRIDE and row.verified and not row.withheld)
    return tuple(found for row in standing if (found := waiver_of(row.evidence[0], row.facts)) is not None)


def waiver_of(evidence_id: str, facts: Mapping[str, Fact]) -> Waiver | None:
    """What an override accepts; None where it is of a policy rule, or does not say all there is to say."""
    words = {name: facts.get(name, "") for name in (*_SAID, "scope")}
    said = {name: word if name in _EXACT else word.strip() for name, word in words.items() if isinstance(word, str)}
    starts, until = (_moment(facts.get(name)) for name in ("from", "until"))
    if starts is None or until is None or not starts < until:
        return None
    if not all(said.get(name, "").strip() for name in _SAID) or "scope" not in said:
        return None
    return Waiver(
        id=evidence_id,
        **said,
        starts=starts.date(),
        until=(until - _INSTANT).date(),
        evidence=evidence_id,
        moments=(starts, until),
    )


def _moment(fact: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(fact) if isinstance(fact, str) else None
        return found.astimezone(UTC) if found is not None and found.tzinfo else None
    except (ValueError, OverflowError):
        return None  # no time, so it is not said


def begins(waiver: Waiver) -> datetime:
    """The first moment at which it counts: of a day, its first in UTC."""
    return waiver.moments[0] if waiver.moments else datetime.combine(waiver.starts, time(), UTC)


def ends(waiver: Waiver) -> datetime:
    """The first moment at which it no longer counts: of a last day, the first of the next in UTC."""
    if waiver.moments:
        return waiver.moments[1]
    return _LAST if waiver.until == date.max else datetime.combine(waiver.until, time(), UTC) + _DAY


def turns(waiver: Waiver) -> tuple[datetime, datetime, datetime]:
    """When time alone changes what is said of it: it begins, its end comes near, it ends."""
    end = ends(waiver)
    return begins(waiver), end - WARN_BEFORE if end - _FIRST > WARN_BEFORE else _FIRST, end


def in_force(waiver: Waiver, at: datetime) -> bool:
    """From the first to the last day, both included, in UTC; or between its moments."""
    return begins(waiver) <= at < ends(waiver)


def days_left(waiver: Waiver, at: datetime) -> int:
    """Whole days until it ends; none once it has."""
    return max(timedelta(), ends(waiver) - at) // _DAY


def in_scope(waiver: Waiver, release: Release) -> bool:
    """Scope is "" (every release), a release name, name@version, or one of the release's digests."""
    names = {"", release.name, f"{release.name}@{release.version}", *release.digests}
    return waiver.scope in names


def same_person(one: str, other: str) -> bool:
    """Whether two names are one, however they are written: case, spaces and Unicode's twin forms aside."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def ends_soon(waiver: Waiver, at: datetime) -> bool:
    """It counts, and not for much longer."""
    return in_force(waiver, at) and ends(waiver) - at <= WARN_BEFORE


def self_approved(waiver: Waiver) -> bool:
    """Whoever asked approved it: it never counts."""
    return bool(waiver.requester) and same_person(waiver.requester, waiver.approver)


def waivers_of(catalog: Catalog, release: Release, rows: Sequence[Row]) -> Mapping[str, tuple[Waiver, ...]]:
    """Control id -> every waiver of it that is about the release, of the catalog and of its evidence, by id."""
    found: dict[str, tuple[Waiver, ...]] = {}
    for waiver in sorted((*catalog.waivers, *overrides_of(rows)), key=lambda waiver: waiver.id):
        if in_scope(waiver, release):
            found[waiver.control] = (*found.get(waiver.control, ()), waiver)
    return found
