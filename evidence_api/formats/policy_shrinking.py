"""Policy fuzzing, last step: what could be left out of an input that was found, smallest remainder first.

`smaller` gives inputs that are simpler in one place; who shrinks keeps the first that still shows the fault, and asks
again, until none does. Every step makes the input shorter or plainer, so it ends.
"""

from collections.abc import Iterator
from typing import Any

_PLAIN_NUMBERS = (0, 1)
_LARGEST = 2**53  # beyond it whole numbers are no longer told apart


def smaller(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The object with a part left out, then with a part made smaller; never the same again."""
    for made in _smaller(value):
        if isinstance(made, dict):
            yield made


def _smaller(value: Any) -> Iterator[Any]:  # noqa: ANN401  any JSON value
    if isinstance(value, dict):
        yield from _smaller_object(value)
    elif isinstance(value, list):
        yield from _smaller_list(value)
    elif isinstance(value, str):
        yield from _smaller_text(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _smaller_number(value)


def _smaller_object(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in value:
        yield {other: part for other, part in value.items() if other != name}
    for name, part in value.items():
        for made in _smaller(part):
            yield {**value, name: made}


def _smaller_list(value: list[Any]) -> Iterator[list[Any]]:
    if len(value) > 1:
        yield value[: len(value) // 2]
    for place in range(len(value)):
        yield value[:place] + value[place + 1 :]
    for place, part in enumerate(value):
        for made in _smaller(part):
            yield [*value[:place], made, *value[place + 1 :]]


def _smaller_text(value: str) -> Iterator[str]:
    if not value:
        return
    half = len(value) // 2
    if half > 1:
        yield value[:half]
        yield value[half:]
    for place in range(len(value)):
        yield value[:place] + value[place + 1 :]


def _smaller_number(value: float) -> Iterator[int | float]:
    """Towards nought, and whole."""
    for plain in _PLAIN_NUMBERS:
        if abs(plain) < abs(value):
            yield plain
    if abs(value) >= _LARGEST:
        return
    if value < 0:
        yield -value
    if value != int(value):
        yield int(value)
    elif abs(value) > 1:
        yield int(value / 2)
        yield int(value - 1 if value > 0 else value + 1)
