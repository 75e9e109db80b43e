"""Deriving, second step: licences as SPDX expressions, compared by what they say and sorted into classes by exact id.

`license-expression` parses; the classes are those its licence index (ScanCode LicenseDB) gives each SPDX id, so that
LGPL is no GPL. A text that is no expression of known ids stays text, of class unknown; a document's own `LicenseRef-`
names its own text and is never taken for another licence. Source: SPDX specification 2.3, annex D.
"""

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from license_expression import ExpressionError, LicenseWithExceptionSymbol, Licensing, build_spdx_licensing

MAX_EXPRESSION = 2_000  # characters; longer ones are compared as text
_MAX_DEPTH = 24  # nested brackets

# From harmless to demanding: of a choice (OR) the first counts, of a combination (AND) the last.
LICENCE_CLASSES: tuple[str, ...] = (
    "public-domain",
    "permissive",
    "weak-copyleft",
    "copyleft",
    "network-copyleft",
    "restricted",
    "unknown",
)
_CATEGORIES: Mapping[str, str] = {
    "Public Domain": "public-domain",
    "Permissive": "permissive",
    "Copyleft Limited": "weak-copyleft",
    "Copyleft": "copyleft",
    "Commercial": "restricted",
    "Free Restricted": "restricted",
    "Proprietary Free": "restricted",
    "Source-available": "restricted",
}
# Copyleft that using a program over a network sets off: the index has no category of its own for it.
_NETWORK = frozenset(
    {
        *("AGPL-1.0", "AGPL-1.0-only", "AGPL-1.0-or-later", "AGPL-3.0", "AGPL-3.0-only", "AGPL-3.0-or-later"),
        *("CPAL-1.0", "EUPL-1.0", "EUPL-1.1", "EUPL-1.2", "OSL-1.0", "OSL-2.0", "OSL-2.1", "OSL-3.0", "RPL-1.1"),
        *("RPL-1.5", "SSPL-1.0"),
    }
)
_NONE = frozenset({"", "NOASSERTION", "NONE"})  # SPDX: nothing said, or nothing granted


@lru_cache(maxsize=16_384)
def normal_licence(text: str) -> str:
    """The expression in its one form: `Apache-2.0 OR MIT` for `MIT OR Apache-2.0`, current ids for deprecated ones.

    "" for what says nothing; a text that is no expression comes back with its spaces evened.
    """
    plain = " ".join(text.split())
    if plain.upper() in _NONE:
        return ""
    expression = _parse(plain)
    return plain if expression is None else str(expression.simplify().render("{symbol.key}"))


@lru_cache(maxsize=16_384)
def licence_class(text: str) -> str:
    """The class of an expression; "unknown" where a part of it that matters is unknown or the text is none."""
    expression = _parse(" ".join(text.split()))
    return "unknown" if expression is None else LICENCE_CLASSES[_rank(expression)]


def _parse(text: str) -> Any | None:  # noqa: ANN401  an untyped library's tree
    """None for text that is no expression, or whose names are no SPDX ids nor a document's own."""
    if not text or len(text) > MAX_EXPRESSION or text.count("(") > _MAX_DEPTH:
        return None
    try:
        expression = _licensing().parse(text)
    except (ExpressionError, ValueError):
        return None
    unknown = _licensing().unknown_license_keys(expression)
    return None if any(not _OWN_REFERENCE.match(key) for key in unknown) else expression


_OWN_REFERENCE = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+\Z")


def _rank(expression: Any) -> int:  # noqa: ANN401  an untyped library's tree
    if isinstance(expression, LicenseWithExceptionSymbol):
        # An exception takes away from what the licence demands, where its own class says less.
        return min(_rank(expression.license_symbol), _rank(expression.exception_symbol))
    if not expression.args:
        return LICENCE_CLASSES.index(_class_of_id().get(expression.key, "unknown"))
    ranks = [_rank(one) for one in expression.args]
    return min(ranks) if expression.operator.strip() == "OR" else max(ranks)


@cache
def _index() -> list[dict[str, Any]]:
    """The licence index, without the `LicenseRef-` names it would take documents' own for."""
    path = files("license_expression") / "data" / "scancode-licensedb-index.json"
    index: list[dict[str, Any]] = json.loads(path.read_bytes())
    return [
        entry
        | {
            "other_spdx_license_keys": [
                key for key in entry["other_spdx_license_keys"] if not key.startswith("LicenseRef-")
            ]
        }
        for entry in index
        if not (entry["spdx_license_key"] or "LicenseRef-").startswith("LicenseRef-")
    ]


@cache
def _licensing() -> Licensing:
    return build_spdx_licensing(_index())


@cache
def _class_of_id() -> Mapping[str, str]:
    classes = {entry["spdx_license_key"]: _CATEGORIES.get(entry["category"], "unknown") for entry in _index()}
    return classes | {one: "network-copyleft" for one in _NETWORK if one in classes}
