"""The shapes of a verdict: nine outcomes, a result per query, a finding per control, one assessment per release.

Filled by domain/assessment.py (which gives these names out again), told by domain/narrative.py,
stored and rendered as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from evidence_api.domain.evidence import Fact

# What turns evidence into verdicts, word for word: the generated Rego, the facts and the sentences. A change to any of
# them takes the next number, so that what was derived before is told apart from what was tampered with. Number 1 did
# not say when the end of a waiver comes near, its Rego asked for the age of rows in a way OPA reads otherwise, a row
# without a time was too old to fail a query too, and an operator's rule could find nothing to apply while evidence was
# withheld.
DERIVATION = 2


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


# The weakest link decides: the first of these that is present. not_applicable is neutral.
WORST_FIRST: tuple[Outcome, ...] = (
    Outcome.ERROR,
    Outcome.FAIL,
    Outcome.MISSING,
    Outcome.STALE,
    Outcome.NEEDS_REVIEW,
    Outcome.NOT_RUN,
    Outcome.WAIVED,
    Outcome.PASS,
)


@dataclass(frozen=True, slots=True)
class QueryResult:
    """One query's rows by truth value, and its own outcome; `tested` of `population` rows were looked at.

    `matched` (true), `failed` (false), `unknown` (the facts needed are absent) and `stale` (too old to
    count, whatever they say, or true and of unknown age) hold evidence ids and part the tested rows
    between them. `withheld` rows are in the log without a body; `unverified` rows are shown and never
    count. `absent` are the paths that unknown rows do not say; `lacking` the release subjects without
    enough rows (per: subject). `met` is the number of rows in `matched`: a derived row rests on several
    pieces of evidence.
    """

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
    withheld: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    because: str = ""
    met: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One control's verdict. `outcome` is after waivers, `raw` before; `because` is the deterministic
    sentence; `fix` the hint shown when it did not pass; `evidence` the ids used. `code` is the engine's
    when the outcome is error; `facts` what an operator's own Rego rule gave back."""

    control: str
    outcome: Outcome
    raw: Outcome
    because: str
    fix: str
    queries: tuple[QueryResult, ...]
    evidence: tuple[str, ...]
    waiver: str = ""
    code: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)


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
    """A pure function of (catalog digest, policy digest, evidence up to `tree_size`, `evaluated_at`).

    `notes` say what a reader must know beside the findings: waivers that are over or were not needed.
    """

    release: str
    tree_size: int
    evaluated_at: datetime
    catalog_digest: str
    policy_digest: str
    findings: tuple[Finding, ...]
    criteria: tuple[CriterionResult, ...]
    counts: Mapping[Outcome, int]
    notes: tuple[str, ...] = ()
