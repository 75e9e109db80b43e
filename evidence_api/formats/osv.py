"""Reading an advisory: one record of the OSV schema 1.x as a typed `Advisory`.

Source: OSV schema (ossf.github.io/osv-schema; validation/schema.json, version 1.9). As strict as the schema: members
at the top that nobody defined, ids of no registered database, ecosystems that do not exist and ranges without an
`introduced` event are refused. Where a severity is a CVSS vector, its base score is computed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from evidence_api.domain.advisory import Advisory, AffectedPackage, AffectedRange, RangeEvent
from evidence_api.domain.typed_json import check_length, read_typed
from evidence_api.formats.cvss import base_score
from evidence_api.formats.osv_record import EVENTS, Affected, Range, Rating, Record
from evidence_api.formats.osv_registry import split_ecosystem
from evidence_api.formats.severity import Severity, severity_of_score, severity_of_word

MAX_AFFECTED = 50_000  # packages; the largest records of Linux distributions have some thousands


def read_advisory(document: Mapping[str, Any]) -> Advisory:
    """Read one record. Raises Malformed with a dotted path (`affected.0.ranges.0.events`), TooLarge."""
    check_length(document, "affected", MAX_AFFECTED)
    record = read_typed(Record, document)
    return Advisory(
        id=record.id,
        modified=record.modified,
        published=record.published,
        withdrawn=record.withdrawn,
        aliases=record.aliases or (),
        upstream=record.upstream,
        related=record.related,
        summary=record.summary,
        severity=_severity(record.severity or (), record.database_specific),
        affected=tuple(_package(one) for one in record.affected or ()),
    )


def _package(affected: Affected) -> AffectedPackage:
    package = affected.package
    named = split_ecosystem(package.ecosystem) if package else None
    ecosystem, release = named or ("", "")
    return AffectedPackage(
        ecosystem=ecosystem,
        release=release,
        name=package.name if package else "",
        purl=(package.purl or "") if package else "",
        versions=affected.versions,
        ranges=tuple(_range(one) for one in affected.ranges),
        severity=_severity(affected.severity or (), affected.ecosystem_specific, affected.database_specific),
    )


def _range(stated: Range) -> AffectedRange:
    """Events keep their order; each states exactly one change (the model has checked that)."""
    events = tuple(
        RangeEvent(kind, version)
        for event in stated.events
        for kind in EVENTS
        if (version := getattr(event, kind)) is not None
    )
    return AffectedRange(stated.type, events, stated.repo or "")


def _severity(ratings: Iterable[Rating], *specific: Mapping[str, Any] | None) -> str | None:
    """The highest rating; where one cannot be scored (CVSS v4), or none is given, also the word the database itself
    uses for it (GitHub's `database_specific.severity`), so that what we cannot compute is not passed over."""
    scored = [_rating(rating) for rating in ratings]
    rated = [severity for severity in scored if severity is not None]
    if len(rated) < max(len(scored), 1):
        words = [(members or {}).get("severity") for members in specific]
        stated = [severity_of_word(word) for word in words if isinstance(word, str)]
        rated += [severity for severity in stated if severity is not None]
    return max(rated).name.lower() if rated else None


def _rating(rating: Rating) -> Severity | None:
    if not rating.type.startswith("CVSS"):
        return severity_of_word(rating.score)
    score = base_score(rating.score)
    return None if score is None else severity_of_score(rating.type, score)
