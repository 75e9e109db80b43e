"""What people asked for: each once, by the key the client gave, with the statement of it that is to be signed."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg

from evidence_api.domain.principal import TenantScope
from evidence_api.store.rows import id_bytes, id_text
from evidence_api.store.session import Connection

_COLUMNS = "id, principal, action, question, statement, allow, requested_at, evidence_id"


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """One row. `statement` is canonical JSON {subjects, predicate}; `evidence` its id in the log, None before that."""

    id: UUID
    principal: str
    action: str
    question: str
    statement: str = field(repr=False)
    allow: bool
    requested: datetime
    evidence: str | None = None


async def put(connection: Connection, scope: TenantScope, asked: ActionRequest) -> ActionRequest:
    """Record it, unless something is recorded under its id; what is recorded."""
    await connection.execute(
        "INSERT INTO action_request (tenant_id, id, principal, action, question, statement, allow, requested_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        *(scope.id, asked.id, asked.principal, asked.action, asked.question, asked.statement, asked.allow),
        asked.requested,
    )
    return await get(connection, scope, asked.id) or asked


async def get(connection: Connection, scope: TenantScope, identity: UUID) -> ActionRequest | None:
    """The request of that id."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM action_request WHERE tenant_id = $1 AND id = $2",  # noqa: S608  constant columns
        *(scope.id, identity),
    )
    return None if row is None else _request(row)


async def settle(connection: Connection, scope: TenantScope, identity: UUID, evidence: str) -> bool:
    """Note that its statement is in the log; whether that was not noted yet."""
    done = await connection.execute(
        "UPDATE action_request SET evidence_id = $3 WHERE tenant_id = $1 AND id = $2 AND evidence_id IS NULL",
        *(scope.id, identity, id_bytes(evidence)),
    )
    return bool(done == "UPDATE 1")


async def unsettled(
    connection: Connection, scope: TenantScope, before: datetime, limit: int
) -> tuple[ActionRequest, ...]:
    """Requests from before that moment whose statements are not in the log, oldest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM action_request WHERE tenant_id = $1 AND evidence_id IS NULL "  # noqa: S608  constant columns
        "AND requested_at < $2 ORDER BY requested_at, id LIMIT $3",
        *(scope.id, before, limit),
    )
    return tuple(map(_request, rows))


def _request(row: asyncpg.Record) -> ActionRequest:
    evidence = row["evidence_id"]
    return ActionRequest(
        id=row["id"],
        principal=row["principal"],
        action=row["action"],
        question=row["question"],
        statement=row["statement"],
        allow=row["allow"],
        requested=row["requested_at"],
        evidence=None if evidence is None else id_text(evidence),
    )
