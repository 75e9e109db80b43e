"""What a reader is shown of the gates' decisions: a flat read model, filled by the store."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Which decisions a list shows; None means any. `since` <= decided < `until`."""

    area: str | None = None
    allow: bool | None = None
    rule: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DecisionView:
    """One distinct answer of a gate. `input` is JSON text, None unless it was wanted."""

    id: str
    area: str
    allow: bool
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    input_digest: str
    policy_digest: str
    decided: datetime
    input: str | None = None

    @property
    def position(self) -> str:
        """Its place in a list: microseconds, id."""
        return f"{(self.decided - _EPOCH) // _MICROSECOND}~{self.id}"


def decision_position(text: str) -> tuple[datetime, str]:
    """The sort key in DecisionView.position. Raises ValueError, OverflowError."""
    microseconds, identity = text.split("~")
    return _EPOCH + int(microseconds) * _MICROSECOND, identity
