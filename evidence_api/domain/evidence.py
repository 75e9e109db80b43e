"""Evidence: one stored record, its place in the log, and the receipt that proves it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from evidence_api.domain.statement import Subject
from evidence_api.domain.verification import Verification

Fact: TypeAlias = bool | int | float | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Normalised:
    """A predicate read into typed facts.

    `facts` maps the kind's dotted paths to values; an absent path is unknown, never false.
    `effective` is the time the evidence is about (None: not said). `series` names what a later
    statement of the same thing supersedes (e.g. the scanner); "" means the kind and subjects alone.
    `sources` are digests ("algorithm:hex") the subjects were built from (provenance only).
    """

    kind: str
    facts: Mapping[str, Fact]
    effective: datetime | None = None
    series: str = ""
    sources: tuple[str, ...] = ()


class Candidate(Protocol):
    """What admission is asked about: as much of checked evidence as comes back from the process that checked it."""

    @property
    def verification(self) -> Verification:
        """What became of its signature checks."""
        ...

    @property
    def kind(self) -> str:
        """The kind it is read as."""
        ...

    @property
    def predicate_type(self) -> str:
        """Of the statement."""
        ...

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """What it is about."""
        ...


@dataclass(frozen=True, slots=True)
class Checked:
    """Bytes that were parsed, verified and read, ready for admission and append. Nothing is stored yet.

    `id` is the evidence identity (DESIGN section 4), `body` exactly the bytes received,
    `collected` the verified signing time if there is one.
    """

    id: str
    body: bytes
    media_type: str
    predicate_type: str
    subjects: tuple[Subject, ...]
    verification: Verification
    normalised: Normalised
    collected: datetime | None = None

    @property
    def kind(self) -> str:
        """The kind it is read as."""
        return self.normalised.kind


@dataclass(frozen=True, slots=True)
class Evidence:
    """One record of a tenant's log. `body` digest and leaf are for ever; the bytes may be erased."""

    id: str
    leaf_index: int
    received: datetime
    kind: str
    predicate_type: str
    media_type: str
    body_digest: str
    body_size: int
    subjects: tuple[Subject, ...]
    verification: Verification
    facts: Mapping[str, Fact]
    effective: datetime | None
    collected: datetime | None
    series: str = ""
    sources: tuple[str, ...] = ()
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """What is assessed: a product version with the digests ("algorithm:hex") of its subjects.

    Made by a verified release statement; `id` is that evidence's id.
    """

    id: str
    name: str
    version: str
    digests: tuple[str, ...]
    leaf_index: int


@dataclass(frozen=True, slots=True)
class DecisionNote:
    """What came of an uploaded decision when it was computed again: `status` AGREES, DISAGREES, NOT_REPERFORMABLE, or
    PENDING where the server says so later in a statement of its own; `differing` the paths that differ."""

    status: str
    differing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """201 means: durable, included at `leaf_index` of a tree of `tree_size`, and provable.

    `proof` are RFC 6962 inclusion hashes (raw 32 bytes, leaf to root); `checkpoint` the signed note
    of that tree; `leaf` the leaf's bytes, so that the receipt verifies alone. `created` is False
    when the evidence was already there (its first leaf is given). `note` is there for decisions just uploaded; it is
    said beside the receipt, and proves nothing.
    """

    evidence_id: str
    leaf_index: int
    tree_size: int
    leaf: bytes
    proof: tuple[bytes, ...] = field(repr=False)
    checkpoint: str = field(repr=False)
    created: bool = True
    note: DecisionNote | None = None
