"""What is said of a difference between a claim and its recomputation; apart from the kinds, so that saying it costs no
arithmetic to load."""

from collections.abc import Mapping

_SHOWN = 80  # characters of a value in a sentence


def told_difference(path: str, claimed: object, recomputed: object) -> str:
    """One difference as a clause.

    >>> told_difference("card.chosenArm", "large", "small")
    'card.chosenArm is claimed as large and comes to small'
    """
    return f"{path} is claimed as {_value(claimed)} and comes to {_value(recomputed)}"


def _value(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        text = "{" + ", ".join(f"{name}: {_value(one)}" for name, one in value.items()) + "}"
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(map(_value, value)) + "]"
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, float):
        text = f"{value:.10g}"
    else:
        text = str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
