"""Later checks: which stored bodies are still to be checked, what was found, and how it differs from the record."""

from collections.abc import Sequence

import asyncpg

from evidence_api.domain.principal import TenantScope
from evidence_api.domain.recheck import STATUSES, Changed, Choice, Grounds, Pending, Recheck, RecheckReport
from evidence_api.store.rows import id_bytes, id_text
from evidence_api.store.session import Connection

MAX_CHANGES = 100
# $1 tenant, $2 leaves there were at the start, $3 evidence id or NULL, $4 kind or NULL, $5 root, $6 trust
_CHOSEN = (
    "e.tenant_id = $1 AND e.leaf_index < $2 AND ($3::bytea IS NULL OR e.id = $3) AND ($4::text IS NULL OR e.kind = $4)"
)
_DONE = (
    "recheck r ON r.tenant_id = e.tenant_id AND r.leaf_index = e.leaf_index AND r.root_digest = $5 "
    "AND r.trust_digest = $6"
)
_BODY = "JOIN body b ON b.tenant_id = e.tenant_id AND b.digest = e.body_digest"


def _arguments(scope: TenantScope, choice: Choice, size: int, grounds: Grounds) -> tuple[object, ...]:
    evidence_id = None if choice.evidence_id is None else id_bytes(choice.evidence_id)
    return scope.id, size, evidence_id, choice.kind, grounds.root_digest, grounds.trust_digest


async def count_pending(connection: Connection, scope: TenantScope, choice: Choice, size: int, grounds: Grounds) -> int:
    """How many of the chosen bodies are still to be checked on these grounds."""
    counted: int = await connection.fetchval(
        f"SELECT count(*) FROM evidence e {_BODY} LEFT JOIN {_DONE} "  # noqa: S608  constant texts
        f"WHERE {_CHOSEN} AND b.content IS NOT NULL AND r.leaf_index IS NULL",
        *_arguments(scope, choice, size, grounds),
    )
    return counted


async def pending(  # noqa: PLR0913  one statement's arguments
    connection: Connection,
    scope: TenantScope,
    choice: Choice,
    size: int,
    grounds: Grounds,
    *,
    after: int,
    limit: int,
) -> tuple[Pending, ...]:
    """The next of them behind leaf `after`, in log order."""
    rows = await connection.fetch(
        "SELECT e.leaf_index, e.body_digest, e.body_size "  # noqa: S608  constant texts
        f"FROM evidence e {_BODY} LEFT JOIN {_DONE} "
        f"WHERE {_CHOSEN} AND e.leaf_index > $7 AND b.content IS NOT NULL AND r.leaf_index IS NULL "
        "ORDER BY e.leaf_index LIMIT $8",
        *(*_arguments(scope, choice, size, grounds), after, limit),
    )
    return tuple(Pending(row["leaf_index"], id_text(row["body_digest"]), row["body_size"]) for row in rows)


async def record(connection: Connection, scope: TenantScope, found: Sequence[Recheck]) -> None:
    """Keep what was found. The same grounds give the same answer, so what is there already stays."""
    await connection.executemany(
        "INSERT INTO recheck (tenant_id, leaf_index, root_digest, trust_digest, checked_at, status, code, message, "
        "signer) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        [
            (
                *(scope.id, one.leaf_index, one.grounds.root_digest, one.grounds.trust_digest, one.checked_at),
                *(one.status, one.code, _storable(one.message), _storable(one.signer)),
            )
            for one in found
        ],
    )


def _storable(text: str) -> str:
    """Text of hostile certificates may have a NUL, which PostgreSQL cannot hold; one record must not stop a run."""
    return text.replace("\0", "\ufffd")


async def report(
    connection: Connection, scope: TenantScope, choice: Choice, size: int, grounds: Grounds
) -> RecheckReport:
    """Everything chosen as it was found on these grounds, and where that differs from the record; what was verified
    when it came in and is not now comes first."""
    arguments = _arguments(scope, choice, size, grounds)
    counted = await connection.fetch(
        f"SELECT r.status, count(*) AS number FROM evidence e JOIN {_DONE} WHERE {_CHOSEN} GROUP BY r.status",  # noqa: S608  the same
        *arguments,
    )
    erased = await connection.fetchval(
        f"SELECT count(*) FROM evidence e {_BODY} WHERE {_CHOSEN} AND b.content IS NULL",  # noqa: S608  the same
        *arguments[:4],
    )
    rows = await connection.fetch(
        "SELECT e.id, e.kind, e.status AS then, r.status AS now, r.code, r.message, "  # noqa: S608  the same
        f"count(*) OVER () AS every FROM evidence e JOIN {_DONE} WHERE {_CHOSEN} AND e.status <> r.status "
        f"ORDER BY e.status <> 'verified', e.leaf_index LIMIT {MAX_CHANGES}",
        *arguments,
    )
    return RecheckReport(
        grounds=grounds,
        counts=dict.fromkeys(STATUSES, 0) | {row["status"]: row["number"] for row in counted},
        erased=erased,
        changes=rows[0]["every"] if rows else 0,
        changed=tuple(
            Changed(id_text(row["id"]), row["kind"], row["then"], row["now"], row["code"], row["message"])
            for row in rows
        ),
    )


async def of_leaves(
    connection: Connection, scope: TenantScope, leaves: Sequence[int], limit: int
) -> dict[int, tuple[Recheck, ...]]:
    """The newest `limit` checks of each leaf, newest first, in one statement."""
    rows = await connection.fetch(
        "SELECT r.* FROM unnest($2::bigint[]) AS given (leaf) CROSS JOIN LATERAL ("
        "SELECT * FROM recheck r WHERE r.tenant_id = $1 AND r.leaf_index = given.leaf "
        "ORDER BY r.checked_at DESC, r.root_digest, r.trust_digest LIMIT $3) AS r",
        *(scope.id, list(leaves), limit),
    )
    found: dict[int, list[Recheck]] = {}
    for row in rows:
        found.setdefault(row["leaf_index"], []).append(_recheck(row))
    return {leaf: tuple(checks) for leaf, checks in found.items()}


def _recheck(row: asyncpg.Record) -> Recheck:
    return Recheck(
        leaf_index=row["leaf_index"],
        checked_at=row["checked_at"],
        grounds=Grounds(row["root_digest"], row["trust_digest"]),
        status=row["status"],
        code=row["code"],
        message=row["message"],
        signer=row["signer"],
    )
