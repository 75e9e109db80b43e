"""What a reader is shown of packs: a flat read model, filled by the store."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PackFileView:
    """One rendering of a pack: the digest (sha256:<hex>) and the size of its bytes."""

    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class PackView:
    """One pack that was asked for. `release` is the release's evidence id, `name` what people call it (name@version);
    `requested_by` is kind:id, "" where it is not known; `status` requested | rendering | ready | failed;
    `completeness` complete | partial, "" before it is ready; `evidence` the id of the statement that it was asked for.
    """

    id: UUID
    release: str
    name: str
    redact: bool
    requested_by: str
    justification: str
    requested: datetime
    status: str
    finished: datetime | None
    completeness: str
    code: str
    reason: str
    evidence: str | None
    files: tuple[PackFileView, ...]

    @property
    def position(self) -> str:
        """Its place in a list: microseconds, id."""
        return f"{(self.requested - _EPOCH) // _MICROSECOND}~{self.id}"


def pack_position(text: str) -> tuple[datetime, UUID]:
    """The sort key in PackView.position. Raises ValueError, OverflowError."""
    microseconds, identity = text.split("~")
    return _EPOCH + int(microseconds) * _MICROSECOND, UUID(identity)
