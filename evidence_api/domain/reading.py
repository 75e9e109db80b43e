"""What a reader is shown of the log, releases and verdicts: read models, filled by the store as far as was asked.

They are flat and cheap to make, unlike the objects decisions are made from (Evidence, Assessment).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from evidence_api.domain.digest import canonical, sha256_hex
from evidence_api.domain.evidence import Fact
from evidence_api.domain.page import Window
from evidence_api.domain.verification import Verification

VERIFIED_ONLY = ("verified",)
# The fields of EvidenceView that cost something, and are read only if wanted.
ON_REQUEST = frozenset({"facts", "verification", "erased", "subjects"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class EvidenceFilter:
    """Which evidence a list shows. Empty means any; `release` is the evidence id of a release statement.

    Of decisions alone: `reperformance` what came of them (words of the fact, or PENDING), `differing` a path that
    differs, `rollout` what is rolled out.
    """

    kinds: tuple[str, ...] = ()
    subject: str | None = None
    predicate_type: str | None = None
    release: str | None = None
    statuses: tuple[str, ...] = VERIFIED_ONLY
    reperformance: tuple[str, ...] = ()
    differing: str | None = None
    rollout: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """How a list of evidence is read: which window of it, at which tree size, with which fields of ON_REQUEST."""

    window: Window
    size: int
    wants: frozenset[str]


@dataclass(frozen=True, slots=True)
class SubjectView:
    """One subject: its name and its digests as "algorithm:hex"."""

    name: str
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """One record of the log. The last four are None unless they were wanted; of subjects the first hundred."""

    id: str
    leaf_index: int
    received: datetime
    kind: str
    predicate_type: str
    media_type: str
    status: str
    effective: datetime | None
    collected: datetime | None
    series: str
    sources: tuple[str, ...]
    decision_id: str
    body_digest: str
    body_size: int
    facts: Mapping[str, Fact] | None = None
    verification: Verification | None = None
    erased: bool | None = None
    subjects: tuple[SubjectView, ...] | None = None


@dataclass(frozen=True, slots=True)
class ReadingProgress:
    """How far the artifact is read that a decision waits for: rows so far, share of the file from 0 to 1."""

    artifact: str
    begun: bool
    rows: int
    share: float


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """One release; `digests` are the first hundred of its subjects' digests, in order."""

    id: str
    leaf_index: int
    name: str
    version: str
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComponentFilter:
    """Which components a list shows: of this package (and version), of this name, or both. At least one is given."""

    package: str | None = None
    version: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class AssessmentView:
    """One assessment without its findings and criteria."""

    id: UUID
    release: str
    tree_size: int
    evaluated_at: datetime
    catalog_digest: str
    policy_digest: str
    counts: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def position(self) -> str:
        """Its place in a list: tree size, microseconds, id."""
        return f"{self.tree_size}~{(self.evaluated_at - _EPOCH) // _MICROSECOND}~{self.id}"


def assessment_position(text: str) -> tuple[int, datetime, UUID]:
    """The sort key in AssessmentView.position. Raises ValueError, OverflowError."""
    tree_size, microseconds, identity = text.split("~")
    return int(tree_size), _EPOCH + int(microseconds) * _MICROSECOND, UUID(identity)


@dataclass(frozen=True, slots=True)
class FindingView:
    """One control's verdict in one assessment; `queries` and `facts` as formats/records.py writes them."""

    assessment: UUID
    control: str
    outcome: str
    raw: str
    because: str
    fix: str
    waiver: str
    code: str
    facts: Mapping[str, Any]
    queries: Sequence[Mapping[str, Any]]
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogHead:
    """The newest tree. `checkpoint` is its signed note, "" while the log has none."""

    origin: str
    tree_size: int
    root: bytes
    checkpoint: str
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A leaf and what proves it in the tree of `tree_size` leaves. Hashes are 32 raw bytes."""

    evidence_id: str
    leaf_index: int
    leaf: bytes
    leaf_hash: bytes
    tree_size: int
    root: bytes
    proof: tuple[bytes, ...]


def ledger_position(arm: str, context: str) -> str:
    """A trust ledger's place in a list: 64 hex digits, for arm and context (canonical JSON) may be long."""
    return sha256_hex(canonical([arm, context]))
