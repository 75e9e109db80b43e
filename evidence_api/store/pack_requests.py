"""Packs that were asked for: who asked, how far each is, and which bytes it came to.

A pack is rendered by whoever has taken it, for as long as the lease lasts; after that it is anybody's again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from evidence_api.domain.errors import Malformed
from evidence_api.domain.pack_reading import PackFileView, PackView, pack_position
from evidence_api.domain.page import Page, Window, cut
from evidence_api.domain.principal import TenantScope
from evidence_api.store.reads import Arguments, digest_bytes
from evidence_api.store.rows import id_bytes, id_text
from evidence_api.store.session import Connection

LEASE = timedelta(seconds=60)

_VIEW = """
SELECT q.id, q.release_id, r.name, r.version, q.redact, q.requested_by, q.justification, q.requested_at, q.status,
  q.finished_at, q.completeness, q.code, q.reason, a.evidence_id,
  j.digest AS json_digest, octet_length(j.content) AS json_size, p.digest AS pdf_digest,
  octet_length(p.content) AS pdf_size
FROM pack_request q JOIN release r ON r.tenant_id = q.tenant_id AND r.id = q.release_id
LEFT JOIN action_request a ON a.tenant_id = q.tenant_id AND a.id = q.id
LEFT JOIN pack j ON j.tenant_id = q.tenant_id AND j.digest = q.json_digest
LEFT JOIN pack p ON p.tenant_id = q.tenant_id AND p.digest = q.pdf_digest
"""
_CLAIM = """
WITH next AS (
  SELECT id FROM pack_request WHERE tenant_id = $1 AND due_at <= $2
  ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE pack_request q SET status = 'rendering', due_at = $3, attempts = q.attempts + 1 FROM next
WHERE q.tenant_id = $1 AND q.id = next.id
RETURNING q.id, q.release_id, q.redact, q.attempts
"""


@dataclass(frozen=True, slots=True)
class PackRequest:
    """What was asked for. `release` is the release's evidence id; `by` is kind:id, "" where that is not known."""

    id: UUID
    release: str
    redact: bool
    by: str
    justification: str
    requested: datetime


@dataclass(frozen=True, slots=True)
class ClaimedPack:
    """One to be rendered now, for the `attempts`th time."""

    id: UUID
    release: str
    redact: bool
    attempts: int


async def put(connection: Connection, scope: TenantScope, asked: PackRequest) -> None:
    """Order it, to be rendered at once; what is ordered under its id already stays as it is."""
    await connection.execute(
        "INSERT INTO pack_request (tenant_id, id, release_id, redact, requested_by, justification, requested_at, "
        "due_at, status) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 'requested') ON CONFLICT DO NOTHING",
        *(scope.id, asked.id, id_bytes(asked.release), asked.redact, asked.by, asked.justification, asked.requested),
    )


async def claim(connection: Connection, scope: TenantScope, at: datetime) -> ClaimedPack | None:
    """Take the one that has waited longest; None where none waits."""
    row = await connection.fetchrow(_CLAIM, scope.id, at, at + LEASE)
    return None if row is None else ClaimedPack(row[0], id_text(row[1]), row[2], row[3])


async def hold(connection: Connection, scope: TenantScope, identity: UUID, at: datetime) -> None:
    """Renew the lease of one that is still being rendered."""
    await connection.execute(
        "UPDATE pack_request SET due_at = $3 WHERE tenant_id = $1 AND id = $2 AND status = 'rendering'",
        *(scope.id, identity, at + LEASE),
    )


async def postpone(connection: Connection, scope: TenantScope, identity: UUID, again: datetime) -> None:
    """Let it wait until then: it could not be rendered now."""
    await connection.execute(
        "UPDATE pack_request SET status = 'requested', due_at = $3 "
        "WHERE tenant_id = $1 AND id = $2 AND finished_at IS NULL",
        *(scope.id, identity, again),
    )


async def finish(  # noqa: PLR0913  one argument per column
    connection: Connection,
    scope: TenantScope,
    asked: PackRequest,
    at: datetime,
    *,
    completeness: str,
    json_digest: str,
    pdf_digest: str,
) -> None:
    """It is there, in the transaction that keeps its bytes; ordered or not."""
    await put(connection, scope, asked)
    await connection.execute(
        "UPDATE pack_request SET status = 'ready', due_at = NULL, finished_at = $3, completeness = $4, "
        "json_digest = $5, pdf_digest = $6 WHERE tenant_id = $1 AND id = $2 AND finished_at IS NULL",
        *(scope.id, asked.id, at, completeness, json_digest, pdf_digest),
    )


async def fail(  # noqa: PLR0913  the same
    connection: Connection, scope: TenantScope, identity: UUID, at: datetime, *, code: str, reason: str
) -> None:
    """There will be none."""
    await connection.execute(
        "UPDATE pack_request SET status = 'failed', due_at = NULL, finished_at = $3, code = $4, reason = $5 "
        "WHERE tenant_id = $1 AND id = $2 AND finished_at IS NULL",
        *(scope.id, identity, at, code, reason.replace("\0", "")),
    )


async def page(
    connection: Connection, scope: TenantScope, release: str | None, status: Sequence[str], window: Window
) -> Page[PackView]:
    """One page, oldest first."""
    arguments = Arguments(scope)
    where = ["q.tenant_id = $1"]
    if release is not None:
        where.append(f"q.release_id = {arguments.put(digest_bytes(release))}")
    if status:
        where.append(f"q.status = ANY ({arguments.put(list(status))}::text[])")
    for argument, bound, sign in (("after", window.after, ">"), ("before", window.before, "<")):
        if bound is not None:
            moment, identity = _position(bound, argument)
            where.append(f"(q.requested_at, q.id) {sign} ({arguments.put(moment)}, {arguments.put(identity)})")
    direction = "DESC" if window.backward else "ASC"
    rows = await connection.fetch(
        f"{_VIEW} WHERE {' AND '.join(where)} ORDER BY q.requested_at {direction}, q.id {direction} "
        f"LIMIT {arguments.put(window.size + 1)}",
        *arguments,
    )
    return cut([_view(row) for row in rows], window)


async def by_ids(connection: Connection, scope: TenantScope, ids: Sequence[UUID]) -> dict[UUID, PackView]:
    """Packs by id."""
    rows = await connection.fetch(f"{_VIEW} WHERE q.tenant_id = $1 AND q.id = ANY ($2::uuid[])", scope.id, list(ids))
    return {row["id"]: _view(row) for row in rows}


def _position(text: str, argument: str) -> tuple[datetime, UUID]:
    """Raises Malformed `bad_cursor`."""
    try:
        return pack_position(text)
    except (ValueError, OverflowError) as fault:
        raise Malformed("not a cursor this server gave out", code="bad_cursor", path=argument) from fault


def _view(row: asyncpg.Record) -> PackView:
    files = [
        PackFileView(media_type, row[f"{name}_digest"], row[f"{name}_size"])
        for name, media_type in (("json", "application/json"), ("pdf", "application/pdf"))
        if row[f"{name}_digest"] is not None
    ]
    return PackView(
        id=row["id"],
        release=id_text(row["release_id"]),
        name=f"{row['name']}@{row['version']}",
        redact=row["redact"],
        requested_by=row["requested_by"],
        justification=row["justification"],
        requested=row["requested_at"],
        status=row["status"],
        finished=row["finished_at"],
        completeness=row["completeness"],
        code=row["code"],
        reason=row["reason"],
        evidence=None if row["evidence_id"] is None else id_text(row["evidence_id"]),
        files=tuple(files),
    )
