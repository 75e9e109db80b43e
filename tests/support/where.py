"""The `where` language a second time: random conditions and rows, and a reference evaluator to judge the Rego by."""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

from evidence_api.domain.evidence import Fact
from evidence_api.domain.kinds import COMMON, FactType, Kind
from evidence_api.domain.where import And, Compare, Constant, Expression, Literal, Not, Or, sortable

WORDS = ("pass", "fail", "a b", "in", "1.5", 'quote"', "back\\slash", "ünïcode", "#no comment", "P30D", "")
NUMBERS = (-1, 0, 1, 2.5, 1e22 / 1e10, 2**40)
DURATIONS = (timedelta(seconds=1), timedelta(minutes=5), timedelta(days=30))
TIMES = tuple(sortable(datetime(2026, 1, day, tzinfo=UTC)) for day in (1, 2, 3))

# A kind with a fact of every type; tests put it into the table of kinds where they need it compiled.
EVERY_TYPE = Kind(
    "every_type",
    "Every type of fact",
    {
        "flag": FactType.BOOLEAN,
        "count": FactType.NUMBER,
        "word": FactType.WORD,
        "deep.word": FactType.WORD,
        "closed": FactType.WORD,
        "time": FactType.TIME,
        "lasted": FactType.DURATION,
        "names": FactType.WORDS,
    },
    words=MappingProxyType({"closed": ("yes", "no")}),
)
OTHER_TYPE = replace(EVERY_TYPE, name="other_type", title="A second kind of the same facts")
KINDS = {kind.name: kind for kind in (EVERY_TYPE, OTHER_TYPE)}
TYPES = {**EVERY_TYPE.facts, **COMMON}
SIGNERS = ("key ci", "key other")

_VALUES: Mapping[FactType, st.SearchStrategy[Literal]] = {
    FactType.BOOLEAN: st.booleans(),
    FactType.NUMBER: st.sampled_from(NUMBERS),
    FactType.WORD: st.sampled_from(WORDS),
    FactType.TIME: st.sampled_from(TIMES),
    FactType.DURATION: st.sampled_from(DURATIONS),
    FactType.WORDS: st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(tuple),
}
_OF_PATH: Mapping[str, st.SearchStrategy[Literal]] = {
    "closed": st.sampled_from(("yes", "no")),
    "signer": st.sampled_from(SIGNERS),
}
_ORDER = {FactType.NUMBER, FactType.TIME, FactType.DURATION}


@st.composite
def comparisons(draw: st.DrawFn, only: str = "", *, common: bool = False) -> Compare:
    """A well-typed comparison of EVERY_TYPE, of one fact where it is named; `common` adds the facts of every kind."""
    path = only or draw(st.sampled_from(sorted(TYPES if common else EVERY_TYPE.facts)))
    fact = TYPES[path]
    ordered = ("<", "<=", ">", ">=") if fact in _ORDER else ()
    listed = ("contains",) if fact is FactType.WORDS else ()
    chosen = draw(st.sampled_from(("==", "!=", "in", *ordered, *listed)))
    values = _OF_PATH.get(path, _VALUES[fact])
    value: Literal
    if chosen == "contains":
        value = draw(st.sampled_from(WORDS))
    elif chosen == "in" and fact is not FactType.WORDS:
        value = tuple(draw(st.lists(values, min_size=1, max_size=3)))
    elif chosen in {"==", "!="} and draw(st.integers(0, 9)) == 0:
        value = None
    else:
        value = draw(values)
    return Compare(path, chosen, value)


def _joined(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    terms = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(terms.map(And), terms.map(Or), inner.map(Not))


def expressions(*, common: bool = False) -> st.SearchStrategy[Expression]:
    """Well-typed conditions over EVERY_TYPE, up to a few levels deep."""
    compared = comparisons(common=common)
    leaves: st.SearchStrategy[Expression] = st.one_of(compared, compared, st.booleans().map(Constant))
    return st.recursive(leaves, _joined, max_leaves=8)


_WRONG: st.SearchStrategy[Fact] = st.sampled_from((True, 7, "odd", ("x",), "2026-01-01T00:00:00"))
_FACTS: Mapping[FactType, st.SearchStrategy[Fact]] = {
    FactType.BOOLEAN: st.booleans(),
    FactType.NUMBER: st.sampled_from(NUMBERS),
    FactType.WORD: st.sampled_from(WORDS),
    FactType.TIME: st.sampled_from(("2026-01-01T00:00:00Z", "2026-01-02T01:00:00+01:00", "2026-01-03T00:00:00.000Z")),
    FactType.DURATION: st.sampled_from((0, 1, 300, 2_592_000)),
    FactType.WORDS: st.lists(st.sampled_from(WORDS), max_size=3).map(tuple),
}


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Fact]:
    """Facts of EVERY_TYPE: some absent, and now and then one of the wrong type."""
    found: dict[str, Fact] = {}
    for path, fact in EVERY_TYPE.facts.items():
        match draw(st.integers(0, 9)):
            case 0 | 1 | 2:
                continue
            case 3:
                found[path] = draw(_WRONG)
            case _:
                found[path] = draw(_FACTS[fact])
    return found


def reference(expression: Expression, given: Mapping[str, Fact]) -> bool | None:
    """The meaning of a condition for one row by Kleene's three values; None is unknown."""
    match expression:
        case Constant(value=value):
            return value
        case Not(term=term):
            inner = reference(term, given)
            return None if inner is None else not inner
        case And(terms=terms):
            found = [reference(term, given) for term in terms]
            return False if False in found else None if None in found else True
        case Or(terms=terms):
            found = [reference(term, given) for term in terms]
            return True if True in found else None if None in found else False
        case Compare():
            return _compare(expression, given)


def _compare(compare: Compare, given: Mapping[str, Fact]) -> bool | None:
    value = _value(given.get(compare.path), TYPES[compare.path])
    if value is None:
        return None
    if compare.value is None:
        return compare.operator == "!="
    wanted = _plain(compare.value)
    if isinstance(value, datetime):
        wanted = tuple(map(_moment, wanted)) if isinstance(wanted, tuple) else _moment(wanted)
    if isinstance(value, frozenset):
        if compare.operator == "in" and not value:
            return None
        return bool(_OF_WORDS[compare.operator](value, wanted))
    return bool(_OF_SCALARS[compare.operator](value, wanted))


_OF_SCALARS: Mapping[str, Callable[[Any, Any], object]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda value, wanted: value in wanted,
}
_OF_WORDS: Mapping[str, Callable[[frozenset[str], Any], object]] = {
    "contains": lambda value, wanted: wanted in value,
    "in": lambda value, wanted: value <= set(wanted),
    "==": lambda value, wanted: value == set(wanted),
    "!=": lambda value, wanted: value != set(wanted),
}


def values_around(path: str) -> Iterator[Fact]:
    """Values of a fact, enough that every conjunction of comparisons() of it that can be true is true of one."""
    match EVERY_TYPE.facts[path]:
        case FactType.BOOLEAN:
            yield from (True, False)
        case FactType.NUMBER:
            yield from _with_between(sorted(NUMBERS))
        case FactType.DURATION:
            yield from _with_between(sorted(one.total_seconds() for one in DURATIONS))
        case FactType.WORD if path == "closed":
            yield from ("yes", "no")
        case FactType.WORD:
            yield from (*WORDS, "other")
        case FactType.TIME:
            yield from (*TIMES, *(moment.replace("T00:00:00.000000", "T00:00:00.000001") for moment in TIMES))
            yield "2025-12-31T00:00:00Z"
        case FactType.WORDS:
            every = (*WORDS, "other")
            yield from (subset for size in range(len(every) + 1) for subset in combinations(every, size))


def _with_between(points: Sequence[float]) -> Iterator[float]:
    yield from (points[0] - 1, *points, points[-1] + 1)
    yield from ((low + high) / 2 for low, high in pairwise(points))


def _plain(value: Literal) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value


def _value(value: Fact | None, fact: FactType) -> object:
    """The fact as its type wants it, or None where it is absent or of another type."""
    match fact:
        case FactType.BOOLEAN:
            return value if isinstance(value, bool) else None
        case FactType.NUMBER | FactType.DURATION:
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None
        case FactType.WORD:
            return value if isinstance(value, str) else None
        case FactType.WORDS:
            return frozenset(value) if isinstance(value, tuple) else None
        case FactType.TIME:
            return _moment(value)


def _moment(value: object) -> datetime | None:
    """A time as it is, however it is written; None where it is none, or is nobody's."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo else None
