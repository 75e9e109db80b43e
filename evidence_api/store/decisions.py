"""Decisions of the gates, by content: the same question under the same policy is one row however often it is asked."""

from collections.abc import Iterable
from datetime import datetime

from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import NotFound
from evidence_api.domain.principal import TenantScope
from evidence_api.store.session import Connection

_INSERT = (
    "INSERT INTO decision (tenant_id, id, area, allow, rules, reasons, input, input_digest, policy_digest, decided_at) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING"
)


async def keep(connection: Connection, scope: TenantScope, decisions: Iterable[Decision], at: datetime) -> None:
    """Record decisions that are not on record yet."""
    await connection.executemany(
        _INSERT,
        [
            (
                *(scope.id, one.id, one.area, one.allow, one.rules, one.reasons),
                *(one.input.decode(), one.input_digest, one.policy_digest, at),
            )
            for one in decisions
        ],
    )


async def get(connection: Connection, scope: TenantScope, decision_id: str) -> Decision:
    """The decision of that id. Its `input` is JSON equal to what was asked, not the same bytes. Raises NotFound."""
    row = await connection.fetchrow(
        "SELECT id, area, allow, rules, reasons, input, input_digest, policy_digest FROM decision "
        "WHERE tenant_id = $1 AND id = $2",
        *(scope.id, decision_id),
    )
    if row is None:
        raise NotFound(f"no decision {decision_id[:80]}")
    return Decision(
        id=row["id"],
        area=row["area"],
        allow=row["allow"],
        rules=tuple(row["rules"]),
        reasons=tuple(row["reasons"]),
        input_digest=row["input_digest"],
        policy_digest=row["policy_digest"],
        input=row["input"].encode(),
    )
