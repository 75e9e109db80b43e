"""Cost, the formula: a sum of units and of lists times what one of their items costs, to be filled in by variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from evidence_api.graphql.cost_directives import UNSIZED


@dataclass(frozen=True, slots=True)
class Size:
    """How long a list may be: the largest of what is written in the document and of what variables say. `names` are
    variables, each with what holds where it is not given (None: nothing does)."""

    written: int | None = None
    names: tuple[tuple[str, int | None], ...] = ()
    assumed: int = UNSIZED  # where nothing says it

    def value(self, variables: Mapping[str, Any]) -> int:
        """Items, never below 0; what is neither a number nor a list will be refused, and counts for nothing."""
        largest = self.written
        for name, fallback in self.names:
            given = variables.get(name)
            size = fallback if given is None else length(given)
            if size is not None and (largest is None or size > largest):
                largest = size
        return self.assumed if largest is None else largest


def length(given: object) -> int:
    """The size one slicing argument asks for.

    >>> [length(one) for one in (7, -1, 3.0, ["a", "b"], "a", True, {}, float("inf"))]
    [7, 0, 3, 2, 1, 0, 0, 0]
    """
    match given:
        case bool():
            return 0
        case int():
            return max(0, given)
        case float() if given.is_integer():
            return max(0, int(given))
        case list() | tuple():
            return len(given)
        case str():
            return 1  # a list of one, written without brackets
        case _:
            return 0


@dataclass(slots=True, eq=False)
class Formula:
    """`fixed` units and the terms. `constant` is its worth where no variable is in it."""

    fixed: int = 0
    terms: "list[Term]" = field(default_factory=list)
    constant: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """A list: so many times what one item costs. `place` is where it is counted, the identity of a field node."""

    place: int
    size: Size
    item: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What is selected only if a variable has this value (@include, @skip)."""

    name: str
    otherwise: object
    wanted: bool
    part: Formula

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """Whether it is selected, as far as can be told."""
        given = variables.get(self.name, self.otherwise)
        return not isinstance(given, bool) or given is self.wanted


@dataclass(frozen=True, slots=True, eq=False)
class Dearest:
    """Something of one of several types."""

    parts: tuple[Formula, ...]


Term: TypeAlias = "Times | Given | Dearest | Formula"


def worth(formula: Formula, variables: Mapping[str, Any], known: dict[int, int]) -> int:
    """Its value; `known` keeps that of parts that stand at several places."""
    if formula.constant is not None:
        return formula.constant
    total = known.get(id(formula))
    if total is None:
        total = formula.fixed + sum([_term(term, variables, known) for term in formula.terms])
        known[id(formula)] = total
    return total


def _term(term: Term, variables: Mapping[str, Any], known: dict[int, int]) -> int:
    match term:
        case Times():
            return term.size.value(variables) * worth(term.item, variables, known)
        case Formula():
            return worth(term, variables, known)
        case Given():
            return worth(term.part, variables, known) if term.holds(variables) else 0
        case Dearest():
            return max(worth(part, variables, known) for part in term.parts)


def spent(
    formula: Formula, times: int, returned: Mapping[int, int], variables: Mapping[str, Any], seen: set[int]
) -> int:
    """Its value for `times` objects, with what was returned in place of the sizes. A place that stands in the formula
    twice was counted for both."""
    total = times * formula.fixed
    for term in formula.terms:
        match term:
            case Times():
                total += _returned(term, times, returned, variables, seen)
            case Formula():
                total += spent(term, times, returned, variables, seen)
            case Given():
                total += spent(term.part, times, returned, variables, seen) if term.holds(variables) else 0
            case Dearest():
                total += max(spent(part, times, returned, variables, set(seen)) for part in term.parts)
    return total


def _returned(
    term: Times, times: int, returned: Mapping[int, int], variables: Mapping[str, Any], seen: set[int]
) -> int:
    count = returned.get(term.place)
    if count is None:
        count = times * term.size.value(variables)
    elif term.place in seen:
        return 0
    seen.add(term.place)
    return spent(term.item, count, returned, variables, seen) if count else 0


def is_constant(term: Term) -> bool:
    """Whether no variable is in it."""
    match term:
        case Times():
            return not term.size.names and term.item.constant is not None
        case Formula():
            return term.constant is not None
        case Given():
            return False
        case Dearest():
            return all(part.constant is not None for part in term.parts)
