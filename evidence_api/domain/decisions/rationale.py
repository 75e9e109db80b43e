"""Rationales: how our own are written, and the check that nobody's claims a number that is not there.

The check: every number of the text, signed, with `%` or `$` or plain, with or without
commas between thousands, lies within half a unit of its last shown digit of some number of the card, claimed or
recomputed, or of the inputs. Words holding letters are skipped, for arm ids are such words; a percent is the fraction
it stands for, and no other number: 20 % is not borne out by an input of 20. Counts are no numbers of the card: "two
arms" is written in letters.

Our own texts are made of numbers that pass it: each is rounded for reading, so half a unit is what it may be off.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import floor, isfinite, isinf, log10, ulp
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from evidence_api.domain.decisions.reperforming import Difference

MAX_LETTERS = 4096  # of a rationale
_SLACK = 1e-9  # of the half unit, and some steps of the number itself: in binary, 0.785 and 0.79 are not 0.005 apart
_FEWEST_PLACES, _MOST_PLACES = 2, 12
_NAMED = 5  # unfounded numbers told of

Array: TypeAlias = NDArray[np.float64]

_NUMBER = re.compile(
    r"""(?: (?<! [\d.,%)\]/] ) (?P<sign>[-+\u2212\u2013]) )?   # after a number it is a dash: 0.5-0.6
        (?: [$\u20ac\u00a3] (?P<inner>[-+\u2212\u2013])? )?
        (?P<digits> \d{1,3} (?:,\d{3})+ (?!\d) (?:\.\d+)? | \d+ (?:\.\d+)? | \.\d+ )
        (?P<percent> \s?% )?""",
    re.VERBOSE,
)
_PUNCTUATION = ".,;:!?()[]'\"\u2018\u2019\u201c\u201d"
_PERCENT = frozenset({"percent", "percents", "pct"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A number as a text shows it: what it says, and half a unit of its last digit."""

    text: str
    value: float
    half_unit: float
    percent: bool = False

    def interval(self) -> tuple[float, float] | None:
        """Where a number must lie to be the one shown; None for one too large to be any."""
        if isinf(self.value):
            return None
        scale = 0.01 if self.percent else 1.0
        value, half = self.value * scale, self.half_unit * scale
        slack = _SLACK * half + 4 * ulp(value)
        return value - half - slack, value + half + slack


def shown_numbers(text: str, *, names: Collection[str] = ()) -> list[Shown]:
    """The numbers a text claims, in its order; `names` are ids that may look like numbers and are none.

    >>> [(one.value, one.half_unit) for one in shown_numbers("impl@2 expects 0.94 at -$1,200, 2 % better")]
    [(0.94, 0.005), (-1200.0, 0.5), (2.0, 0.5)]
    """
    for name in sorted((one for one in names if len(one.split()) > 1), key=len, reverse=True):
        text = text.replace(name, " _ ")
    known = frozenset(names)
    return [_shown(match) for match in _NUMBER.finditer(" ".join(_read_as(word, known) for word in text.split()))]


def unfounded(text: str, *sources: Any, names: Collection[str] = ()) -> tuple[str, ...]:  # noqa: ANN401  JSON, models
    """The numbers of a text that no number of the sources bears out, as they are written.

    Sources are JSON values, models or arrays, however nested; arrays are looked at only for what nothing else has.

    >>> unfounded("0.94 at $0.18, 35 % cheaper", {"predictedEval": 0.9412, "predictedCostUSD": 0.18})
    ('35 %',)
    """
    shown = shown_numbers(text, names=names)
    arrays: list[Array] = []
    for source in sources:
        if shown:
            single = sorted(_numbers_in(source, arrays))
            shown = [one for one in shown if not _borne_out(one, single)]
    if shown and arrays:
        listed = np.sort(np.concatenate([array.ravel() for array in arrays])).tolist()
        shown = [one for one in shown if not _borne_out(one, listed)]
    return tuple(one.text for one in shown)


def check_rationale(path: str, text: str, *sources: Any, names: Collection[str] = ()) -> tuple[Difference, ...]:  # noqa: ANN401  JSON, models
    """The difference at `path` of a text that claims numbers the sources do not have; none for a text that does not."""
    missing = tuple(dict.fromkeys(unfounded(text, *sources, names=names)))
    if not missing:
        return ()
    listed = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
    return (Difference(path, text, f"no {listed} in the card or the inputs"),)


def number(value: float) -> str:
    """A number for reading: two places, or as many as its two first digits need.

    >>> number(0.93871), number(0.00123), number(0.05), number(1234.5)
    ('0.94', '0.0012', '0.05', '1,234.50')
    """
    whole, _, places = f"{value:,.{_places(value, digits=2)}f}".partition(".")
    return f"{whole}.{places[:_FEWEST_PLACES]}{places[_FEWEST_PLACES:].rstrip('0')}"


def give_or_take(value: float, width: float) -> str:
    """A number with its uncertainty, both to the place of the uncertainty's first digit, or to two.

    >>> give_or_take(0.9412, 0.0301), give_or_take(0.9412, 0.0016)
    ('0.94 ± 0.03', '0.941 ± 0.002')
    """
    places = _places(width, digits=1)
    return f"{value:,.{places}f} ± {width:,.{places}f}"


def dollars(value: float) -> str:
    """A price in US dollars for reading.

    >>> dollars(0.18), dollars(0.0025), dollars(-3)
    ('$0.18', '$0.0025', '-$3.00')
    """
    return f"{'-' if value < 0 else ''}${number(abs(value))}"


def percent(fraction: float) -> str:
    """A fraction as a percentage to one place.

    >>> percent(0.6885)
    '68.8 %'
    """
    return f"{100 * fraction:.1f} %"


def _places(value: float, *, digits: int) -> int:
    wanted = digits - 1 - floor(log10(abs(value))) if value else 0
    return min(max(wanted, _FEWEST_PLACES), _MOST_PLACES)


def _read_as(word: str, names: frozenset[str]) -> str:
    """A word as the search for numbers is to see it: `_` where it is none."""
    bare = word.strip(_PUNCTUATION)
    if bare.lower() in _PERCENT:
        return "%"
    return "_" if bare in names or _lettered(word) else word


def _lettered(word: str) -> bool:
    return any(map(str.isalpha, word))


def _shown(match: re.Match[str]) -> Shown:
    digits = match["digits"].replace(",", "")
    negative = (match["sign"] or match["inner"] or "+") != "+"
    _, _, decimals = digits.partition(".")
    value = float(digits)
    return Shown(
        match[0].strip(), -value if negative else value, 0.5 * 10.0 ** -len(decimals), percent=bool(match["percent"])
    )


def _borne_out(one: Shown, ordered: Sequence[float]) -> bool:
    interval = one.interval()
    if interval is None:
        return False
    at = bisect_left(ordered, interval[0])
    return at < len(ordered) and ordered[at] <= interval[1]


def _numbers_in(source: Any, arrays: list[Array]) -> list[float]:  # noqa: ANN401  JSON, models
    """The finite numbers of something nested; arrays come out beside them."""
    found: list[float] = []
    waiting = [source]
    while waiting:
        value = waiting.pop()
        kind = type(value)
        if kind is float or kind is int:
            found.append(value)
        elif kind is dict:
            waiting.extend(value.values())
        elif kind is list or kind is tuple:
            waiting.extend(value)
        elif kind is np.ndarray:
            arrays.append(value)
        elif kind is not str and isinstance(value, BaseModel):
            waiting.extend(value.__dict__.values())
            waiting.extend((value.model_extra or {}).values())
    return [value for value in found if isfinite(value)]
