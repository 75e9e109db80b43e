"""Budgets as the log's events make them: every entry once, the limit of the newest, and the alerts of what was reached.

Handling an event again changes nothing: an entry counts with the most that was ever said of it, the newest leaf gives
the limit, and a level is alerted once for each limit, and again when the budget comes back to it from another level.
So the order of two events makes no difference to the sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import asyncpg

from evidence_api.domain.budget import BudgetAlert, BudgetState
from evidence_api.domain.principal import TenantScope
from evidence_api.store.rows import id_text
from evidence_api.store.session import Connection

_ADD = """
WITH given AS (SELECT * FROM unnest($4::text[], $5::numeric[]) AS one (entry_id, usd)),
before AS (
  SELECT e.entry_id, e.usd FROM budget_entry e JOIN given USING (entry_id)
  WHERE e.tenant_id = $1 AND e.period = $2 AND e.scope = $3
), kept AS (
  INSERT INTO budget_entry (tenant_id, period, scope, entry_id, usd, leaf_index)
    SELECT $1, $2, $3, entry_id, usd, $6 FROM given ORDER BY entry_id
    ON CONFLICT (tenant_id, period, scope, entry_id) DO UPDATE SET usd = excluded.usd
      WHERE excluded.usd > budget_entry.usd
)
SELECT coalesce(sum(greatest(given.usd - coalesce(before.usd, 0), 0)), 0) AS more,
  count(*) FILTER (WHERE before.entry_id IS NULL) AS new
FROM given LEFT JOIN before USING (entry_id)
"""
# The operator's limit ($8) takes the place of every other.
_CHANGE = """
INSERT INTO budget AS b (tenant_id, period, scope, limit_usd, spent_usd, entries, newest_leaf, changed_at)
  VALUES ($1, $2, $3, coalesce($8::numeric, $4::numeric), $5, $6, $7, $9)
  ON CONFLICT (tenant_id, period, scope) DO UPDATE SET
    limit_usd = CASE WHEN $8 IS NOT NULL THEN $8 WHEN excluded.newest_leaf >= b.newest_leaf THEN $4
      ELSE b.limit_usd END,
    spent_usd = b.spent_usd + excluded.spent_usd, entries = b.entries + excluded.entries,
    newest_leaf = greatest(b.newest_leaf, excluded.newest_leaf),
    changed_at = greatest(b.changed_at, excluded.changed_at)
  RETURNING period, scope, limit_usd, spent_usd, entries, changed_at
"""
_STATES = """
SELECT b.period, b.scope, b.limit_usd, b.spent_usd, b.entries, b.changed_at, a.level AS alert_level,
  a.limit_usd AS alert_limit, a.spent_usd AS alert_spent, a.entries AS alert_entries, a.crossed_at, a.evidence_id
FROM budget b LEFT JOIN LATERAL (
  SELECT * FROM budget_alert a WHERE a.tenant_id = b.tenant_id AND a.period = b.period AND a.scope = b.scope
  ORDER BY a.crossed_at DESC, a.spent_usd DESC LIMIT 1
) AS a ON true
WHERE b.tenant_id = $1
"""
_CLAIM = """
WITH picked AS (
  SELECT period, scope, limit_usd, level FROM budget_alert
  WHERE tenant_id = $1 AND evidence_id IS NULL AND due_at <= $2
  ORDER BY due_at, period, scope, level LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE budget_alert a SET attempts = a.attempts + 1, due_at = $3 FROM picked
WHERE a.tenant_id = $1 AND a.period = picked.period AND a.scope = picked.scope AND a.limit_usd = picked.limit_usd
  AND a.level = picked.level
RETURNING a.*
"""
_KEY = "tenant_id = $1 AND period = $2 AND scope = $3 AND limit_usd = $4 AND level = $5"


@dataclass(frozen=True, slots=True)
class SpentEntries:
    """What one event says: amounts by entry, the limit, and the leaf and time of its evidence."""

    period: str
    scope: str
    limit: Decimal
    entries: Sequence[tuple[str, Decimal]]
    leaf_index: int
    received: datetime


@dataclass(frozen=True, slots=True)
class PendingAlert:
    """An alert that is not in the log yet: `statement` (JSON) is what is to be signed, `attempts` counts this one."""

    budget: BudgetState
    level: str
    statement: str
    attempts: int


async def add(
    connection: Connection, scope: TenantScope, event: SpentEntries, *, limit: Decimal | None = None
) -> BudgetState:
    """Add what an event says, and give what the budget has come to. `limit` is the operator's, if there is one.

    One at a time for a tenant: whoever follows the log is alone with it. Commit point: the caller's.
    """
    names, amounts = [one for one, _ in event.entries], [usd for _, usd in event.entries]
    added = await connection.fetchrow(_ADD, scope.id, event.period, event.scope, names, amounts, event.leaf_index)
    more, new = (Decimal(0), 0) if added is None else (added["more"], added["new"])
    changed = await connection.fetchrow(
        _CHANGE,
        *(scope.id, event.period, event.scope, event.limit, more, new, event.leaf_index, limit, event.received),
    )
    if changed is None:  # an upsert gives its row always
        raise LookupError(event.period)
    return _state(changed, None)


async def newest_entries(
    connection: Connection, scope: TenantScope, budget: BudgetState, limit: int
) -> list[tuple[str, Decimal]]:
    """The newest entries of a budget, at most `limit`, oldest first."""
    rows = await connection.fetch(
        "SELECT entry_id, usd FROM budget_entry WHERE tenant_id = $1 AND period = $2 AND scope = $3 "
        "ORDER BY leaf_index DESC, entry_id DESC LIMIT $4",
        *(scope.id, budget.period, budget.scope, limit),
    )
    return [(row["entry_id"], row["usd"]) for row in reversed(rows)]


async def alerted(connection: Connection, scope: TenantScope, budget: BudgetState) -> bool:
    """Whether the level a budget has now was alerted under the limit it has now."""
    return bool(
        await connection.fetchval(
            f"SELECT EXISTS (SELECT FROM budget_alert WHERE {_KEY})",  # noqa: S608  a constant
            *(scope.id, budget.period, budget.scope, budget.limit, budget.level),
        )
    )


async def last_alerted(connection: Connection, scope: TenantScope, budget: BudgetState) -> str | None:
    """The level that was alerted last, under whatever limit."""
    level: str | None = await connection.fetchval(
        "SELECT level FROM budget_alert WHERE tenant_id = $1 AND period = $2 AND scope = $3 "
        "ORDER BY crossed_at DESC, spent_usd DESC LIMIT 1",
        *(scope.id, budget.period, budget.scope),
    )
    return level


async def keep_alert(connection: Connection, scope: TenantScope, budget: BudgetState, statement: str) -> None:
    """Note that the budget has reached its level, and what is to be said of it; in place of what was said when it was
    at this level and limit before."""
    await connection.execute(
        "INSERT INTO budget_alert (tenant_id, period, scope, limit_usd, level, spent_usd, entries, crossed_at, "
        "statement, due_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8) "
        "ON CONFLICT (tenant_id, period, scope, limit_usd, level) DO UPDATE SET spent_usd = excluded.spent_usd, "
        "entries = excluded.entries, crossed_at = excluded.crossed_at, statement = excluded.statement, "
        "evidence_id = NULL, attempts = 0, due_at = excluded.due_at",
        *(scope.id, budget.period, budget.scope, budget.limit, budget.level),
        *(budget.spent, budget.entries, budget.changed, statement),
    )


async def claim_alerts(
    connection: Connection, scope: TenantScope, at: datetime, again: datetime, *, limit: int = 20
) -> list[PendingAlert]:
    """Take alerts that are to be appended; they are free again at `again`, whatever becomes of this process."""
    rows = await connection.fetch(_CLAIM, scope.id, at, again, limit)
    return [
        PendingAlert(
            BudgetState(
                row["period"], row["scope"], row["limit_usd"], row["spent_usd"], row["entries"], row["crossed_at"]
            ),
            row["level"],
            row["statement"],
            row["attempts"],
        )
        for row in rows
    ]


async def postpone_alert(connection: Connection, scope: TenantScope, alert: PendingAlert, again: datetime) -> None:
    """Try an alert again at `again`."""
    await connection.execute(f"UPDATE budget_alert SET due_at = $6 WHERE {_KEY}", *_key(scope, alert), again)  # noqa: S608  constant


async def record_alert(connection: Connection, scope: TenantScope, alert: PendingAlert, evidence_id: bytes) -> bool:
    """The alert is in the log. False: somebody else has recorded that already, or it is to be said anew."""
    done = await connection.execute(
        f"UPDATE budget_alert SET evidence_id = $6, statement = NULL "  # noqa: S608  constant
        f"WHERE {_KEY} AND evidence_id IS NULL AND crossed_at = $7",
        *(*_key(scope, alert), evidence_id, alert.budget.changed),
    )
    return bool(done == "UPDATE 1")


async def budgets(  # noqa: PLR0913  one argument for each way to choose
    connection: Connection,
    scope: TenantScope,
    *,
    period: str | None = None,
    of: str | None = None,
    after: tuple[str, str] | None = None,
    limit: int = 100,
) -> list[BudgetState]:
    """The tenant's budgets with their newest alert, by period and scope: of one period, of one scope (`of`, "" is the
    tenant's own), those behind the (period, scope) `after`."""
    rows = await connection.fetch(
        f"{_STATES} AND ($2::text IS NULL OR b.period = $2) AND ($3::text IS NULL OR b.scope = $3) "
        "AND ($4::text IS NULL OR (b.period, b.scope) > ($4, $5)) ORDER BY b.period, b.scope LIMIT $6",
        *(scope.id, period, of, *(after or (None, None)), limit),
    )
    return [_state(row, _alert(row)) for row in rows]


async def standing(
    connection: Connection, scope: TenantScope, periods: Sequence[str], of: Sequence[str]
) -> tuple[BudgetState, ...]:
    """The budgets of these periods and scopes, without their alerts."""
    rows = await connection.fetch(
        "SELECT period, scope, limit_usd, spent_usd, entries, changed_at FROM budget WHERE tenant_id = $1 "
        "AND period = ANY ($2) AND scope = ANY ($3) ORDER BY period, scope",
        *(scope.id, list(periods), list(of)),
    )
    return tuple(_state(row, None) for row in rows)


def _key(scope: TenantScope, alert: PendingAlert) -> tuple[object, ...]:
    return scope.id, alert.budget.period, alert.budget.scope, alert.budget.limit, alert.level


def _state(row: asyncpg.Record, alert: BudgetAlert | None) -> BudgetState:
    return BudgetState(
        row["period"], row["scope"], row["limit_usd"], row["spent_usd"], row["entries"], row["changed_at"], alert
    )


def _alert(row: asyncpg.Record) -> BudgetAlert | None:
    if row["alert_level"] is None:
        return None
    return BudgetAlert(
        level=row["alert_level"],
        limit=row["alert_limit"],
        spent=row["alert_spent"],
        entries=row["alert_entries"],
        crossed=row["crossed_at"],
        evidence=None if row["evidence_id"] is None else id_text(row["evidence_id"]),
    )
