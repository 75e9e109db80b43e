"""The audit of access, third part: for operators and auditors, all of it row by row, and whether it is what the log
says.

The plan of a check, batch by batch in the order of the rows:
  1. the batch begins where the one before it ended                              access_gap
  2. its rows are there, each with the number that follows                       access_gap
  3. their tree has the root that the statement in the log tells                 access_changed, access_not_in_log
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from evidence_api.domain.access_entry import AccessBatch, AccessFilter, AccessRow
from evidence_api.domain.errors import NotFound, VerificationFailed
from evidence_api.domain.page import Window
from evidence_api.domain.principal import TenantScope
from evidence_api.formats.access_audit import ACCESS_AUDIT_TYPE, batch_of
from evidence_api.formats.stored import stored_statement
from evidence_api.store import access_audit, evidence
from evidence_api.store.session import Connection, Database

_AT_ONCE = 1_000  # rows of one read


@dataclass(frozen=True, slots=True)
class AccessFault:
    """What does not hold, and of which rows."""

    first: int
    last: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class AccessCheck:
    """What a check found: how many rows the log commits to, by how many statements, and how many wait for one."""

    rows: int
    statements: int
    waiting: int
    faults: tuple[AccessFault, ...]


class AccessRecords:
    """Reads the audit of one tenant at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, scope: TenantScope, chosen: AccessFilter, most: int) -> tuple[AccessRow, ...]:
        """The newest rows, oldest of them first."""
        async with self._database.reading(scope) as connection:
            return (await access_audit.page(connection, scope, chosen, Window(most, backward=True))).items

    async def every(self, scope: TenantScope, chosen: AccessFilter) -> AsyncIterator[AccessRow]:
        """All rows in order, read piece by piece."""
        after: str | None = None
        while True:
            async with self._database.reading(scope) as connection:
                page = await access_audit.page(connection, scope, chosen, Window(_AT_ONCE, after=after))
            for row in page.items:
                yield row
            if not page.more:
                return
            after = str(page.items[-1].sequence)

    async def check(self, scope: TenantScope) -> AccessCheck:
        """Hold every row the log commits to against what it says."""
        faults: list[AccessFault] = []
        last = statements = 0
        while True:
            async with self._database.reading(scope) as connection:
                batch = await access_audit.batch_after(connection, scope, last)
                if batch is None:
                    waiting = await access_audit.waiting(connection, scope, _AT_ONCE)
                    return AccessCheck(last, statements, waiting.rows, tuple(faults))
                if batch.first != last + 1:
                    message = f"no statement commits to rows {last + 1} to {batch.first - 1}"
                    faults.append(AccessFault(last + 1, batch.first - 1, "access_gap", message))
                try:
                    await _check(connection, scope, batch)
                except VerificationFailed as fault:
                    faults.append(AccessFault(batch.first, batch.last, fault.code, fault.message))
            last, statements = batch.last, statements + 1


async def _check(connection: Connection, scope: TenantScope, batch: AccessBatch) -> None:
    """Steps 2 and 3. Raises VerificationFailed."""
    rows = await access_audit.rows_between(connection, scope, batch.first, batch.last)
    if len(rows) != batch.rows:
        raise VerificationFailed("rows of the audit are missing", code="access_gap", limit=batch.rows, value=len(rows))
    try:
        found = await evidence.get(connection, scope, batch.evidence_id)
    except NotFound as fault:
        raise VerificationFailed("the statement is not in the log", code="access_not_in_log") from fault
    bodies = await evidence.bodies(connection, scope, [found.body_digest])
    if found.predicate_type != ACCESS_AUDIT_TYPE or found.body_digest not in bodies:
        raise VerificationFailed("the statement is not in the log any more", code="access_not_in_log")
    said = stored_statement(bodies[found.body_digest]).predicate
    if said.get("root") != f"sha256:{batch_of(rows).root.hex()}" or said.get("first") != batch.first:
        raise VerificationFailed("the rows are not those the log commits to", code="access_changed")
