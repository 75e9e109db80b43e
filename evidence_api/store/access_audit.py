"""Who read what: rows in, for ever, in the order of their sequence; and the runs of them the log commits to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from evidence_api.domain.access_entry import AccessBatch, AccessEntry, AccessFilter, AccessNotes, AccessRow
from evidence_api.domain.errors import Malformed
from evidence_api.domain.page import MAX_COUNTED, Counted, Page, Window, counted, cut
from evidence_api.domain.principal import TenantScope
from evidence_api.store.rows import id_bytes, id_text
from evidence_api.store.session import Connection

LOG_READS = "/v1/log/%"  # paths of reads of nothing but the log: a statement there about them would give another

_RECORD = "SELECT record_access($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
_COLUMNS = (
    "sequence, at, request_id, principal_kind, principal_id, action, method, path, document, operation, variables, "
    "cost, tree_size, result, status, code, count"
)
_BATCH = "first, last, root, leaf_hashes, evidence_id"
_WAITING = """
SELECT count(*) AS rows, min(at) AS oldest, min(at) FILTER (WHERE path NOT LIKE $3) AS oldest_of_note FROM (
  SELECT at, path FROM access_audit
  WHERE tenant_id = $1 AND sequence > COALESCE((SELECT max(last) FROM access_batch WHERE tenant_id = $1), 0)
  ORDER BY sequence LIMIT $2
) AS waiting
"""
_NEXT = f"""
SELECT {_COLUMNS} FROM access_audit
WHERE tenant_id = $1 AND sequence > COALESCE((SELECT max(last) FROM access_batch WHERE tenant_id = $1), 0)
ORDER BY sequence LIMIT $2
"""  # noqa: S608  constant columns


@dataclass(frozen=True, slots=True)
class WaitingRows:
    """What no batch holds yet: how many (not counted further than asked), the oldest, and the oldest that is no read
    of the log alone."""

    rows: int
    oldest: datetime | None
    oldest_of_note: datetime | None


async def add(connection: Connection, scope: TenantScope, entries: Sequence[AccessEntry]) -> None:
    """Add rows, durably, in a transaction of its own: `connection` is of Database.statement()."""
    await connection.fetchval(_RECORD, scope.id, *zip(*map(_cells, entries), strict=True))


def _cells(entry: AccessEntry) -> tuple[object, ...]:
    notes = entry.notes
    return (
        entry.at,
        entry.request_id,
        entry.principal_kind,
        entry.principal_id,
        notes.action,
        entry.method,
        entry.path,
        notes.document,
        notes.operation,
        notes.variables,
        notes.cost,
        notes.tree_size,
        notes.result,
        entry.status,
        notes.code,
        entry.count,
    )


async def page(connection: Connection, scope: TenantScope, chosen: AccessFilter, window: Window) -> Page[AccessRow]:
    """One page, in the order of the sequence. Raises Malformed `bad_cursor`."""
    where, arguments = _conditions(scope, chosen, window)
    direction = "DESC" if window.backward else "ASC"
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM access_audit WHERE {where} "  # noqa: S608  constant texts, values apart
        f"ORDER BY sequence {direction} LIMIT {window.size + 1}",
        *arguments,
    )
    return cut([_row(row) for row in rows], window)


async def count(connection: Connection, scope: TenantScope, chosen: AccessFilter) -> Counted:
    """How many rows the whole list has, as far as it is counted."""
    where, arguments = _conditions(scope, chosen, Window(0))
    found: int = await connection.fetchval(
        f"SELECT count(*) FROM (SELECT FROM access_audit WHERE {where} LIMIT {MAX_COUNTED + 1}) AS counted",  # noqa: S608  the same
        *arguments,
    )
    return counted(found)


def _conditions(scope: TenantScope, chosen: AccessFilter, window: Window) -> tuple[str, list[Any]]:
    arguments: list[Any] = [scope.id]
    where = ["tenant_id = $1"]
    conditions = (
        ("sequence > ${}", None if window.after is None else _sequence(window.after, "after")),
        ("sequence < ${}", None if window.before is None else _sequence(window.before, "before")),
        ("principal_id = ${}", chosen.principal),
        ("action = ${}", chosen.action),
        ("(code <> '') = ${}", chosen.refused),
        ("at >= ${}", chosen.since),
        ("at < ${}", chosen.until),
    )
    for condition, value in conditions:
        if value is not None:
            arguments.append(value)
            where.append(condition.format(len(arguments)))
    return " AND ".join(where), arguments


async def waiting(connection: Connection, scope: TenantScope, most: int) -> WaitingRows:
    """What no batch holds yet, counted up to `most`."""
    row = await connection.fetchrow(_WAITING, *(scope.id, most, LOG_READS))
    return WaitingRows(0, None, None) if row is None else WaitingRows(row["rows"], row["oldest"], row["oldest_of_note"])


async def next_rows(connection: Connection, scope: TenantScope, most: int) -> tuple[AccessRow, ...]:
    """The first rows that no batch holds, at most so many."""
    return tuple(_row(row) for row in await connection.fetch(_NEXT, *(scope.id, most)))


async def rows_between(connection: Connection, scope: TenantScope, first: int, last: int) -> tuple[AccessRow, ...]:
    """Rows `first` to `last`, both included."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM access_audit WHERE tenant_id = $1 AND sequence BETWEEN $2 AND $3 "  # noqa: S608  constant
        "ORDER BY sequence",
        *(scope.id, first, last),
    )
    return tuple(_row(row) for row in rows)


async def plan(connection: Connection, scope: TenantScope, batch: AccessBatch) -> bool:
    """Note where a batch begins and ends, before its statement is made; False: another process was first."""
    done = await connection.execute(
        "INSERT INTO access_batch (tenant_id, first, last, root, leaf_hashes) VALUES ($1, $2, $3, $4, $5) "
        "ON CONFLICT DO NOTHING",
        *(scope.id, batch.first, batch.last, batch.root, batch.leaf_hashes),
    )
    return done == "INSERT 0 1"


async def planned(connection: Connection, scope: TenantScope) -> tuple[AccessBatch, ...]:
    """The batches whose statements are not known to be in the log, oldest first."""
    rows = await connection.fetch(
        f"SELECT {_BATCH} FROM access_batch WHERE tenant_id = $1 AND evidence_id IS NULL ORDER BY first LIMIT 100",  # noqa: S608  constant
        scope.id,
    )
    return tuple(map(_batch, rows))


async def appended(connection: Connection, scope: TenantScope, batch: AccessBatch, evidence_id: str) -> None:
    """Note which evidence a batch is in the log as."""
    await connection.execute(
        "UPDATE access_batch SET evidence_id = $3 WHERE tenant_id = $1 AND first = $2",
        *(scope.id, batch.first, id_bytes(evidence_id)),
    )


async def batches_of(connection: Connection, scope: TenantScope, sequences: Sequence[int]) -> dict[int, AccessBatch]:
    """By row: the batch in the log that holds it. Rows of no batch, or of one that is not there yet, are left out."""
    rows = await connection.fetch(
        f"SELECT {_BATCH} FROM access_batch WHERE tenant_id = $1 AND evidence_id IS NOT NULL "  # noqa: S608  constant
        "AND first <= $3 AND last >= $2 ORDER BY first",
        *(scope.id, min(sequences), max(sequences)),
    )
    found = list(map(_batch, rows))
    return {one: batch for one in sequences for batch in found if batch.first <= one <= batch.last}


async def batch_after(connection: Connection, scope: TenantScope, last: int) -> AccessBatch | None:
    """The first batch in the log that begins after row `last`."""
    row = await connection.fetchrow(
        f"SELECT {_BATCH} FROM access_batch WHERE tenant_id = $1 AND first > $2 AND evidence_id IS NOT NULL "  # noqa: S608  constant
        "ORDER BY first LIMIT 1",
        *(scope.id, last),
    )
    return None if row is None else _batch(row)


def _row(row: asyncpg.Record) -> AccessRow:
    notes = AccessNotes(
        action=row["action"],
        document=row["document"],
        operation=row["operation"],
        variables=row["variables"],
        cost=row["cost"],
        tree_size=row["tree_size"],
        result=row["result"],
        code=row["code"],
    )
    entry = AccessEntry(
        at=row["at"],
        request_id=row["request_id"],
        principal_kind=row["principal_kind"],
        principal_id=row["principal_id"],
        method=row["method"],
        path=row["path"],
        status=row["status"],
        notes=notes,
        count=row["count"],
    )
    return AccessRow(row["sequence"], entry)


def _batch(row: asyncpg.Record) -> AccessBatch:
    evidence = row["evidence_id"]
    named = "" if evidence is None else id_text(evidence)
    return AccessBatch(row["first"], row["last"], row["root"], row["leaf_hashes"], named)


def _sequence(position: str, path: str) -> int:
    if not position.isdecimal() or len(position) > 18:  # noqa: PLR2004  digits a bigint always holds
        raise Malformed("not a cursor this server gave out", code="bad_cursor", path=path)
    return int(position)
