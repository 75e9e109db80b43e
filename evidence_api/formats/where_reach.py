"""Catalog lint, one `where`: whether some row could make it true, or false, by what its facts can hold at all.

A condition is pulled apart into alternatives, each a list of comparisons that have to be true or false
together. Facts do not depend on each other, so an alternative is possible when for each fact there is one
value that suits all of its comparisons. Such values are few: the literals themselves and what lies
between them, the words of a closed vocabulary, one word nobody wrote.

The answer "it cannot be" is always right; "it can be" is also the answer where a condition has more
alternatives than are searched (_MAX_STEPS) or asks more of one fact than is weighed (_MAX_TOGETHER).
"""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeAlias, cast

from evidence_api.domain.kinds import COMMON, FactType, Kind
from evidence_api.domain.where import And, Compare, Constant, Expression, Not, Or

_MAX_STEPS = 5_000
_MAX_TOGETHER = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OTHER = "\N{REPLACEMENT CHARACTER} a word no condition names"

Wanted: TypeAlias = tuple[Compare, bool]  # a comparison, and what it has to be
_Goals: TypeAlias = tuple[tuple[Expression, bool], ...]


def can_be(expression: Expression, *, truth: bool, kind: Kind) -> bool:
    """Whether some row of the kind makes the condition so; a row that makes it unknown makes it neither."""
    waiting: list[tuple[_Goals, Mapping[str, tuple[Wanted, ...]]]] = [(((expression, truth),), {})]
    for _ in range(_MAX_STEPS):
        if not waiting:
            return False
        goals, held = waiting.pop()
        if not goals:
            return True
        (node, wanted), rest = goals[0], goals[1:]
        if isinstance(node, Compare):
            together = (*held.get(node.path, ()), (node, wanted))
            if possible(together, kind):
                waiting.append((rest, {**held, node.path: together}))
        else:
            waiting += [((*goal, *rest), held) for goal in _ways(node, wanted)]
    return True


def _ways(node: And | Or | Not | Constant, wanted: bool) -> Sequence[_Goals]:  # noqa: FBT001  half of a pair
    """The ways to make a condition so: each a list of conditions that have to be so together."""
    match node:
        case Constant(value=value):
            return ((),) if value is wanted else ()
        case Not(term=term):
            return (((term, not wanted),),)
        case And(terms=terms) | Or(terms=terms):
            if isinstance(node, And) is wanted:  # all of them
                first = sorted(terms, key=lambda term: isinstance(term, And | Or))  # what leaves no choice
                return (tuple((term, wanted) for term in first),)
            return tuple(((term, wanted),) for term in reversed(terms))  # any of them


def possible(together: Sequence[Wanted], kind: Kind) -> bool:
    """Whether one value of a fact suits all of these comparisons, which are all of that fact."""
    path = together[0][0].path
    fact = kind.facts.get(path) or COMMON[path]
    asked: list[Wanted] = []
    for compare, wanted in together:
        if compare.value is not None:
            asked.append((compare, wanted))
        elif (compare.operator == "!=") is not wanted:  # said, and not said
            return False
    if len(asked) > _MAX_TOGETHER:
        return True
    vocabulary = (kind.words or {}).get(path, ())
    if fact is FactType.WORDS:
        return _some_list(asked, frozenset(vocabulary))
    candidates = (True,) if path == "verified" else _candidates(fact, vocabulary, asked)  # other rows do not count
    return any(all(_holds(compare, value) is wanted for compare, wanted in asked) for value in candidates)


def _holds(compare: Compare, value: Any) -> bool:  # noqa: ANN401  of the fact's own type, as _plain gives it
    literal = compare.value
    if compare.operator == "in":
        return value in [_plain(item, value) for item in cast("tuple[Any, ...]", literal)]
    return _OPERATORS[compare.operator](value, _plain(literal, value))


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _plain(literal: Any, beside: Any) -> Any:  # noqa: ANN401  any literal
    """A literal as it is compared: numbers exactly, durations as seconds, times as microseconds."""
    if isinstance(literal, timedelta):
        return Fraction(literal // _MICROSECOND, 1_000_000)
    if isinstance(literal, str) and isinstance(beside, int) and not isinstance(beside, bool):
        return _microseconds(literal)
    return literal


def _microseconds(moment: str) -> int:
    return (datetime.fromisoformat(moment) - _EPOCH) // _MICROSECOND


def _candidates(fact: FactType, vocabulary: Sequence[str], asked: Iterable[Wanted]) -> Iterable[Any]:
    """Values of a fact that differ in what the comparisons say of them; every other value is like one of these."""
    literals: list[Any] = []
    for compare, _ in asked:
        literals += compare.value if isinstance(compare.value, tuple) else [compare.value]
    match fact:
        case FactType.BOOLEAN:
            return (True, False)
        case FactType.WORD | FactType.WORDS:
            return vocabulary or (*literals, _OTHER)
        case FactType.NUMBER | FactType.DURATION:
            return _around(sorted({Fraction(_plain(literal, None)) for literal in literals}))
        case FactType.TIME:
            return _moments(sorted({_microseconds(literal) for literal in literals}))


def _around(points: Sequence[Fraction]) -> Iterable[Fraction]:
    """The points, one value between each two, one below and one above."""
    if not points:
        return (Fraction(0),)
    between = [(low + high) / 2 for low, high in pairwise(points)]
    return (*points, *between, points[0] - 1, points[-1] + 1)


def _moments(points: Sequence[int]) -> Iterable[int]:
    """The same for times, which are whole microseconds of the years 1 to 9999."""
    if not points:
        return (0,)
    first, last = _microseconds("0001-01-01T00:00:00Z"), _microseconds("9999-12-31T23:59:59.999999Z")
    beside = [near for point in points for near in (point - 1, point + 1)]
    return (*points, *(moment for moment in beside if first <= moment <= last))


def _some_list(asked: Sequence[Wanted], vocabulary: frozenset[str]) -> bool:
    """Whether one set of words suits all comparisons of a fact that is a list.

    Everything but an excluded set only asks for more words, or for fewer: the largest set allowed is tried,
    then those with one word less, until a set is found that is not excluded. Each excluded set stops one try.
    """
    named = {word for compare, _ in asked for word in _words(compare)}
    largest = set(vocabulary or {*named, _OTHER})
    least: set[str] = set()
    excluded: set[frozenset[str]] = set()
    not_within: list[frozenset[str]] = []
    some_word = False
    for compare, wanted in asked:
        words = _words(compare)
        match compare.operator, wanted:
            case "contains", True:
                least |= words
            case "contains", False:
                largest -= words
            case "in", True:
                largest &= words
                some_word = True  # of an empty list nothing can be said
            case "in", False:
                not_within.append(words)
            case ("==", True) | ("!=", False):
                largest &= words
                least |= words
            case _:
                excluded.add(words)

    def suits(words: frozenset[str]) -> bool:
        return least <= words and not any(words <= inner for inner in not_within) and bool(words or not some_word)

    return _not_excluded(frozenset(largest), excluded, suits)


def _not_excluded(
    largest: frozenset[str], excluded: set[frozenset[str]], suits: Callable[[frozenset[str]], bool]
) -> bool:
    tried: set[frozenset[str]] = set()
    waiting = [largest]
    while waiting:
        words = waiting.pop()
        if words in tried or not suits(words):
            continue
        if words not in excluded:
            return True
        tried.add(words)
        waiting += [words - {word} for word in words]
    return False


def _words(compare: Compare) -> frozenset[str]:
    value = compare.value
    return frozenset(cast("tuple[str, ...]", value) if isinstance(value, tuple) else (cast("str", value),))
