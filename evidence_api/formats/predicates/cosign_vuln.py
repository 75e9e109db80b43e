"""cosign's vulnerability predicate -> kind `vulns`. Source: sigstore/cosign specs, COSIGN_VULN_ATTESTATION_SPEC.md.

What the scanner found is in its own format. Read are those of Trivy and Grype, and the list of the in-toto predicate;
in any other form there are no counts: what we cannot read is not zero.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from pydantic import Field

from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import ThirdParty, known_facts, read_model
from evidence_api.formats.predicates.vulns import Database, ScanMetadata, scan_series
from evidence_api.formats.severity import Severity, severity_counts, severity_of_word

Found: TypeAlias = dict[tuple[str, ...], Severity | None]


class Scanner(ThirdParty):
    """The scanner and what it said."""

    uri: str = Field(min_length=1)
    version: str | None = None
    db: Database | None = None
    result: Any = None


class CosignVuln(ThirdParty):
    """The predicate."""

    scanner: Scanner
    metadata: ScanMetadata


def read_cosign_vuln(statement: Statement) -> Normalised:
    """Read a scan. Raises Malformed."""
    predicate = read_model(CosignVuln, statement.predicate)
    scanner, metadata = predicate.scanner, predicate.metadata
    database = scanner.db or Database()
    found = _found(scanner.result)
    facts = known_facts(
        {
            "scanner": scanner.uri,
            "database": database.uri or database.version,
            "total": None if found is None else len(found),
        }
    )
    if found is not None:
        facts |= severity_counts(found.values())
    return Normalised("vulns", facts, metadata.finished or metadata.started, series=scan_series(scanner.uri))


def _found(result: object) -> Found | None:
    """The vulnerabilities by package and id, or None where the form is not known or not kept throughout."""
    for read in _FORMS:
        try:
            return read(result)
        except (KeyError, TypeError, AttributeError):  # not this form
            continue
    return None


def _trivy(result: Any) -> Found:  # noqa: ANN401  any JSON; a mismatch is told by the exceptions of _found
    """Trivy: `{Results: [{Target, Vulnerabilities: [{VulnerabilityID, PkgName, …, Severity}]}]}`, once a bare list."""
    targets = result if isinstance(result, list) else (result["Results"] or [])
    found: Found = {}
    for target in targets:
        name = _text(target["Target"])
        for one in target.get("Vulnerabilities") or ():
            key = (name, _text(one.get("PkgName", "")), _text(one.get("InstalledVersion", "")))
            found[*key, _text(one["VulnerabilityID"])] = severity_of_word(_text(one.get("Severity", "")))
    return found


def _grype(result: Any) -> Found:  # noqa: ANN401  the same
    """Grype: `{matches: [{vulnerability: {id, severity}, artifact: {id, name, version}}]}`."""
    found: Found = {}
    for match in result["matches"] or ():
        artifact, vulnerability = match["artifact"], match["vulnerability"]
        key = tuple(_text(artifact.get(member, "")) for member in ("id", "name", "version"))
        found[*key, _text(vulnerability["id"])] = severity_of_word(_text(vulnerability.get("severity", "")))
    return found


def _listed(result: Any) -> Found:  # noqa: ANN401  the same
    """The in-toto predicate's: `[{id, severity: [{method, score}]}]`; words alone are taken."""
    found: Found = {}
    for place, one in enumerate(_list(result)):
        ratings = one.get("severity") or []
        words = [severity_of_word(_text(rating["score"])) for rating in _list(ratings)]
        found[str(place), _text(one["id"])] = max((word for word in words if word is not None), default=None)
    return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _list(value: object) -> Sequence[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


_FORMS: Sequence[Callable[[Any], Found]] = (_trivy, _grype, _listed)
