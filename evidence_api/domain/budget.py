"""Budgets as the server keeps them from evidence: one for each period and scope, and what each has come to.

A period is named as its producers name it. Those named as a year, quarter, month, ISO week or day (UTC) are current
while that lasts; others are kept and watched all the same, but are never current.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from evidence_api.domain.decisions.budget_event import LEVELS, Level, level


@dataclass(frozen=True, slots=True)
class BudgetAlert:
    """A level that was reached. `evidence` is the id of the server's statement of it, None until it is in the log."""

    level: Level
    limit: Decimal
    spent: Decimal
    entries: int
    crossed: datetime
    evidence: str | None


@dataclass(frozen=True, slots=True)
class BudgetState:
    """One budget now. `limit` and `spent` in US dollars, exact; `last_alert` is the one that was due last."""

    period: str
    scope: str
    limit: Decimal
    spent: Decimal
    entries: int
    changed: datetime
    last_alert: BudgetAlert | None = None

    @property
    def level(self) -> Level:
        """How near the limit it is."""
        return level(self.spent, self.limit)


def current_periods(at: datetime) -> tuple[str, ...]:
    """The names of the periods that `at` (UTC) is in.

    >>> current_periods(datetime(2026, 11, 21))
    ('2026', '2026-Q4', '2026-11', '2026-W47', '2026-11-21')
    """
    year, week, _ = at.isocalendar()
    quarter = (at.month + 2) // 3
    return f"{at:%Y}", f"{at:%Y}-Q{quarter}", f"{at:%Y-%m}", f"{year:04d}-W{week:02d}", f"{at:%Y-%m-%d}"


def tightest(states: tuple[BudgetState, ...]) -> BudgetState | None:
    """The one nearest its limit; of several, the first. None where there is none."""
    return max(states, key=_nearness, default=None)


def _nearness(state: BudgetState) -> tuple[int, Fraction]:
    share = Fraction(state.spent) / Fraction(state.limit) if state.limit else Fraction(0)
    return LEVELS.index(state.level), share
