"""Decisions over things in listed order: ids that stand once, the best of several, where ties go to the first, and how
many there are, in words."""

from collections.abc import Iterable, Sequence
from math import isclose

from evidence_api.domain.decisions.reperforming import out_of_domain

_TIE = 1e-12  # relative: what the rounding of a sum may part, and no input does


def check_distinct(names: Iterable[str], path: str) -> None:
    """A result names what it is about, so each name stands for one thing; `path` has a {} for the index.

    >>> check_distinct(["a", "b"], "plans.{}.id")

    Raises Malformed `out_of_domain`.
    """
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise out_of_domain(path.format(index), f"{name!r} stands twice", value=name)
        seen.add(name)


def first_highest(values: Sequence[float]) -> int:
    """The index of the highest value; of values that only rounding parts, the first.

    >>> first_highest([0.3, 0.1 + 0.2, 0.2])
    0
    """
    highest = max(values)
    return next(index for index, one in enumerate(values) if isclose(one, highest, rel_tol=_TIE))


def highest_first(values: Sequence[float]) -> list[int]:
    """The indices by falling value; those that only rounding parts stay in listed order.

    >>> highest_first([0.2, 0.3, 0.1 + 0.2, 0.5])
    [3, 1, 2, 0]
    """
    ties: list[list[int]] = []
    for index in sorted(range(len(values)), key=lambda one: -values[one]):
        if not ties or not isclose(values[index], values[ties[-1][0]], rel_tol=_TIE):
            ties.append([])
        ties[-1].append(index)
    return [index for tied in ties for index in sorted(tied)]


def counted(count: int, one: str) -> str:
    """A number of things.

    >>> counted(1, "test"), counted(0, "test")
    ('1 test', '0 tests')
    """
    return f"{count} {one}" if count == 1 else f"{count} {one}s"
