"""One read, or one refusal, as the audit of access keeps it."""

from dataclasses import dataclass
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
