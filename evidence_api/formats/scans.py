"""Deriving, before the comparison: which vulnerabilities a scan of an artifact names, and in which packages.

The facts of a scan are counts (formats/predicates/vulns.py, cosign_vuln.py); here the same documents are read once
more for names. Trivy and Grype say which package it is in; the in-toto list does not.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from evidence_api.domain.drift import StatedVulnerability
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.cosign_vuln import CosignVuln
from evidence_api.formats.predicates.shape import read_model
from evidence_api.formats.predicates.vulns import Vulns, severity_of
from evidence_api.formats.severity import Severity, severity_of_word

Named: TypeAlias = tuple[tuple[str, ...], Severity | None, str]  # names, severity, purl

_IN_TOTO = "https://in-toto.io/attestation/vulns/"


def stated_vulnerabilities(statement: Statement, source: str) -> tuple[StatedVulnerability, ...] | None:
    """What the scan found, sorted, each once; None when it does not list it in a form we read. Raises Malformed."""
    named: list[Named] | None
    if statement.predicate_type.startswith(_IN_TOTO):
        listed = read_model(Vulns, statement.predicate).scanner.result
        named = None if listed is None else [((one.id,), severity_of(one), "") for one in listed]
    else:
        named = _of_scanner(read_model(CosignVuln, statement.predicate).scanner.result)
    if named is None:
        return None
    found = {_stated(names, severity, source, purl) for names, severity, purl in named}
    return tuple(sorted(found, key=lambda one: (one.names, one.purl, one.severity or "")))


def _stated(names: tuple[str, ...], severity: Severity | None, source: str, purl: str) -> StatedVulnerability:
    return StatedVulnerability(names, None if severity is None else severity.name.lower(), source, purl)


def _of_scanner(result: object) -> list[Named] | None:
    """By the scanner's own form; None where it is not known or not kept throughout."""
    for read in _FORMS:
        try:
            return list(read(result))
        except (KeyError, TypeError, AttributeError):  # not this form
            continue
    return None


def _trivy(result: Any) -> Iterator[Named]:  # noqa: ANN401  any JSON; a mismatch is told by the exceptions of _of_scanner
    """`{Results: [{Vulnerabilities: [{VulnerabilityID, Severity, PkgIdentifier: {PURL}}]}]}`."""
    for target in result if isinstance(result, list) else (result["Results"] or []):
        if "Target" not in target:
            raise KeyError("Target")
        for one in target.get("Vulnerabilities") or ():
            identifier: Mapping[str, Any] = one.get("PkgIdentifier") or {}
            yield (
                (_text(one["VulnerabilityID"]),),
                severity_of_word(_text(one.get("Severity", ""))),
                _text(identifier.get("PURL", "")),
            )


def _grype(result: Any) -> Iterator[Named]:  # noqa: ANN401  the same
    """`{matches: [{vulnerability: {id, severity}, relatedVulnerabilities: [{id}], artifact: {purl}}]}`."""
    for match in result["matches"] or ():
        vulnerability = match["vulnerability"]
        related = {_text(one["id"]) for one in match.get("relatedVulnerabilities") or ()}
        # A notice about several is none of them: its one related vulnerability is the same, of several none is.
        names = tuple(dict.fromkeys((_text(vulnerability["id"]), *(related if len(related) == 1 else ()))))
        purl = _text(match["artifact"].get("purl", ""))
        yield names, severity_of_word(_text(vulnerability.get("severity", ""))), purl


def _listed(result: Any) -> Iterator[Named]:  # noqa: ANN401  the same
    """The in-toto predicate's list, words alone."""
    if not isinstance(result, list):
        raise TypeError
    for one in result:
        words = [severity_of_word(_text(rating["score"])) for rating in one.get("severity") or []]
        yield (_text(one["id"]),), max((word for word in words if word is not None), default=None), ""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


_FORMS: Sequence[Callable[[Any], Iterator[Named]]] = (_trivy, _grype, _listed)
