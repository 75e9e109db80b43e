"""in-toto vulns v0.1 and v0.2 -> kind `vulns`. Sources: in-toto predicates vulns.md, vulns_02.md.

A scan without a `result` list says nothing: no counts. A vulnerability's severity is the highest its methods
state, as a word or as a CVSS score; other numbers (EPSS, vendor scales) rate nothing.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Moment, Several, ThirdParty, count_of, known_facts, read_model
from evidence_api.formats.severity import Severity, severity_counts, severity_of_score, severity_of_word


def _score_text(value: object) -> object:
    """Scores are strings in the specification; scanners also write numbers."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _listed(value: object) -> object:
    """The specification calls the severity an object and shows a list."""
    return [value] if isinstance(value, dict) else value


class Rating(ThirdParty):
    """One method's severity: a word or a score."""

    method: str = ""
    score: Annotated[str, BeforeValidator(_score_text)]


class Found(ThirdParty):
    """One vulnerability found."""

    id: str = Field(min_length=1)
    severity: Annotated[Several[Rating] | None, BeforeValidator(_listed)] = None


class Database(ThirdParty):
    """The vulnerability database the scanner looked into."""

    uri: str | None = None
    version: str | None = None


def _unnested(value: object) -> object:
    """v0.1's text puts each vulnerability one level down, its example does not: both as one."""
    if not isinstance(value, list):
        return value
    return [one["vulnerability"] if isinstance(one, dict) and "vulnerability" in one else one for one in value]


class Scanner(ThirdParty):
    """Which scanner, with which database, and what it found."""

    uri: str = Field(min_length=1)
    db: Database | None = None
    result: Annotated[Several[Found] | None, BeforeValidator(_unnested)] = None


class ScanMetadata(ThirdParty):
    """When the scan ran."""

    started: Moment | None = Field(default=None, alias="scanStartedOn")
    finished: Moment | None = Field(default=None, alias="scanFinishedOn")


class Vulns(ThirdParty):
    """The predicate."""

    scanner: Scanner
    metadata: ScanMetadata | None = None


def read_vulns(statement: Statement) -> Normalised:
    """Read a scan. Raises Malformed."""
    predicate = read_model(Vulns, statement.predicate)
    scanner, metadata = predicate.scanner, predicate.metadata or ScanMetadata()
    database = scanner.db or Database()
    facts = known_facts(
        {
            "scanner": scanner.uri,
            "database": database.uri or database.version,
            "total": count_of(scanner.result),
        }
    )
    if scanner.result is not None:
        facts |= severity_counts(severity_of(one) for one in scanner.result)
    return Normalised("vulns", facts, metadata.finished or metadata.started, series=scan_series(scanner.uri))


def scan_series(scanner: str) -> str:
    """A package URL's version changes with every scanner release; the scanner stays the same."""
    return scanner.partition("@")[0] if scanner.startswith("pkg:") else scanner


def severity_of(found: Found) -> Severity | None:
    """The highest of its ratings that can be read."""
    rated = [severity for rating in found.severity or () if (severity := _rating(rating)) is not None]
    return max(rated, default=None)


def _rating(rating: Rating) -> Severity | None:
    stated = severity_of_word(rating.score)
    if stated is not None:
        return stated
    try:
        return severity_of_score(rating.method, float(rating.score))
    except ValueError:  # a CVSS vector or another scale's word: not a rating we can read, so unrated
        return None
