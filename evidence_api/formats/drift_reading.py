"""Reading a drift statement again (formats/drift_predicate.py writes it): for readers, and for the index.

A statement of that type may come from others than this server, so nothing about its members is taken for granted: what
is not there, or is of another type, says nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evidence_api.domain.drift_view import (
    ComponentChange,
    DriftView,
    IndexedVulnerability,
    RiskyComponent,
    Standing,
    VulnerabilityView,
)

MAX_NAMES = 20_000  # of one statement in the index
MAX_TEXT = 512  # characters of what is indexed
_PACKAGES = 100
_VERSION_LISTS = ("added", "removed", "upgraded", "downgraded", "changed")
_VALUE_LISTS = ("rehashed", "supplier_changed", "licence_changed")
_SEVERITIES = ("critical", "high", "medium", "low", "none", "")
_STANDINGS = tuple(Standing)


def read_drift(predicate: Mapping[str, Any]) -> DriftView:
    """Everything it says; vulnerabilities the worst first."""
    inputs = _map(predicate.get("inputs"))
    return DriftView(
        status=_text(predicate.get("status")),
        analysed=predicate.get("analysed") is True,
        baseline=_texts(inputs.get("baseline")) if isinstance(inputs.get("baseline"), list) else None,
        sboms=_texts(inputs.get("current")),
        scans=_texts(inputs.get("scans")),
        vex=_texts(inputs.get("vex")),
        advisories=_text(inputs.get("advisories")),
        counts={
            name: count
            for name, count in _map(predicate.get("counts")).items()
            if isinstance(count, int) and not isinstance(count, bool)
        },
        changes=tuple(_changes(predicate)),
        risky=tuple(map(_risky, _maps(predicate.get("risky")))),
        vulnerabilities=tuple(sorted(_vulnerabilities(predicate), key=_weight)),
    )


def indexed_vulnerabilities(drift: DriftView) -> tuple[IndexedVulnerability, ...]:
    """One entry for each name, sorted; what is fixed is not in the release any more, and so left out."""
    found: dict[str, list[VulnerabilityView]] = {}
    for one in drift.vulnerabilities:
        if one.standing is not Standing.FIXED:
            for name in {one.id, *one.names}:
                found.setdefault(_indexed(name), []).append(one)
    return tuple(_entry(name, found[name]) for name in sorted(found)[:MAX_NAMES] if name)


def indexed_name(name: str) -> str:
    """How a vulnerability's name is looked up: without regard to case."""
    return _indexed(name)


def _indexed(name: str) -> str:
    return name.strip().upper().replace("\0", "")[:MAX_TEXT]


def _entry(name: str, listed: Sequence[VulnerabilityView]) -> IndexedVulnerability:
    """`listed` is sorted, the worst first."""
    places = sorted({f"{one.package}@{one.version}".replace("\0", "")[:MAX_TEXT] for one in listed if one.package})
    worst = min(listed, key=lambda one: _rank(one.severity))
    return IndexedVulnerability(
        name=name,
        id=listed[0].id.replace("\0", "")[:MAX_TEXT],
        standing=min((one.standing for one in listed), key=_STANDINGS.index),
        severity=worst.severity if worst.severity in _SEVERITIES else "",
        packages=tuple(places[:_PACKAGES]),
    )


def _changes(predicate: Mapping[str, Any]) -> Iterator[ComponentChange]:
    for kind in _VERSION_LISTS:
        for one in _maps(predicate.get(kind)):
            before, after = _text(one.get("before")), _text(one.get("after"))
            yield ComponentChange(kind, _text(one.get("package")), after, _known(before), _known(after))
    for kind in _VALUE_LISTS:
        for one in _maps(predicate.get(kind)):
            values = _texts(one.get("before")), _texts(one.get("after"))
            yield ComponentChange(kind, _text(one.get("package")), _text(one.get("version")), *values)


def _risky(one: Mapping[str, Any]) -> RiskyComponent:
    return RiskyComponent(
        package=_text(one.get("package")),
        before=_text(one.get("before")),
        after=_text(one.get("after")),
        vulnerabilities=_texts(one.get("vulnerabilities")),
        licences=_texts(one.get("licences")),
        unaffected=_text(one.get("unaffected")),
    )


def _vulnerabilities(predicate: Mapping[str, Any]) -> Iterator[VulnerabilityView]:
    new = {(_place(one), _text(one.get("id"))) for one in _maps(predicate.get("new"))}
    nearest = {(_text(one.get("package")), _text(one.get("after"))): _text(one.get("unaffected"))
               for one in _maps(predicate.get("risky"))}  # fmt: skip
    for one in _maps(predicate.get("vulnerabilities")):
        yield VulnerabilityView(
            standing=Standing.AFFECTED,
            id=_text(one.get("id")),
            names=_texts(one.get("names")),
            severity=_text(one.get("severity")),
            package=_text(one.get("package")),
            version=_text(one.get("version")),
            sources=_texts(one.get("sources")),
            change=_text(one.get("change")),
            new=(_place(one), _text(one.get("id"))) in new,
            unaffected=nearest.get(_place(one), ""),
        )
    for one in _maps(predicate.get("undecided")):
        yield _bare(one, Standing.UNDECIDED, _text(one.get("advisory")), sources=(f"osv:{_text(one.get('advisory'))}",))
    for one in _maps(predicate.get("suppressed")):
        told = {"ruling": _text(one.get("status")), "statement": _text(one.get("statement"))}
        yield _bare(one, Standing.RULED_OUT, _text(one.get("id")), **told)
    for one in _maps(predicate.get("fixed")):
        yield _bare(one, Standing.FIXED, next(iter(_texts(one.get("names"))), ""), names=_texts(one.get("names")))


def _bare(one: Mapping[str, Any], standing: Standing, name: str, **more: Any) -> VulnerabilityView:  # noqa: ANN401  members
    place = _place(one)
    said = {"names": (name,), "severity": _text(one.get("severity")), "change": _text(one.get("change"))}
    return VulnerabilityView(standing=standing, id=name, package=place[0], version=place[1], **said | more)


def _place(one: Mapping[str, Any]) -> tuple[str, str]:
    return _text(one.get("package")), _text(one.get("version"))


def _weight(one: VulnerabilityView) -> tuple[int, int, str, str, str]:
    return _STANDINGS.index(one.standing), _rank(one.severity), one.package, one.version, one.id


def _rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES)


def _known(version: str) -> tuple[str, ...]:
    return (version,) if version else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
