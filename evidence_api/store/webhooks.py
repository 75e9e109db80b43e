"""Webhooks: where a tenant is told, and what is still to be told. Deliveries are claimed, so each is tried by one
process at a time, and again when that one dies or the receiver does not answer."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from evidence_api.domain.principal import TenantScope
from evidence_api.store.session import Connection


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where messages go."""

    url: str
    secret: str = field(repr=False)
    changed: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message. `due` is when it is tried next, None: delivered or given up; `outcome` of the last attempt."""

    id: UUID
    body: str = field(repr=False)
    created: datetime
    due: datetime | None
    attempts: int
    delivered: datetime | None
    outcome: str


_COLUMNS = "id, body, created_at, due_at, attempts, delivered_at, outcome"
_CLAIM = """
WITH picked AS (
  SELECT id FROM webhook_delivery WHERE tenant_id = $1 AND due_at <= $2
  ORDER BY due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE webhook_delivery d SET attempts = d.attempts + 1, due_at = $3 FROM picked
WHERE d.tenant_id = $1 AND d.id = picked.id
RETURNING d.id, body, created_at, due_at, attempts, delivered_at, outcome
"""


async def put(connection: Connection, scope: TenantScope, webhook: Webhook) -> None:
    """Set the tenant's webhook, in place of the one before; what waits goes to the new one."""
    await connection.execute(
        "INSERT INTO webhook (tenant_id, url, secret, changed_at) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (tenant_id) DO UPDATE SET url = excluded.url, secret = excluded.secret, "
        "changed_at = excluded.changed_at",
        *(scope.id, webhook.url, webhook.secret, webhook.changed),
    )


async def get(connection: Connection, scope: TenantScope) -> Webhook | None:
    """The tenant's webhook."""
    row = await connection.fetchrow("SELECT url, secret, changed_at FROM webhook WHERE tenant_id = $1", scope.id)
    return None if row is None else Webhook(row["url"], row["secret"], row["changed_at"])


async def remove(connection: Connection, scope: TenantScope) -> bool:
    """Tell nobody any more, neither of what waits; whether there was one."""
    done = await connection.execute("DELETE FROM webhook WHERE tenant_id = $1", scope.id)
    await connection.execute(
        "UPDATE webhook_delivery SET due_at = NULL, outcome = 'the webhook was removed' "
        "WHERE tenant_id = $1 AND due_at IS NOT NULL",
        scope.id,
    )
    return bool(done == "DELETE 1")


async def tell(connection: Connection, scope: TenantScope, message: UUID, body: str, at: datetime) -> bool:
    """Put a message into the outbox, if there is a webhook and the message is not there; in the transaction that
    records what it is about."""
    done = await connection.execute(
        "INSERT INTO webhook_delivery (tenant_id, id, body, created_at, due_at) "
        "SELECT tenant_id, $2, $3, $4, $4 FROM webhook WHERE tenant_id = $1 ON CONFLICT DO NOTHING",
        *(scope.id, message, body, at),
    )
    return bool(done == "INSERT 0 1")


async def claim(
    connection: Connection, scope: TenantScope, at: datetime, again: datetime, *, limit: int
) -> list[Delivery]:
    """Take messages that are due; they are due again at `again`, whatever becomes of this process."""
    rows = await connection.fetch(_CLAIM, scope.id, at, again, limit)
    return [Delivery(*row) for row in rows]


async def settle(  # noqa: PLR0913  one argument for each column that is set
    connection: Connection,
    scope: TenantScope,
    message: UUID,
    *,
    outcome: str,
    delivered: datetime | None,
    due: datetime | None,
) -> None:
    """Note what came of an attempt, and when the next is due (None: there is no next)."""
    await connection.execute(
        "UPDATE webhook_delivery SET outcome = $3, delivered_at = $4, due_at = $5 "
        "WHERE tenant_id = $1 AND id = $2 AND delivered_at IS NULL AND due_at IS NOT NULL",
        *(scope.id, message, outcome, delivered, due),
    )


async def newest(connection: Connection, scope: TenantScope, limit: int = 20) -> list[Delivery]:
    """The newest messages, delivered or not."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM webhook_delivery WHERE tenant_id = $1 ORDER BY created_at DESC, id LIMIT $2",  # noqa: S608  constants
        *(scope.id, limit),
    )
    return [Delivery(*row) for row in rows]
