"""Readiness: can the server do its work now, which needs PostgreSQL and the policy engine to answer."""

from evidence_api.store.session import Database
from evidence_api.use_cases.decide import Gate


class Readiness:
    """Asks both, each time."""

    def __init__(self, database: Database, gate: Gate) -> None:
        self._database = database
        self._gate = gate

    async def check(self) -> None:
        """Raises Undecided (StoreUnavailable, EngineCrashed …) when one does not answer."""
        async with self._database.anonymous() as connection:
            await connection.fetchval("SELECT 1")
        await self._gate.decide(
            "authorisation", {"principal": {"kind": "probe", "rights": [], "tenant": ""}, "action": ""}
        )
