"""Policy telemetry, first part: what the server's own gates allow and deny is counted in memory, and kept every second.

A count takes less than a microsecond, so nothing waits for it. What a crash loses is at most the counts since the last
flush, about a second of them; an order to stop loses none. Counts belong to the hour in which they are flushed.
Decisions somebody asked for are not counted here: they are evidence, and counted as that (store/policy_hits.py).
"""

import asyncio
from collections import Counter
from datetime import datetime
from time import monotonic
from uuid import UUID

import structlog

from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.clock import Clock
from evidence_api.store import policy_hits
from evidence_api.store.session import Database

logger = structlog.get_logger(__name__)

_INTERVAL = 1.0  # seconds
_SHARE = 20  # a flush that takes long is followed by a pause so many times as long
_MOST = 10_000  # decisions of one tenant between two flushes; those beyond are not counted
_REASONS_AN_HOUR = 200  # of a tenant's area; others are counted together
_LONGEST = 300  # characters of a reason


class _Tally:
    """One tenant's decisions since the last flush."""

    __slots__ = ("decisions", "hits", "scope")

    def __init__(self, scope: TenantScope) -> None:
        self.scope = scope
        self.decisions: dict[str, Decision] = {}
        self.hits: Counter[str] = Counter()


class PolicyHits:
    """Counts decisions by tenant."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._tallies: dict[UUID, _Tally] = {}
        self._told: dict[tuple[UUID, str], set[str]] = {}
        self._hour: datetime | None = None

    def count(self, scope: TenantScope, decision: Decision) -> None:
        """The decision was made, or made use of again."""
        tally = self._tallies.get(scope.id)
        if tally is None:
            tally = self._tallies[scope.id] = _Tally(scope)
        if decision.id not in tally.decisions:
            if len(tally.decisions) >= _MOST:
                return
            tally.decisions[decision.id] = decision
        tally.hits[decision.id] += 1

    async def run(self) -> None:
        """Flush for ever. What could not be kept now is kept later."""
        while True:
            begun = monotonic()
            await self.keep()
            await asyncio.sleep(max(_INTERVAL, _SHARE * (monotonic() - begun)))

    async def keep(self) -> None:
        """Flush, as far as that is possible now; it is said where it is not."""
        try:
            await self.flush()
        except EvidenceError as fault:
            logger.warning("policy_hits_postponed", code=fault.code, detail=fault.message)

    async def flush(self) -> None:
        """Keep what was counted. Raises StoreUnavailable; what is not kept then is counted still."""
        hour = self._clock.now().replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour, self._told = hour, {}
        tallies, self._tallies = self._tallies, {}
        for identity, tally in list(tallies.items()):
            try:
                async with self._database.tenant(tally.scope) as connection:
                    await policy_hits.add(connection, tally.scope, hour, _hits(tally), self._reasons(tally))
                    # Commit point: on leaving this block. A crash before it loses these counts, and nothing else.
            except BaseException:  # an order to stop too: the last flush keeps what this one did not
                for waiting in tallies.values():
                    self._put_back(waiting)
                raise
            del tallies[identity]

    def _put_back(self, tally: _Tally) -> None:
        newer = self._tallies.setdefault(tally.scope.id, tally)
        if newer is not tally:
            newer.decisions = tally.decisions | newer.decisions
            newer.hits.update(tally.hits)

    def _reasons(self, tally: _Tally) -> Counter[tuple[str, str]]:
        """What denials were told with; "" stands for all beyond the most that an hour keeps of an area."""
        counted: Counter[tuple[str, str]] = Counter()
        for identity, decision in tally.decisions.items():
            for said in () if decision.allow else decision.reasons:
                reason = said[:_LONGEST].replace("\0", "\N{REPLACEMENT CHARACTER}")
                told = self._told.setdefault((tally.scope.id, decision.area), set())
                if reason not in told and len(told) >= _REASONS_AN_HOUR:
                    reason = ""
                told.add(reason)
                counted[decision.area, reason] += tally.hits[identity]
        return counted


def _hits(tally: _Tally) -> Counter[tuple[str, str, bool]]:
    """Each decision once under the rule "", and once under each of its rules."""
    counted: Counter[tuple[str, str, bool]] = Counter()
    for identity, decision in tally.decisions.items():
        for rule in ("", *decision.rules):
            named = rule[:_LONGEST].replace("\0", "\N{REPLACEMENT CHARACTER}")
            counted[decision.area, named, decision.allow] += tally.hits[identity]
    return counted
