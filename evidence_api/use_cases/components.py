"""The index of components is kept up in the background: SBOM after SBOM, in the order of the log.

Not in the append, whose transaction holds the log: an SBOM may have more components than a batch has envelopes. What
the log has and the index has not is found by comparing the two, so nothing appended is forgotten; several
workers, in several processes, share the work.

The plan for one SBOM:
  1. take it for a while                                                   store/components.py
  2. read its bytes again, and make its rows                               in a thread
  3. upsert the rows, batch by batch
  4. link them and take it off the list, in one transaction
A crash anywhere leaves it free again when the lease has run out.
"""

import asyncio
from uuid import UUID

import structlog

from evidence_api.domain.component import IndexedComponent
from evidence_api.domain.errors import Refused
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.clock import Clock
from evidence_api.formats.component_index import indexed
from evidence_api.formats.sboms import read_sbom
from evidence_api.formats.stored import stored_statement
from evidence_api.store import components, evidence, tenants
from evidence_api.store.components import WaitingSbom
from evidence_api.store.session import Database
from evidence_api.use_cases.rounds import Rounds

logger = structlog.get_logger(__name__)

_ERASED, _FAULT = "erased", "internal"
_KNOWN = 200_000  # some 20 MiB


class ComponentIndexer:
    """Puts every tenant's SBOMs into the index."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._rounds = Rounds(self.sweep, "indexing_postponed")
        self._known: set[bytes] = set()  # tenant and component, 16 bytes each

    def wake(self, _scope: TenantScope | None = None) -> None:
        """An SBOM was appended: look now instead of at the end of the interval."""
        self._rounds.wake()

    async def run(self, interval: float) -> None:
        """Index for ever, when woken and every `interval` seconds. What could not be done now is done later."""
        await self._rounds.run(interval)

    async def sweep(self) -> int:
        """Index every SBOM that waits; the number of SBOMs done."""
        done = 0
        for scope in await tenants.every(self._database):
            while (waiting := await self._claim(scope)) is not None:
                await self._index(scope, waiting)
                done += 1
        return done

    async def _claim(self, scope: TenantScope) -> WaitingSbom | None:
        async with self._database.tenant(scope) as connection:
            return await components.claim(connection, scope, self._clock.now())

    async def _index(self, scope: TenantScope, waiting: WaitingSbom) -> None:
        async with self._database.reading(scope) as connection:
            body = (await evidence.bodies(connection, scope, [waiting.body_digest])).get(waiting.body_digest)
        rows: list[IndexedComponent] = []
        code = _ERASED if body is None else ""
        try:
            if body is not None:
                rows = await asyncio.to_thread(_rows_of, body)
        except Refused as refusal:  # it was read when it came in, by the readers of then
            code = refusal.code
            logger.warning("sbom_unreadable", tenant=scope.name, leaf=waiting.leaf_index, code=code)
        except Exception:  # one SBOM must not keep all others out, nor end the server
            code = _FAULT
            logger.exception("sbom_unreadable", tenant=scope.name, leaf=waiting.leaf_index, code=code)
        del body
        await self._add(scope, rows)
        ids: list[UUID] = [row.id for row in rows]
        await components.finish(self._database, scope, waiting.leaf_index, ids, code)

    async def _add(self, scope: TenantScope, rows: list[IndexedComponent]) -> None:
        """Add those this process has not added already: rows of components stay for ever, and most come again."""
        tenant = scope.id.bytes
        new = [row for row in rows if tenant + row.id.bytes not in self._known]
        await components.add(self._database, scope, new)
        if len(self._known) + len(new) > _KNOWN:
            self._known.clear()
        if len(new) <= _KNOWN:
            self._known.update(tenant + row.id.bytes for row in new)


def _rows_of(body: bytes) -> list[IndexedComponent]:
    statement = stored_statement(body)
    return indexed(read_sbom(statement.predicate_type, statement.predicate))
