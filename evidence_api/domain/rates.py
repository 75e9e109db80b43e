"""Rates: what an operation costs, what a tenant and a client may spend, and where that stands."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the narrower of a caller's two buckets stands, in cost units; `reset` is seconds until it is full."""

    limit: int
    remaining: int
    reset: float
    restore_rate: float  # units a second


@dataclass(frozen=True, slots=True)
class Charge:
    """What was taken for one operation before it ran. `standing` is None where nothing is limited."""

    requested: int
    standing: Standing | None = None
