"""SPDX, field level: whether a text is a licence expression at all. What expressions mean is compared elsewhere.

Source: SPDX 2.3, Annex D (ABNF). One pass without recursion; operators are taken in lower case too, as tools write
them. The licence list is not consulted: it grows, and a licence newer than ours is not malformed.
"""

import re
from functools import lru_cache

NO_LICENCE = ("NONE", "NOASSERTION")

_TOKEN = re.compile(r"[ \t\r\n]*+(?:([()])|([A-Za-z0-9.+:-]++))")
_LICENCE = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+|(?!LicenseRef-)[A-Za-z0-9.-]+\+?")
_EXCEPTION = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?AdditionRef-[A-Za-z0-9.-]+|(?!AdditionRef-)[A-Za-z0-9.-]+")
_JOINS = frozenset({"AND", "OR"})


@lru_cache(maxsize=4096)
def is_licence_expression(text: str) -> bool:
    """Whether `text` is a licence, or licences joined by AND, OR, WITH and parentheses."""
    depth = position = 0
    expected = "licence"
    end = len(text.rstrip())
    while position < end:
        token = _TOKEN.match(text, position)
        if token is None:
            return False
        position = token.end()
        if token[1]:
            depth += 1 if token[1] == "(" else -1
            fits = expected == ("licence" if token[1] == "(" else "join") or (token[1], expected) == (")", "with")
            expected = expected if token[1] == "(" else "join"
        else:
            fits, expected = _next(token[2], expected)
        if not fits or depth < 0:
            return False
    return depth == 0 and expected in {"join", "with"}


def _next(word: str, expected: str) -> tuple[bool, str]:
    """Whether a word may stand here, and what may come next: after a licence, a join or WITH ("with" means both)."""
    joins = word.upper() in _JOINS
    match expected:
        case "licence":
            return not joins and word.upper() != "WITH" and _LICENCE.fullmatch(word) is not None, "with"
        case "exception":
            return not joins and _EXCEPTION.fullmatch(word) is not None, "join"
        case "with" if word.upper() == "WITH":
            return True, "exception"
        case _:
            return joins, "licence"
