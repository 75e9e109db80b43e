"""Catalog check, after loading: what is allowed, and yet worth a second look by the people who own it.

A warning has the shape of a fault (file, line, column, code, message, fix) and never stops a load. The codes
are stable; those about queries are listed in catalog_lint_queries.

- unmapped_control, unmapped_criteria: no criterion for a control, no control for criteria.
- draft_in_use, retired_in_use: a criterion rests on a control that is not run.
- replaced_by_retired, replaced_yet_active: a replacement that is none.
- wording: a control of tier 1 or 2 without the words its readers need. inquiry_alone: a method that proves nothing.
- thin_narrative: a mapping that does not say why.
- duplicate_control: two controls that ask the same.
- waiver_ending: a waiver that ends within 30 days, or has ended.
"""

from collections.abc import Iterator, Mapping
from datetime import date

from evidence_api.domain.control import Catalog, Control, Framework, Place, Query, Waiver
from evidence_api.domain.errors import SourceFault
from evidence_api.formats.catalog_lint_queries import asked, lint_queries

_LISTED = 12
_UPPER_TIERS = frozenset({1, 2})
_EXPIRY_NOTICE_DAYS = 30
_NARRATIVE_WORDS = 4
_NOT_RUN = frozenset({"draft", "retired"})


def lint(catalog: Catalog, today: date) -> tuple[SourceFault, ...]:
    """Warnings in the order of files and lines; `today` only tells which waivers end soon."""
    found = [*_controls(catalog), *_frameworks(catalog), *_mappings(catalog), *_waivers(catalog, today)]
    return tuple(sorted(found, key=lambda fault: (fault.file, fault.line, fault.column, fault.code)))


def _warning(place: Place | None, code: str, message: str, hint: str) -> SourceFault:
    place = place or Place("", 1, 1)
    return SourceFault(place.file, place.line, place.column, code, message, hint)


def _controls(catalog: Catalog) -> Iterator[SourceFault]:
    mapped = {name for mapping in catalog.mappings for name in mapping.maps_to}
    known = {control.id: control for control in catalog.controls}
    first: dict[tuple[frozenset[Query], str], str] = {}
    for control in catalog.controls:
        place = catalog.places.get(control.id)
        yield from _in_use(control, place, is_mapped=control.id in mapped)
        yield from _replaced(control, known, place)
        if control.method == ("inquiry",):
            message = f"control {control.id} rests on inquiry alone, which auditors refuse"
            yield _warning(place, "inquiry_alone", message, "write method: [inquiry, inspection], and do both")
        if control.tier in _UPPER_TIERS and control.state != "retired":
            yield from _wording(control, place)
        yield from lint_queries(control, catalog.places)
        yield from _duplicate(control, first, place)


def _in_use(control: Control, place: Place | None, *, is_mapped: bool) -> Iterator[SourceFault]:
    """Controls that count for nothing, and criteria that rest on a control that is not run."""
    if not is_mapped and control.state != "retired":
        tier = f" of tier {control.tier}" if control.tier in _UPPER_TIERS else ""
        message = f"no criterion is mapped to control {control.id}{tier}"
        yield _warning(
            place, "unmapped_control", message, f"name {control.id} under maps_to of a criterion it bears on"
        )
    if is_mapped and control.state in _NOT_RUN:
        message = f"{control.state} control {control.id} is still mapped, and is not run"
        hint = f"take {control.id} out of maps_to"
        if control.state == "draft":
            hint = f"write state: active, or {hint}"
        elif control.replaced_by:
            hint = f"map {control.replaced_by} instead of {control.id}"
        yield _warning(place, f"{control.state}_in_use", message, hint)


def _replaced(control: Control, known: Mapping[str, Control], place: Place | None) -> Iterator[SourceFault]:
    """The control named by replaced_by is one that is run, and takes the place of one that is on its way out."""
    successor = known.get(control.replaced_by)
    if successor is None:
        return
    if successor.state == "retired":
        end = successor
        while end.replaced_by in known:  # a circle does not load
            end = known[end.replaced_by]
        message = f"{control.id} is replaced by {successor.id}, which is retired"
        hint = f"write replaced_by: {end.id}" if end.state != "retired" else "name a control that is active"
        yield _warning(place, "replaced_by_retired", message, hint)
    if control.state == "active":
        message = f"{control.id} is replaced by {successor.id} and still active"
        yield _warning(place, "replaced_yet_active", message, "write state: deprecated, or leave out replaced_by")


def _wording(control: Control, place: Place | None) -> Iterator[SourceFault]:
    """Controls of the upper tiers are read by auditors and acted on by owners."""
    texts = {
        "title": control.title,
        "statement": control.statement,
        "owner": control.owner,
        "fix": control.fix,
        "severity": control.severity,
        "frequency": control.frequency,
        "method": control.method,
    }
    if absent := [name for name, text in texts.items() if not text]:
        message = f"control {control.id} of tier {control.tier} has no {', '.join(absent)}"
        yield _warning(place, "wording", message, f"write {', '.join(f'{name}: …' for name in absent)}")


def _duplicate(
    control: Control, first: dict[tuple[frozenset[Query], str], str], place: Place | None
) -> Iterator[SourceFault]:
    """Two controls that are run and ask the same are one control under two names."""
    if not control.queries or control.state in _NOT_RUN:
        return
    same = (frozenset(map(asked, control.queries)), control.combine)
    if same in first:
        message = f"control {control.id} asks the same as {first[same]}"
        hint = f"retire one of them (state: retired, replaced_by: {first[same]}), or ask more"
        yield _warning(place, "duplicate_control", message, hint)
    first.setdefault(same, control.id)


def _frameworks(catalog: Catalog) -> Iterator[SourceFault]:
    mapped = {(mapping.framework, mapping.ref) for mapping in catalog.mappings}
    for framework in catalog.frameworks:
        if unmapped := [c.ref for c in framework.criteria if (framework.id, c.ref) not in mapped]:
            prefix = framework.aliases[0] if framework.aliases else framework.id
            hint = f"write a mapping with external: {prefix}-{unmapped[0]}"
            place = catalog.places.get(framework.id)
            yield _warning(place, "unmapped_criteria", _unmapped(framework, unmapped), hint)
        if hidden := [c.ref for c in framework.criteria if c.text and not framework.quoted(c)]:
            message = f"the text of {len(hidden)} criteria of {framework.title} is not shown: its licence is 'own'"
            hint = "say under which licence it may be shown, and whom to credit, or take the text out"
            yield _warning(catalog.places.get(framework.id), "text_not_shown", message, hint)


def _unmapped(framework: Framework, refs: list[str]) -> str:
    rest = f" and {len(refs) - _LISTED} more" if len(refs) > _LISTED else ""
    counts = f"{len(refs)} of {len(framework.criteria)} criteria of {framework.title} have no control"
    return f"{counts}: {', '.join(refs[:_LISTED])}{rest}"


def _mappings(catalog: Catalog) -> Iterator[SourceFault]:
    for mapping in catalog.mappings:
        if len(mapping.narrative.split()) < _NARRATIVE_WORDS:
            message = f"the narrative of {mapping.external} does not say why these controls bear on it"
            hint = "write a sentence: what the controls show, and what of the criterion they do not show"
            yield _warning(catalog.places.get(mapping.external), "thin_narrative", message, hint)


def _waivers(catalog: Catalog, today: date) -> Iterator[SourceFault]:
    for waiver in catalog.waivers:
        if message := _ending(waiver, today):
            hint = "repair the control, or have the waiver approved again with a later until:"
            yield _warning(catalog.places.get(waiver.id), "waiver_ending", message, hint)


def _ending(waiver: Waiver, today: date) -> str:
    left = (waiver.until - today).days
    if left < 0:
        return f"waiver {waiver.id} on {waiver.control} ended on {waiver.until} and no longer counts"
    if left <= _EXPIRY_NOTICE_DAYS:
        return f"waiver {waiver.id} on {waiver.control} ends on {waiver.until}, in {left} days"
    return ""
