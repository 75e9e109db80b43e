"""The audit of access, second part: the tenant's log commits to its rows, run by run, so that none can be changed or
taken out afterwards without its being seen.

The plan of one round, for each tenant:
  1. is there anything to say? At most once a minute, or when there are 10,000 rows. Reads of nothing but the log wait
     for an hour: a statement about them would be another thing to read there
  2. note where the run begins and ends, with the hashes of its rows. Commit point: from here on the run is fixed, and
     what is said of it the same whenever it is said
  3. the statement, signed and appended. A crash before the next step appends the same evidence again, a no-op
  4. note which evidence it is
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import structlog

from evidence_api.domain.access_entry import AccessBatch, AccessProof, AccessRow
from evidence_api.domain.errors import EvidenceError, VerificationFailed
from evidence_api.domain.principal import TenantScope
from evidence_api.formats.access_audit import ACCESS_AUDIT_TYPE, BatchProver, access_statement, batch_of
from evidence_api.store import access_audit, read_log, tenants
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.access_audit import AccessAudit
from evidence_api.use_cases.own_evidence import OwnEvidence
from evidence_api.use_cases.rounds import Rounds

logger = structlog.get_logger(__name__)

MAX_ROWS = 10_000  # of one statement
_LOG_READS_WAIT = timedelta(hours=1)
_KEPT_PROVERS = 16  # some 3 MB each at most


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a tenant's log says what was read: `wait` after the oldest row, or as soon as there are `rows`."""

    wait: timedelta = timedelta(minutes=1)
    rows: int = MAX_ROWS


class AccessBatches:
    """Puts the rows into the logs."""

    def __init__(self, database: Database, own: OwnEvidence, audit: AccessAudit, pace: Pace | None = None) -> None:
        self._database = database
        self._own = own
        self._audit = audit
        self._pace = pace or Pace()
        self._rounds = Rounds(self.sweep, "access_batches_postponed")

    async def run(self) -> None:
        """Round after round, for ever."""
        await self._rounds.run(self._pace.wait.total_seconds() / 4)

    async def sweep(self) -> int:
        """Say what is due, of every tenant; the number of statements. One that fails keeps nobody else from theirs."""
        now = self._audit.now()
        await self._audit.tell_denials(now=now)
        said = 0
        for scope in await tenants.every(self._database):
            try:
                said += await self.say(scope, now)
            except EvidenceError as fault:
                logger.warning("access_batch_postponed", tenant=scope.name, code=fault.code, detail=fault.message)
            except Exception:  # the same
                logger.exception("access_batch_postponed", tenant=scope.name, code="internal")
        return said

    async def say(self, scope: TenantScope, now: datetime | None = None) -> int:
        """Say what is due in one tenant's log, without `now` all there is; the number of statements.

        Raises Refused (the tenant has revoked the server's key, policy does not admit it), VerificationFailed
        (`access_changed`: the rows are not what they were), Undecided.
        """
        said = 0
        while True:
            async with self._database.tenant(scope) as connection:
                planned = await access_audit.planned(connection, scope)
                if not planned:
                    if not await self._is_due(connection, scope, now):
                        return said
                    await self._plan(connection, scope)
            for batch in planned:
                await self._append(scope, batch)
                said += 1

    async def _is_due(self, connection: Connection, scope: TenantScope, now: datetime | None) -> bool:
        """Step 1."""
        waiting = await access_audit.waiting(connection, scope, self._pace.rows)
        if waiting.oldest is None or now is None:
            return waiting.rows > 0
        noted = waiting.oldest_of_note
        return (
            waiting.rows >= self._pace.rows
            or (noted is not None and now - noted >= self._pace.wait)
            or now - waiting.oldest >= _LOG_READS_WAIT
        )

    async def _plan(self, connection: Connection, scope: TenantScope) -> None:
        """Step 2. Of two processes the second finds the place taken, and says what the first has planned."""
        rows = await access_audit.next_rows(connection, scope, self._pace.rows)
        if rows:
            await access_audit.plan(connection, scope, await asyncio.to_thread(batch_of, rows))

    async def _append(self, scope: TenantScope, batch: AccessBatch) -> None:
        """Steps 3 and 4."""
        async with self._database.reading(scope) as connection:
            rows = await access_audit.rows_between(connection, scope, batch.first, batch.last)
            head = await read_log.head(connection, scope)
        await asyncio.to_thread(_check, batch, rows)
        subjects, predicate = access_statement(head.origin, batch, rows)
        receipt = await self._own.append(scope, self._own.sign(subjects, ACCESS_AUDIT_TYPE, predicate))
        async with self._database.tenant(scope) as connection:
            await access_audit.appended(connection, scope, batch, receipt.evidence_id)
        logger.info("access_in_log", tenant=scope.name, first=batch.first, last=batch.last)


async def access_proofs(connection: Connection, scope: TenantScope, sequences: Sequence[int]) -> dict[int, AccessProof]:
    """The proof of each of these rows, for a reading session; those that no statement in the log commits to yet are
    left out."""
    batches = await access_audit.batches_of(connection, scope, sequences) if sequences else {}
    return {one: _prover(batch).prove(one) for one, batch in batches.items()}


@lru_cache(maxsize=_KEPT_PROVERS)
def _prover(batch: AccessBatch) -> BatchProver:
    return BatchProver(batch)


def _check(batch: AccessBatch, rows: Sequence[AccessRow]) -> None:
    """What was planned is what is there. Raises VerificationFailed `access_changed`, `access_gap`."""
    if not rows or batch_of(rows).root != batch.root:
        raise VerificationFailed(
            f"rows {batch.first} to {batch.last} of the audit are not what they were", code="access_changed"
        )
