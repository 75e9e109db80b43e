"""Sentences made from numbers, compared between two machines: a verified pack says what its maker's machine computed.

The last bits of a float may come out otherwise elsewhere, and so the last digit shown of it. Words are never otherwise.
"""

import re
from itertools import zip_longest

_NUMBER = re.compile(
    r"(?<![\w.@/])(?<!\w-)(?<!\d:)"  # not inside a name, a version, a date or a time
    r"((?:[0-9]{1,3}(?:,[0-9]{3}){1,8}|[0-9]{1,25})(?:\.[0-9]{1,25})?(?:e[+-]?[0-9]{1,3})?)"
    r"(?!\w|@|-\w|[.:,][0-9])"
)
_COUNTS = 100  # whole numbers below are counts, which nobody rounded, unless they are percentages
_SLACK = 1e-3  # of a unit: for the subtraction alone


def same_sentence(said: object, again: str) -> bool:
    """Whether the words are equal, and each number within one unit of its last shown digit (of the longer one's, since
    zeros at the end are not shown). Counts below a hundred must be equal.

    >>> same_sentence("ratio 2.346 after 40 trials", "ratio 2.345 after 40 trials")
    True
    >>> same_sentence("ratio 2.347 after 40 trials", "ratio 2.345 after 40 trials")
    False
    >>> same_sentence("ratio 2.345 after 41 trials", "ratio 2.345 after 40 trials")
    False
    >>> same_sentence("arm-2 at 0.3", "arm-3 at 0.3")
    False
    """
    if said == again:
        return True
    if not isinstance(said, str):
        return False
    found, expected = _NUMBER.split(said), _NUMBER.split(again)
    if found[::2] != expected[::2]:
        return False
    after = (words.lstrip()[:1] == "%" for words in expected[2::2])
    numbers = zip_longest(found[1::2], expected[1::2], after, fillvalue="")
    return all(one == other or _close(one, other, percent=bool(percent)) for one, other, percent in numbers)


def _close(said: str, again: str, *, percent: bool) -> bool:
    one, other = (float(text.replace(",", "")) for text in (said, again))
    if said.isdecimal() and again.isdecimal() and min(one, other) < _COUNTS and not percent:
        return False
    return abs(one - other) <= min(_unit(said), _unit(again)) * (1 + _SLACK)


def _unit(text: str) -> float:
    """One at the last digit shown: 0.001 for 2.345, 10 for 1.235e+04."""
    digits, _, exponent = text.partition("e")
    return float(f"1e{int(exponent or 0) - len(digits.partition('.')[2])}")
