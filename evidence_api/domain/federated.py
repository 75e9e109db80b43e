"""A question to several organisations: what each answered, and where its log stood. Nobody is left out silently."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Member:
    """One organisation's server: `url` is its public URL, `fingerprint` the RFC 7638 thumbprint of the key it signs
    with, `log_key` the verifier of its checkpoints, "" to take the checkpoint on the signature of the answer alone."""

    name: str
    url: str
    tenant: str
    fingerprint: str
    log_key: str = ""


class Standing(StrEnum):
    """What became of the question at one member."""

    ANSWERED = "answered"
    PARTIAL = "partial"  # some fields are errors
    STALE = "stale"  # answered, from a log older than asked for, or without a checkpoint
    REFUSED = "refused"  # it said no, or what it said does not verify
    ABSENT = "absent"  # it said nothing in time


@dataclass(frozen=True, slots=True)
class SeenCheckpoint:
    """Where the member's log stood: its signed note, and since when it stands there."""

    origin: str
    tree_size: int
    root: bytes
    note: str = field(repr=False)
    since: datetime
    signed: bool  # by the log's own key too


@dataclass(frozen=True, slots=True)
class MemberAnswer:
    """One member's part of a federated answer. `code` and `reason` say why it is not `answered`."""

    member: Member
    standing: Standing
    data: Any = None
    errors: Sequence[Mapping[str, Any]] = ()
    checkpoint: SeenCheckpoint | None = None
    age: timedelta | None = None  # of the checkpoint, at the time of the question
    code: str = ""
    reason: str = ""
    signed: bool = False  # the answer is the member's, for this question
    seconds: float = 0.0
