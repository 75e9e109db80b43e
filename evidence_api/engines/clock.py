"""The clock: the one place that reads the time, injected wherever it is needed."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Gives aware UTC times. Tests give fixed ones."""

    def now(self) -> datetime:
        """The present moment, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment, UTC, to the microsecond."""
        return datetime.now(UTC)
