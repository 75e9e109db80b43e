"""Policy fuzzing, the tricks: other spellings of a text, neighbours of a number, values of the wrong type.

Each is one that has got past some check somewhere: a path that leaves its folder, letters that look alike or take no
room, escapes read twice, a number one beyond a limit or too fine to be told from it.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

# Put somewhere into a text.
_INSERTED = (
    "/../", "../", "/./", "//", "\\", "..\\", "%2e%2e/", "%2f", "%2F", "%40", "%2D", "%00",
    "\u0000", "\n", "\t", " ", "\u00a0", "\u200b", "\u202e", "\ufeff", "\u0301",
    "\u2024\u2024/", "\uff0f", "\uff0e", "\u2215", "*", "?", "#", "@", "+", ".", "-", "~", ",", ":",
)  # fmt: skip
# Another letter in the place of a letter: of another alphabet, or that folding turns into it.
_ALIKE: Mapping[str, str] = {
    "a": "\u0430", "e": "\u0435", "o": "\u043e", "c": "\u0441", "p": "\u0440", "i": "\u0131", "k": "\u212a",
    "s": "\u017f", "/": "\uff0f", ".": "\u2024", "-": "_", "_": "-",
}  # fmt: skip
_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, -1e-9, 2**53 - 1, "", " ", "0", "true", "null", [], [[]], [None], {},
    {"": ""}, [""], {"a": {"b": []}}, "\u0000", "\U0001f600", "é", "e\u0301",
)  # fmt: skip


def odd_value(chance: Random) -> Any:  # noqa: ANN401  any JSON value
    """A value of a type that was hardly meant, or empty, or at the edge of what there is."""
    return copy.deepcopy(chance.choice(_ODD))  # it may be changed further


def altered_text(text: str, words: Sequence[str], chance: Random) -> str:
    """A text near this one."""
    return chance.choice(_WAYS)(text, words, chance)


def _inserted(text: str, _words: Sequence[str], chance: Random) -> str:
    place = chance.choice((0, len(text), chance.randint(0, len(text)), text.find("/") + 1))
    return text[:place] + chance.choice(_INSERTED) + text[place:]


def _joined(text: str, words: Sequence[str], chance: Random) -> str:
    """With a word of the policy before or after it, as a part of the same path or name."""
    word = chance.choice(words) if words else "x"
    between = chance.choice(("", "/", "/../", "-", ".", "@", " OR ", " AND ", " "))
    return between.join(chance.choice(((word, text), (text, word))))


def _recased(text: str, _words: Sequence[str], chance: Random) -> str:
    place = chance.randrange(len(text) + 1)
    one = text[:place] + text[place:].title()
    return chance.choice((text.upper(), text.lower(), text.swapcase(), one, one))


def _lookalike(text: str, _words: Sequence[str], chance: Random) -> str:
    places = [place for place, letter in enumerate(text) if letter in _ALIKE]
    if not places:
        return text
    place = chance.choice(places)
    return text[:place] + _ALIKE[text[place]] + text[place + 1 :]


def _other_mark(text: str, _words: Sequence[str], chance: Random) -> str:
    """Another character where a mark is: what a pattern may take for it."""
    places = [place for place, letter in enumerate(text) if not letter.isalnum()]
    if not places:
        return text
    place = chance.choice(places)
    return text[:place] + chance.choice("x0-/") + text[place + 1 :]


def _escaped(text: str, _words: Sequence[str], chance: Random) -> str:
    if not text:
        return "%00"
    place = chance.randrange(len(text))
    return text[:place] + "".join(f"%{byte:02X}" for byte in text[place].encode()) + text[place + 1 :]


def _cut(text: str, _words: Sequence[str], chance: Random) -> str:
    """Without a part of it, or with a part twice."""
    if not text:
        return "x"
    place = chance.randrange(len(text))
    return chance.choice((text[:place] + text[place + 1 :], text + text[place:]))


def _replaced(_text: str, words: Sequence[str], chance: Random) -> str:
    return chance.choice(words) if words else ""


_WAYS: tuple[Callable[[str, Sequence[str], Random], str], ...] = (
    _inserted, _inserted, _joined, _recased, _lookalike, _other_mark, _escaped, _cut, _replaced,
)  # fmt: skip


def altered_number(number: float, numbers: Sequence[int | float], chance: Random) -> int | float:
    """A number near this one, or one the policy names."""
    near = (number - 1, number + 1, number * 2, -number, number + 0.5, number - 0.000001, number + 0.000001, number / 2)
    chosen = chance.choice((*near, *(chance.choice(numbers) for _ in near[:4] if numbers)))
    return chosen if abs(chosen) < 2**53 else 0
