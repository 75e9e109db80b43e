"""CycloneDX JSON, when it is not valid: where and why, at a cost that does not grow beyond the document's.

A validator that explains keeps a reason for every alternative it tried at every item: gigabytes for some documents of
a few megabytes. So it explains small documents only; a large one is first narrowed down, with plain yes and no, to the
member and then the item that fails on its own.
"""

from collections.abc import Mapping, Sequence
from reprlib import Repr
from typing import Any

import jsonschema_rs

from evidence_api.domain.errors import Malformed

_CORE = ("bomFormat", "specVersion", "version", "$schema")  # without these nothing is valid
_EXPLAINED = 2_000  # values in what is explained
_SHOWN = 120
_BRIEF = Repr()
_BRIEF.maxstring = _BRIEF.maxother = _SHOWN


def invalid(validator: jsonschema_rs.Validator, document: Mapping[str, Any], version: str) -> Malformed:
    """The refusal of a document the validator said no to: `path` is dotted, `value` shortened."""
    if _is_small(document):
        return _explained(validator, dict(document), version) or _refusal("$", "not valid", version, document)
    core = {name: document[name] for name in _CORE if name in document}
    if not validator.is_valid(core):
        return _explained(validator, core, version) or _refusal("$", "not valid", version, core)
    for member in document:
        if not validator.is_valid({**core, member: document[member]}):
            return _in_member(validator, core, member, document[member], version)
    return _refusal("$", "its members do not go together", version, sorted(document))


def shorten(value: Any) -> str:  # noqa: ANN401  any JSON value
    """A value as people are shown it: at most some 120 characters, however large it is."""
    text = _BRIEF.repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _in_member(
    validator: jsonschema_rs.Validator,
    core: Mapping[str, Any],
    member: str,
    value: Any,  # noqa: ANN401  any JSON value
    version: str,
) -> Malformed:
    """The member fails beside the core alone; a list is halved as long as one half fails alone."""
    items: Sequence[Any] = value if isinstance(value, list) else ()
    first, end = 0, len(items)
    while end - first > 1:
        middle = (first + end) // 2
        if not validator.is_valid({**core, member: items[first:middle]}):
            end = middle
        elif not validator.is_valid({**core, member: items[middle:end]}):
            first = middle
        else:
            return _refusal(member, "items are repeated, or do not go together", version, items[first:end])
    piece = items[first:end] if items else value
    at = f"{member}.{first}" if items else member
    if not _is_small(piece):
        return _refusal(at, "not valid, and too large to say why", version, piece)
    return _explained(validator, {**core, member: piece}, version, skipped=first) or _refusal(
        at, "not valid", version, piece
    )


def _explained(
    validator: jsonschema_rs.Validator, document: Mapping[str, Any], version: str, *, skipped: int = 0
) -> Malformed | None:
    """The first fault of a small document; `skipped` items stood before the one its only list has."""
    try:
        validator.validate(document)
    except jsonschema_rs.ValidationError as fault:
        steps = list(fault.instance_path)
        if skipped and len(steps) > 1:
            steps[1] = skipped
        return _refusal(".".join(map(str, steps)) or "$", fault.message[: 2 * _SHOWN], version, fault.instance)
    return None


def _refusal(path: str, reason: str, version: str, value: Any) -> Malformed:  # noqa: ANN401  any JSON value
    shown = shorten(value)
    return Malformed(f"{path}: not CycloneDX {version}: {reason}: {shown}", path=path, value=shown)


def _is_small(value: Any) -> bool:  # noqa: ANN401  any JSON value
    """Whether it holds few enough values to be explained; looks at no more than that many."""
    waiting, seen = [value], 0
    while waiting and seen <= _EXPLAINED:
        one = waiting.pop()
        inner = one.values() if isinstance(one, Mapping) else one if isinstance(one, list) else ()
        seen += 1 + len(inner)
        if seen <= _EXPLAINED:
            waiting.extend(inner)
    return seen <= _EXPLAINED
