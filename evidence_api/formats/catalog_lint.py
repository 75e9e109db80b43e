"""Catalog check, after loading: what is allowed, and yet worth a second look by the people who own it.

A warning has the shape of a fault (file, line, column, code, message) and never stops a load.
"""

from collections.abc import Iterator
from datetime import date

from evidence_api.domain.control import Catalog, Control, Framework, Place, Waiver
from evidence_api.domain.errors import SourceFault
from evidence_api.domain.where import comparisons

_LISTED = 12
_UPPER_TIERS = frozenset({1, 2})
_EXPIRY_NOTICE_DAYS = 30


def lint(catalog: Catalog, today: date) -> tuple[SourceFault, ...]:
    """Warnings in the order of files and lines; `today` only tells which waivers end soon."""
    found = [*_controls(catalog), *_frameworks(catalog), *_waivers(catalog, today)]
    return tuple(sorted(found, key=lambda fault: (fault.file, fault.line, fault.column, fault.code)))


def _warning(place: Place | None, code: str, message: str, hint: str = "") -> SourceFault:
    place = place or Place("", 1, 1)
    return SourceFault(place.file, place.line, place.column, code, message, hint)


def _controls(catalog: Catalog) -> Iterator[SourceFault]:
    mapped = {name for mapping in catalog.mappings for name in mapping.maps_to}
    for control in catalog.controls:
        place = catalog.places.get(control.id)
        if control.id not in mapped and control.state != "retired":
            tier = f" of tier {control.tier}" if control.tier in _UPPER_TIERS else ""
            yield _warning(place, "unmapped_control", f"no criterion is mapped to control {control.id}{tier}")
        if control.id in mapped and control.state == "retired":
            hint = f"map {control.replaced_by}" if control.replaced_by else ""
            yield _warning(place, "retired_in_use", f"retired control {control.id} is still mapped", hint)
        if control.method == ("inquiry",):
            yield _warning(
                place, "inquiry_alone", f"control {control.id} rests on inquiry alone, which auditors refuse"
            )
        if control.tier in _UPPER_TIERS:
            yield from _wording(control, place)
        for query in control.queries:
            for compare in comparisons(query.where):
                if compare.value is None and compare.operator == "==":
                    message = f"'{compare.path} == null' is never true: an absent fact is unknown"
                    where = Place(place.file, compare.line, compare.column) if place else None
                    yield _warning(where, "never_true", message, f"{compare.path} != null asks whether it is said")


def _wording(control: Control, place: Place | None) -> Iterator[SourceFault]:
    """Controls of the upper tiers are read by auditors and acted on by owners."""
    texts = {"title": control.title, "statement": control.statement, "owner": control.owner, "fix": control.fix}
    if absent := [name for name, text in texts.items() if not text]:
        message = f"control {control.id} of tier {control.tier} has no {', '.join(absent)}"
        yield _warning(place, "wording", message)


def _frameworks(catalog: Catalog) -> Iterator[SourceFault]:
    mapped = {(mapping.framework, mapping.ref) for mapping in catalog.mappings}
    for framework in catalog.frameworks:
        if unmapped := [c.ref for c in framework.criteria if (framework.id, c.ref) not in mapped]:
            yield _warning(catalog.places.get(framework.id), "unmapped_criteria", _unmapped(framework, unmapped))


def _unmapped(framework: Framework, refs: list[str]) -> str:
    rest = f" and {len(refs) - _LISTED} more" if len(refs) > _LISTED else ""
    counts = f"{len(refs)} of {len(framework.criteria)} criteria of {framework.title} have no control"
    return f"{counts}: {', '.join(refs[:_LISTED])}{rest}"


def _waivers(catalog: Catalog, today: date) -> Iterator[SourceFault]:
    for waiver in catalog.waivers:
        if message := _ending(waiver, today):
            yield _warning(catalog.places.get(waiver.id), "waiver_ending", message)


def _ending(waiver: Waiver, today: date) -> str:
    left = (waiver.until - today).days
    if left < 0:
        return f"waiver {waiver.id} on {waiver.control} ended on {waiver.until} and no longer counts"
    if left <= _EXPIRY_NOTICE_DAYS:
        return f"waiver {waiver.id} on {waiver.control} ends on {waiver.until}, in {left} days"
    return ""
