"""Verifying again: what a later check of stored evidence said, beside what was recorded when it came in.

A later check changes nothing: neither the stored evidence, nor its recorded verification, nor any verdict.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from evidence_api.domain.verification import Failed, Unsigned, Unsupported, Verification, Verified

STATUSES = ("verified", "unsupported", "unsigned", "failed")


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a check rests on: the digests (sha256:<hex>) of the trusted root, and of the keys and identities."""

    root_digest: str
    trust_digest: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Which stored evidence is checked again. None: any."""

    evidence_id: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Recheck:
    """One later check of the evidence at `leaf_index`. `code` and `message` are "" when it verified, `signer` (a
    label) is "" when it did not."""

    leaf_index: int
    checked_at: datetime
    grounds: Grounds
    status: str
    code: str = ""
    message: str = ""
    signer: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A stored body that was not yet checked on some grounds."""

    leaf_index: int
    body_digest: str
    body_size: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Evidence whose status is another than when it came in."""

    evidence_id: str
    kind: str
    then: str
    now: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RecheckReport:
    """Everything chosen, checked on these grounds. `counts` has every one of STATUSES; `erased` bodies cannot be
    checked; `changed` are the first hundred of `changes`."""

    grounds: Grounds
    counts: Mapping[str, int]
    erased: int
    changes: int
    changed: tuple[Changed, ...] = ()

    @property
    def lost(self) -> bool:
        """Whether something verified when it came in is not now; the changes list those first."""
        return any(one.then == Verified.status for one in self.changed)


def recheck_of(leaf_index: int, verification: Verification, grounds: Grounds, at: datetime) -> Recheck:
    """A result as it is recorded."""
    match verification:
        case Verified(signer=signer):
            return Recheck(leaf_index, at, grounds, verification.status, signer=signer.label)
        case Failed(code=code, message=message):
            return Recheck(leaf_index, at, grounds, verification.status, code, message)
        case Unsupported(code=code, what=what):
            return Recheck(leaf_index, at, grounds, verification.status, code, what)
        case Unsigned(code=code):
            return Recheck(leaf_index, at, grounds, verification.status, code)
    assert_never(verification)
