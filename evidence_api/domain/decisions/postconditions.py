"""Postconditions: whether a measurement is what a contract asks, and how a condition reads.

A condition is {operator: operand}, all of them to hold: lt le gt ge compare numbers, eq any value, in a list of values.
A condition that is no object is a value to be equal to, as JSON has it: 1 is 1.0 and is not true. What cannot be
compared (a word with lt, a list with gt) does not hold.
"""

import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

from evidence_api.domain.decisions.reperforming import out_of_domain
from evidence_api.domain.decisions.shape import MAX_REAL

_SHOWN = 80  # characters of a value in a sentence
_DEEPEST = 32  # lists and objects within each other


def _numbers(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda measured, operand: _is_number(measured) and _is_number(operand) and compare(measured, operand)


def equal(one: Any, other: Any) -> bool:  # noqa: ANN401  JSON
    """Whether two JSON values are the same; true and false are no numbers.

    >>> equal(1, 1.0), equal(1, True), equal(["a", None], ["a", None])
    (True, False, True)
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": _numbers(operator.lt),
    "le": _numbers(operator.le),
    "gt": _numbers(operator.gt),
    "ge": _numbers(operator.ge),
    "eq": equal,
    "in": lambda measured, listed: any(equal(measured, one) for one in listed),
}


def holds(condition: Any, measured: Any) -> bool:  # noqa: ANN401  JSON
    """Whether a measurement meets a checked condition.

    >>> holds({"ge": 0.9, "lt": 1}, 0.95), holds("pass", "fail"), holds({"lt": 3}, "2"), holds({"in": [1, 2]}, 2)
    (True, False, False, True)
    """
    if not isinstance(condition, Mapping):
        return equal(measured, condition)
    return all(_OPERATORS[name](measured, operand) for name, operand in condition.items())


def check_condition(condition: Any, path: str) -> None:  # noqa: ANN401  JSON
    """Refuse what asks nothing that can be answered. Raises Malformed `out_of_domain`."""
    check_value(condition, path)
    if not isinstance(condition, Mapping):
        return
    if not condition:
        raise out_of_domain(path, "the condition names no operator")
    for name, operand in condition.items():
        if name not in _OPERATORS:
            raise out_of_domain(f"{path}.{name}", f"no operator is called so; there are {', '.join(_OPERATORS)}")
        if name == "in" and not isinstance(operand, list | tuple):
            raise out_of_domain(f"{path}.in", "a list of values is needed")


def check_value(value: Any, path: str, depth: int = 0) -> None:  # noqa: ANN401  JSON
    """Refuse numbers no comparison means anything of, and what nobody can read. Raises Malformed `out_of_domain`."""
    if depth > _DEEPEST:
        raise out_of_domain(path, "lists and objects are too deep within each other", limit=_DEEPEST)
    if _is_number(value) and not abs(value) <= MAX_REAL:  # neither NaN is
        raise out_of_domain(path, "a finite number is needed, at most 1e30 from zero")
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for name, one in inner:
        check_value(one, f"{path}.{name}", depth + 1)


def condition_text(condition: Any) -> str:  # noqa: ANN401  JSON
    """A condition as people say it.

    >>> condition_text({"ge": 0.9, "lt": 1}), condition_text("pass")
    ('ge 0.9 and lt 1', '"pass"')
    """
    if not isinstance(condition, Mapping):
        return value_text(condition)
    return " and ".join(f"{name} {value_text(operand)}" for name, operand in condition.items())


def value_text(value: Any) -> str:  # noqa: ANN401  JSON
    """A value as JSON, cut where it is long."""
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
