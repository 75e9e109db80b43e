"""Every kind of decision against what nobody should send: each number, list and object of a good predicate spoilt.

Whatever comes, the answer is a result or a coded refusal with a path inside the predicate, at once and without a
warning. A new kind is tested by being in the table and in `decision_examples`.
"""

import copy
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import pytest

from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.decisions.reperforming import DecisionKind, Given, Reperformance
from evidence_api.domain.errors import Malformed, TooLarge
from tests.support.decision_examples import EXAMPLES, examples, kind_named

Place: TypeAlias = tuple[str | int, ...]

NAMES = sorted(kind.name for kind in DECISIONS.values())
NUMBERS = (float("nan"), float("inf"), float("-inf"), -1, 0, 5e-324, 1e308, 2**53, 2**63, 10**400, True, "1", None)
TEXTS: tuple[Any, ...] = ("", "x" * 100_000, "\x00", "1e999999", "NaN", "-1", 1, None, [], {}, "\ud800")
MISSING = object()
SECONDS = 1.0
DEEP = 65


def _nested(depth: int) -> Any:  # noqa: ANN401  JSON
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def _places(value: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:  # noqa: ANN401  JSON
    """Every part of a predicate but the whole, with where it is."""
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield (*at, name), one
        yield from _places(one, (*at, name))


def _spoilt(value: Any) -> Iterator[Any]:  # noqa: ANN401  JSON
    """What stands in the place of one part."""
    yield MISSING
    if isinstance(value, bool):
        yield from (1, "true", None, [], {})
    elif isinstance(value, int | float):
        yield from NUMBERS
        yield from ([value], {"value": value})
    elif isinstance(value, str):
        yield from TEXTS
    elif isinstance(value, list):
        yield from ([], value * 2, _nested(DEEP), {}, None, "x", [*value, None], [None], [[1.0]], [{}])
    elif isinstance(value, Mapping):
        yield from ([], [value], {}, None, {"": {"": value}}, {**value, "\ud800": 1, "x" * 10_000: 2})


def _with(predicate: Mapping[str, Any], place: Place, value: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    """The predicate with another value at one place."""
    spoilt = copy.deepcopy(dict(predicate))
    inside: Any = spoilt
    for name in place[:-1]:
        inside = inside[name]
    if value is MISSING:
        del inside[place[-1]]
    else:
        inside[place[-1]] = value
    return spoilt


def _answer(kind: DecisionKind[Any], predicate: Mapping[str, Any]) -> Reperformance | Malformed | TooLarge:
    """All that is done with an uploaded decision; another exception, a warning or a wait fails the test. Of up to three
    times the shortest counts: a busy neighbour on the core makes the same work cost more."""
    spent, result = _timed(kind, predicate)
    for _ in range(2):
        if spent >= SECONDS:
            spent, result = _timed(kind, predicate)
    assert spent < SECONDS
    return result


def _timed(kind: DecisionKind[Any], predicate: Mapping[str, Any]) -> tuple[float, Reperformance | Malformed | TooLarge]:
    """Seconds of the processor, and the answer."""
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read = kind.read(predicate)
            result: Reperformance | Malformed | TooLarge = kind.reperform_read(read, predicate, Given())
            kind.series(read)
            kind.deferred(read)
            kind.need(read)
        except (Malformed, TooLarge) as refused:
            result = refused
    return time.process_time() - started, result


def _check(kind: DecisionKind[Any], predicate: Mapping[str, Any]) -> None:
    answer = _answer(kind, predicate)
    if isinstance(answer, Reperformance):
        return
    path = answer.fields.get("path")
    assert isinstance(path, str), answer
    assert path == "$" or _leads_inside(predicate, path.split(".")), answer
    assert 0 < len(answer.message) < 1_000


def _leads_inside(predicate: Mapping[str, Any], path: list[str]) -> bool:
    """Whether all but the last step of a path is there; the last may be what is missing."""
    inside: Any = predicate
    for step in path[:-1]:
        try:
            inside = inside[int(step)] if isinstance(inside, list) else inside[step]
        except (LookupError, ValueError, TypeError):
            return False
    return True


def test_every_kind_has_examples() -> None:
    assert sorted(EXAMPLES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_part_of_a_predicate_may_be_spoilt(name: str) -> None:
    kind = kind_named(name)
    for predicate in examples(name):
        for place, value in _places(predicate):
            for spoilt in _spoilt(value):
                _check(kind, _with(predicate, place, spoilt))


@pytest.mark.parametrize("name", NAMES)
def test_every_list_may_be_too_long(name: str) -> None:
    """10,001 of whatever the list holds, and of nothing: refused or answered, and soon."""
    kind = kind_named(name)
    for predicate in examples(name):
        for place, value in _places(predicate):
            if isinstance(value, list):
                items: tuple[Any, ...] = (value[0] if value else "x", None, [])
                for one in items:
                    _check(kind, _with(predicate, place, [one] * 10_001))


@pytest.mark.parametrize("name", NAMES)
def test_numbers_may_all_be_at_their_bounds(name: str) -> None:
    """Each bound by itself is allowed somewhere; all numbers at once are where sums and products overflow."""
    kind = kind_named(name)
    for predicate in examples(name):
        for number in (1e30, -1e30, 5e-324, 0.0, 0, 1, 2**53 - 1, 1e-300):
            spoilt = predicate
            for place, value in _places(predicate):
                if isinstance(value, int | float) and not isinstance(value, bool):
                    spoilt = _with(spoilt, place, number)
            _check(kind, spoilt)
