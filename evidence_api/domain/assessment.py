"""Assessment: what a catalog says of one release at one tree size and one moment, kept apart nine ways."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """The nine outcomes. Only `pass` counts as satisfied."""

    PASS = "pass"  # noqa: S105  an outcome, not a password
    FAIL = "fail"
    MISSING = "missing"
    STALE = "stale"
    WAIVED = "waived"
    ERROR = "error"
    NOT_APPLICABLE = "not_applicable"
    NEEDS_REVIEW = "needs_review"
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True)
class QueryResult:
    """One query's rows by truth value, and its own outcome. `matched`, `failed`, `unknown`, `stale`
    hold evidence ids; `tested` of `population` rows were looked at."""

    name: str
    kind: str
    where: str
    outcome: Outcome
    population: int
    tested: int
    matched: tuple[str, ...]
    failed: tuple[str, ...]
    unknown: tuple[str, ...]
    stale: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One control's verdict. `outcome` is after waivers, `raw` before; `because` is the deterministic
    sentence; `fix` the hint shown when it did not pass; `evidence` the ids used."""

    control: str
    outcome: Outcome
    raw: Outcome
    because: str
    fix: str
    queries: tuple[QueryResult, ...]
    evidence: tuple[str, ...]
    waiver: str = ""


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """A framework criterion rolled up by its weakest control; no control mapped: not_run, `unmapped`."""

    framework: str
    ref: str
    outcome: Outcome
    controls: tuple[str, ...]
    unmapped: bool = False


@dataclass(frozen=True, slots=True)
class Assessment:
    """A pure function of (catalog digest, policy digest, evidence up to `tree_size`, `evaluated_at`)."""

    release: str
    tree_size: int
    evaluated_at: datetime
    catalog_digest: str
    policy_digest: str
    findings: tuple[Finding, ...]
    criteria: tuple[CriterionResult, ...]
    counts: Mapping[Outcome, int]
