"""Refusals: one line for everything turned away at the door. Never evidence, always on record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from evidence_api.domain.decision import Decision
from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import Refused
from evidence_api.domain.principal import TenantScope
from evidence_api.store import decisions
from evidence_api.store.rows import id_bytes, id_text
from evidence_api.store.session import Connection, Database

_MAX_MESSAGE = 2000


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was refused: the code and sentence the sender got, and the digest of the bytes, which are not kept."""

    at: datetime
    token_id: UUID | None
    code: str
    message: str
    body_digest: str
    body_size: int


def line(at: datetime, token_id: str | None, body: bytes, refusal: Refused) -> Refusal:
    """What is put on record of a body that was refused."""
    return Refusal(at, _uuid(token_id), refusal.code, refusal.message, digest_of(body), len(body))


async def record(
    database: Database, scope: TenantScope, refusals: Sequence[Refusal], decided: Sequence[Decision] = ()
) -> None:
    """Put refusals on record, with the decisions behind them, in a transaction of their own. A crash before it commits
    loses the lines, no more."""
    async with database.tenant(scope) as connection:
        if decided:
            await decisions.keep(connection, scope, decided, refusals[0].at)
        await connection.executemany(
            "INSERT INTO refusal (tenant_id, at, token_id, code, message, body_digest, body_size) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [
                (
                    *(scope.id, one.at, one.token_id, one.code, one.message.replace("\0", "\ufffd")[:_MAX_MESSAGE]),
                    *(id_bytes(one.body_digest), min(one.body_size, 2**31 - 1)),
                )
                for one in refusals
            ],
        )


async def newest(connection: Connection, scope: TenantScope, limit: int = 100) -> Sequence[Refusal]:
    """The last refusals, newest first."""
    rows = await connection.fetch(
        "SELECT at, token_id, code, message, body_digest, body_size FROM refusal WHERE tenant_id = $1 "
        "ORDER BY id DESC LIMIT $2",
        *(scope.id, limit),
    )
    return tuple(
        Refusal(
            at=row["at"],
            token_id=row["token_id"],
            code=row["code"],
            message=row["message"],
            body_digest=id_text(row["body_digest"]),
            body_size=row["body_size"],
        )
        for row in rows
    )


def _uuid(text: str | None) -> UUID | None:
    """The token's id; the operator's own principal has a name instead, and no row here."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
