"""The in-toto statement as the house sees it: subjects and one predicate, beside the signed bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SHA1_LENGTH = 40  # hex digits


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing a statement is about: its name ("" if none) and its digests (algorithm -> lower-case hex)."""

    name: str
    digest: Mapping[str, str]

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests as "algorithm:hex", sorted; a 40-digit `gitCommit` is the commit's SHA-1 and becomes `sha1`."""
        named = {
            ("sha1" if algorithm == "gitCommit" and len(value) == _SHA1_LENGTH else algorithm) + ":" + value
            for algorithm, value in self.digest.items()
        }
        return tuple(sorted(named))


@dataclass(frozen=True, slots=True)
class Statement:
    """in-toto Statement v1 or v0.1 (`version` is "v1" or "v0.1"); `predicate` is read-only JSON."""

    version: str
    predicate_type: str
    subjects: tuple[Subject, ...]
    predicate: Mapping[str, Any]
