"""The in-toto statement as the house sees it: subjects and one predicate, beside the signed bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing a statement is about: its name ("" if none) and its digests (algorithm -> lower-case hex)."""

    name: str
    digest: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Statement:
    """in-toto Statement v1 or v0.1 (`version` is "v1" or "v0.1"); `predicate` is read-only JSON."""

    version: str
    predicate_type: str
    subjects: tuple[Subject, ...]
    predicate: Mapping[str, Any]
