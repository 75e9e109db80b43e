"""Looking for personal data in a document: every string of it, and the names of its members, at once.

All strings are laid one below the other, each under the name of its member, so that every pattern runs once however
many there are, and "bsn" above a number says what it is. Redacting puts placeholders in the place of what was found
and keeps everything else: the shape, the order, all other strings.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import orjson
import pybase64

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.pii import PLACEHOLDERS, Detector, Found, Span
from evidence_api.formats import strict_json
from evidence_api.formats.pii_text import SecretFinder, find

_MIN_NUMBER = 10**12  # a card's number may be written as a number
_WRAPPED = {"type", "mediaType", "content"}  # formats/predicates/wrapped.py


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One string of a document: where it is, and the text that is looked at. `under` is its member's name."""

    path: str
    text: str
    under: str = ""


def look_at(body: bytes, secrets: SecretFinder) -> tuple[Found, ...]:
    """What is found in a JSON document, or in any other text (then by line). Sorted, each place once."""
    leaves, spans = _found(_parsed(body), secrets)
    return tuple(sorted({Found(_place(leaf, one), one.detector, one.what) for leaf, one in _by_leaf(leaves, spans)}))


def redacted(
    body: bytes, secrets: SecretFinder, wanted: Callable[[Detector], bool] = lambda _: True
) -> tuple[bytes, tuple[Found, ...]]:
    """The document with a placeholder for all that was found of the detectors `wanted`, and what that was.

    JSON is written anew (same members in the same order); any other text keeps its bytes around the placeholders.
    """
    document = _parsed(body)
    leaves, everything = _found(document, secrets)
    spans = [(number, span) for number, span in everything if wanted(span.detector)]
    if not spans:
        return body, ()
    found = tuple(sorted({Found(_place(leaf, one), one.detector, one.what) for leaf, one in _by_leaf(leaves, spans)}))
    changed = {id(leaf): leaf.text for leaf in leaves}
    for leaf, own in _grouped(leaves, spans):
        changed[id(leaf)] = _replaced(leaf.text, own)
    texts = iter([changed[id(leaf)] for leaf in leaves])
    if isinstance(document, str):
        return next(texts).encode("utf-8", "surrogateescape"), found
    return orjson.dumps(_rebuilt(document, texts)), found


def _parsed(body: bytes) -> Any:  # noqa: ANN401  any JSON value
    """A JSON value; what is none, repeats a member or nests too deep is looked at as text, so that nothing hides."""
    try:
        return strict_json.load(body)
    except (Malformed, TooLarge):
        return body.decode("utf-8", "surrogateescape")


def _found(document: Any, secrets: SecretFinder) -> tuple[list[_Leaf], list[tuple[int, Span]]]:  # noqa: ANN401  any JSON value
    """The strings of a document, and what is in them as (number of the leaf, span within it)."""
    whole_text = isinstance(document, str)
    leaves = [_Leaf("", document)] if whole_text else list(_leaves(document, "", ""))
    parts = [f"{leaf.under}\n{leaf.text}\0" for leaf in leaves]  # a pattern may cross lines, and never a NUL
    ends = list(accumulate(map(len, parts)))
    spans = []
    for span in find("".join(parts), secrets):
        number = bisect_right(ends, span.start)
        leaf = leaves[number]
        begin = ends[number] - len(leaf.text) - 1
        start, end = max(span.start - begin, 0), min(span.end - begin, len(leaf.text))
        if end > start:  # what is in a member's name is found where the name itself is looked at
            spans.append((number, Span(start, end, span.detector, span.what)))
    return leaves, spans


def _leaves(value: Any, path: str, under: str) -> Iterator[_Leaf]:  # noqa: ANN401  any JSON value
    if isinstance(value, str):
        yield _Leaf(path, value, under)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _MIN_NUMBER:
        yield _Leaf(path, str(value), under)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{path}[{number}]", under)
    elif isinstance(value, dict):
        wrapped = _wrapped(value)
        for name, item in value.items():
            at = f"{path}.{name}" if path else name
            yield _Leaf(f"{path}.{{{name}}}" if path else f"{{{name}}}", name)
            if wrapped is not None and name == "content":
                yield _Leaf(at, wrapped, name)
            else:
                yield from _leaves(item, at, name)


def _rebuilt(value: Any, texts: Iterator[str]) -> Any:  # noqa: ANN401  the document in the order of `_leaves`
    if isinstance(value, str):
        return next(texts)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _MIN_NUMBER:
        text = next(texts)
        return value if text == str(value) else text
    if isinstance(value, list):
        return [_rebuilt(item, texts) for item in value]
    if isinstance(value, dict):
        made: dict[str, Any] = {}
        wrapped = _wrapped(value)
        for name, item in value.items():
            written = _free(next(texts), made)
            if wrapped is not None and name == "content":
                made[written] = pybase64.b64encode(next(texts).encode("utf-8", "surrogateescape")).decode()
            else:
                made[written] = _rebuilt(item, texts)
        return made
    return value


def _free(name: str, taken: dict[str, Any]) -> str:
    """A member's name; two that are redacted alike stay two."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}#{number}", number + 1
    return free


def _wrapped(value: dict[str, Any]) -> str | None:
    """The text of a wrapped document, or None where nothing is wrapped."""
    if value.keys() != _WRAPPED or not isinstance(value["content"], str):
        return None
    try:
        return pybase64.b64decode(value["content"], validate=True).decode("utf-8", "surrogateescape")
    except ValueError:
        return None  # not base64, so it is looked at as it stands


def _by_leaf(leaves: Sequence[_Leaf], spans: Sequence[tuple[int, Span]]) -> Iterator[tuple[_Leaf, Span]]:
    return ((leaves[number], span) for number, span in spans)


def _grouped(leaves: Sequence[_Leaf], spans: Sequence[tuple[int, Span]]) -> Iterator[tuple[_Leaf, list[Span]]]:
    groups: dict[int, list[Span]] = {}
    for number, span in spans:
        groups.setdefault(number, []).append(span)
    return ((leaves[number], own) for number, own in groups.items())


def _replaced(text: str, spans: Sequence[Span]) -> str:
    parts, last = [], 0
    for span in spans:
        parts += [text[last : span.start], PLACEHOLDERS[span.detector]]
        last = span.end
    return "".join([*parts, text[last:]])


def _place(leaf: _Leaf, span: Span) -> str:
    """The path, with the line where the text has several."""
    line = leaf.text.count("\n", 0, span.start) + 1
    several = "\n" in leaf.text or not leaf.path
    path = re.sub(r"[^\x20-\x7e]", "?", leaf.path)[:200]
    return f"{path} line {line}".strip() if several else path
