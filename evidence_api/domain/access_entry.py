"""One read, or one refusal, as the audit of access keeps it; and a run of them, as the log commits to it."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class AccessNotes:
    """What the edges find out about a request while they answer it. Digests are "sha256:<hex>", "" if there is none."""

    action: str = ""  # what was asked for, e.g. evidence:read
    document: str = ""  # of the GraphQL document's text
    operation: str = ""  # the operation's name
    variables: str = ""  # of the variables in canonical JSON
    cost: int | None = None  # what it cost in the end
    tree_size: int | None = None  # of the log it read
    result: str = ""  # of the bytes of the answer
    code: str = ""  # of the refusal; "" for a read that was answered


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One row of the audit: who, what, when, and what came of it."""

    at: datetime
    request_id: str
    principal_kind: str
    principal_id: str
    method: str
    path: str  # the route's template, never an id somebody chose
    status: int
    notes: AccessNotes
    count: int = 1  # how many refusals alike it stands for, itself included


@dataclass(frozen=True, slots=True)
class AccessRow:
    """An entry at its place: `sequence` counts a tenant's rows from 1, without a gap."""

    sequence: int
    entry: AccessEntry


@dataclass(frozen=True, slots=True)
class AccessBatch:
    """Rows `first` to `last` as one statement in the log commits to them. `leaf_hashes` are 32 bytes for each row, in
    order; `root` their tree's (domain/merkle.py); `evidence_id` is "" until the statement is in the log."""

    first: int
    last: int
    root: bytes
    leaf_hashes: bytes = field(repr=False)
    evidence_id: str = ""

    @property
    def rows(self) -> int:
        """How many."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class AccessProof:
    """That a row is in its batch: position `index` of `size`, and the siblings on the way to `root`."""

    evidence_id: str
    index: int
    size: int
    root: bytes
    hashes: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """Which rows: of a principal's id, of an action, refused or not, from `since` to before `until`."""

    principal: str | None = None
    action: str | None = None
    refused: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
