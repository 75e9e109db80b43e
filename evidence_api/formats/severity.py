"""Vulnerability severities: the words of CycloneDX and scanners, and CVSS scores, on one scale.

Sources: CycloneDX `severity`; CVSS v3.1 section 5 and v4.0 section 6 (qualitative rating scale);
NVD's reading of CVSS v2 (no critical). A severity nobody stated stays None: it is never guessed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import IntEnum


class Severity(IntEnum):
    """Ordered from harmless to worst; info and none are stated severities, only not counted apart."""

    NONE = 0
    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


_WORDS: Mapping[str, Severity] = {
    "none": Severity.NONE,
    "info": Severity.INFO,
    "informational": Severity.INFO,
    "negligible": Severity.INFO,
    "low": Severity.LOW,
    "minor": Severity.LOW,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "critical": Severity.CRITICAL,
}
_BOUNDS = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
_WORST_SCORE = 10.0


def severity_of_word(word: str) -> Severity | None:
    """The severity a word names, in any case; None for `unknown` and words of other scales."""
    return _WORDS.get(word.strip().lower())


def severity_of_score(method: str, score: float) -> Severity | None:
    """The rating of a CVSS base score 0..10; None for other methods and scores off the scale."""
    name = method.strip().lower().replace("_", "").replace(" ", "")
    if not name.startswith("cvss") or not 0 <= score <= _WORST_SCORE:
        return None
    rated = next((severity for bound, severity in _BOUNDS if score >= bound), Severity.NONE)
    second_version = name.startswith(("cvssv2", "cvss2"))
    return min(rated, Severity.HIGH) if second_version else rated


def severity_counts(severities: Iterable[Severity | None]) -> dict[str, int]:
    """How many are critical, high, medium, low, and how many nobody rated."""
    seen = Counter(severities)
    return {
        "criticals": seen[Severity.CRITICAL],
        "highs": seen[Severity.HIGH],
        "mediums": seen[Severity.MEDIUM],
        "lows": seen[Severity.LOW],
        "unrated": seen[None],
    }
