"""Personal data and secrets: what the guard looks for, and what it says of a document without repeating any of it.

Found by formats/pii_text.py, put to the policy area `export` by use_cases/pii_guard.py. A finding names a place and a
detector; the value itself goes nowhere, neither into a log nor into an answer.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Detector(StrEnum):
    """The five kinds of things that are looked for; policy data speaks of them by these words."""

    EMAIL = "email"
    PHONE = "phone"
    PAYMENT_CARD = "payment_card"
    NATIONAL_ID = "national_id"
    SECRET = "secret"  # noqa: S105  the word for one


# What stands in the place of what was redacted. An address stays one, so that formats which ask for one still read.
PLACEHOLDERS = {detector: f"[redacted:{detector}]" for detector in Detector} | {
    Detector.EMAIL: "redacted@redacted.invalid"
}


@dataclass(frozen=True, slots=True)
class Span:
    """Something found in a text: from `start` to before `end`, in characters. `what` is the detector's own word for
    it ("us-ssn", "AWS Access Key")."""

    start: int
    end: int
    detector: Detector
    what: str


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """Something found in a document, at a dotted path (list items as [0]; a member's name as {name})."""

    path: str
    detector: Detector
    what: str

    def __str__(self) -> str:
        """`predicate.author: email (address)`."""
        return f"{self.path}: {self.detector} ({self.what})"


def counted(found: Iterable[Found]) -> dict[str, int]:
    """How much of each detector was found, as the policy is asked."""
    counts = Counter(one.detector for one in found)
    return {detector.value: counts[detector] for detector in Detector if counts[detector]}
