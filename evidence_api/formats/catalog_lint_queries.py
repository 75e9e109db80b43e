"""Catalog check, per query: conditions that say less than they seem to, and queries that cannot be answered.

- never_true: no row can satisfy the condition, so its control never passes.
- dead_alternative: one side of an `||` can never be true, so it might as well not be there.
- always_true: every row that states the facts satisfies a part of the condition, so nothing can fail by it.
- never_enough: more rows have to satisfy the query than are tested.
- duplicate_query: the control asks the same twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from evidence_api.domain.control import Control, Place, Query, query_place
from evidence_api.domain.errors import SourceFault
from evidence_api.domain.kinds import KINDS, Kind
from evidence_api.domain.where import And, Compare, Constant, Expression, Not, Or, comparisons, write
from evidence_api.formats.where_reach import can_be, possible

_SHOWN = 160


def lint_queries(control: Control, places: Mapping[str, Place]) -> Iterator[SourceFault]:
    """What is odd about the queries of one control; `places` are those of the catalog."""
    seen: dict[Query, int] = {}
    for number, query in enumerate(control.queries, 1):
        place = places.get(query_place(control.id, number)) or Place("", 1, 1)
        yield from _condition(query.where, query.kind, place)
        if query.population is not None:
            yield from _condition(query.population, query.kind, place)
        if query.sample.size is not None and query.at_least > query.sample.size:
            message = f"query {number} of {control.id} needs {query.at_least} rows and tests {query.sample.size}"
            hint = f"write expect: {{at_least: {query.sample.size}}} or less, or a larger sample"
            yield _at(place, "never_enough", message, hint)
        same = asked(query)
        if same in seen:
            message = f"query {number} of {control.id} asks the same as query {seen[same]}"
            yield _at(place, "duplicate_query", message, "leave out either")
        seen.setdefault(same, number)


def asked(query: Query) -> Query:
    """A query without what it is called and how it is spelt: two that are equal ask the same."""
    return replace(query, name="", source="", population_source="", on_empty_reason="")


def _condition(where: Expression, kind_name: str, place: Place) -> Iterator[SourceFault]:
    kind = KINDS.get(kind_name)
    if kind is None:  # a kind of a later version: nothing is known of its facts here
        return
    if not can_be(where, truth=True, kind=kind):
        message, hint, compare = _contradiction(where, kind)
        yield _at(_first(compare or where, place), "never_true", message, hint)
        return
    for part in _dead(where, kind):
        message = f"'{_short(part)}' is never true, so it adds nothing to the other side of ||"
        yield _at(_first(part, place), "dead_alternative", message, "leave it out, or correct it")
    for part in _terms(where):
        if _tautology(part, kind):
            message = f"'{_short(part)}' is true of every row that states its facts, so no row can fail by it"
            hint = "leave it out, or correct it; path != null asks only that a fact is stated"
            yield _at(_first(part, place), "always_true", message, hint)


def _contradiction(where: Expression, kind: Kind) -> tuple[str, str, Compare | None]:
    """Why nothing satisfies a condition: message, fix, and the comparison to point at; None is its beginning."""
    terms = [term for term in _terms(where) if isinstance(term, Compare)]
    for compare in terms:
        if compare.value is None and compare.operator == "==":
            message = f"'{compare.path} == null' is never true: an absent fact is unknown"
            return message, f"{compare.path} != null asks whether it is said", compare
        if not possible([(compare, True)], kind):
            return f"'{_short(compare)}' is never true", "leave it out, or correct it", compare
    for at, second in enumerate(terms):
        for first in terms[:at]:
            if first.path == second.path and not possible([(first, True), (second, True)], kind):
                message = f"'{_short(first)}' and '{_short(second)}' are never both true"
                return message, "join them by ||, or leave out either", second
    return f"no row satisfies '{_short(where)}'", "correct it, or write true to accept every row", None


def _tautology(part: Expression, kind: Kind) -> bool:
    """Whether a part that looks like a condition is never false. `path != null` asks that a fact is stated."""
    if isinstance(part, Constant):
        return False
    valued = [compare for compare in comparisons(part) if compare.value is not None]
    presence = [compare for compare in comparisons(part) if compare.value is None]
    return bool(valued) and not presence and not can_be(part, truth=False, kind=kind)


def _dead(where: Expression, kind: Kind) -> Iterator[Expression]:
    """The sides of each || that can never be true, where the whole can."""
    match where:
        case Or(terms=terms):
            for term in terms:
                if not can_be(term, truth=True, kind=kind):
                    yield term
                else:
                    yield from _dead(term, kind)
        case And(terms=terms):
            for term in terms:
                yield from _dead(term, kind)
        case Not() | Compare() | Constant():
            return


def _terms(where: Expression) -> Sequence[Expression]:
    """The conditions joined by && at the top."""
    if not isinstance(where, And):
        return (where,)
    return tuple(inner for term in where.terms for inner in _terms(term))


def _first(where: Expression, place: Place) -> Place:
    """Where the first comparison of a condition is written."""
    compare = next(comparisons(where), None)
    return place if compare is None else Place(place.file, compare.line, compare.column)


def _short(where: Expression) -> str:
    text = write(where)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _at(place: Place, code: str, message: str, hint: str) -> SourceFault:
    return SourceFault(place.file, place.line, place.column, code, message, hint)
