"""Policy fuzzing, first step: the words and numbers an area's policy knows, from its rules and the operator's data.

Inputs made of them reach what a rule compares with: the names on its lists, its limits and what lies beside them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`([^`]*)`')
_NUMBER = re.compile(r"(?<![\w.\"])\d+(?:\.\d+)?(?![\w.\"])", re.ASCII)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_LONGEST = 120
_LARGEST = 2**53
_SENTENCE = 3  # blanks


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words and numbers, each once, sorted; `numbers` holds the neighbours of each too."""

    words: tuple[str, ...]
    numbers: tuple[int | float, ...]


def vocabulary(sources: Iterable[str], documents: Iterable[object]) -> Vocabulary:
    """What Rego sources (text) and data documents (JSON values) name. Sentences and formats are no words."""
    words: set[str] = set()
    numbers: set[int | float] = {0, 1}
    for source in sources:
        bare = _COMMENT.sub("", source)
        for plain, raw in _STRING.findall(bare):
            words.add(plain or raw)
        numbers.update(float(text) if "." in text else int(text) for text in _NUMBER.findall(_STRING.sub("", bare)))
    for document in documents:
        for scalar in _scalars(document):
            if isinstance(scalar, str):
                words.add(scalar)
            else:
                numbers.add(scalar)
    kept = sorted(word for word in words if word and len(word) <= _LONGEST and word.count(" ") < _SENTENCE)
    return Vocabulary(tuple(kept), tuple(sorted(_neighbours(numbers))))


def _scalars(value: object) -> Iterator[str | int | float]:
    """Every text and number in a JSON value, the keys of objects included."""
    stack: list[Any] = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, Mapping):
            stack.extend(one.keys())
            stack.extend(one.values())
        elif isinstance(one, list | tuple):
            stack.extend(one)
        elif isinstance(one, str) or (isinstance(one, int | float) and not isinstance(one, bool)):
            yield one


def _neighbours(numbers: Iterable[int | float]) -> set[int | float]:
    """Each number, what lies just beside it, and its opposite; nothing that JSON readers disagree about."""
    found: set[int | float] = set()
    for number in numbers:
        found |= {number, number - 1, number + 1, number + 0.5, number + 0.000001, -number}
    return {number for number in found if abs(number) < _LARGEST}
