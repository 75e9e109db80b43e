"""Quotas of models: whether a tenant's bucket has a token for a call, and what is left of its budget.

Who may call is the policy's to say: it is told of both. A token is taken before it is asked, so of callers at the same
time none is promised the same one, and goes back unless the call was allowed and put on record. A crash between the two
loses a token, which comes again with the next refill; it never makes one.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from evidence_api.domain.budget import BudgetState, current_periods, tightest
from evidence_api.domain.decisions.budget_event import usd_text
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.model_quota import BucketSize, Taken, bucket_size, budget_limit
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.clock import Clock
from evidence_api.formats.askable_areas import BUCKET, MODEL
from evidence_api.store import budgets, model_buckets, tenants
from evidence_api.store.session import Database

logger = structlog.get_logger(__name__)

_FORGET_SECONDS = 600.0
_OWN = ""  # the scope of a budget that is of everything


@dataclass(slots=True)
class Room:
    """What a bucket said of one call; None: calls are not limited. Kept, or it goes back."""

    taken: Taken | None = None
    kept: bool = False

    def keep(self) -> None:
        """The call is made: its token is spent."""
        self.kept = True

    def given(self) -> Mapping[str, Any]:
        """What the policy is told."""
        if self.taken is None:
            return {}
        told = {
            "granted": self.taken.granted,
            "remaining": self.taken.remaining,
            "retry_after_seconds": self.taken.retry_after,
        }
        return {BUCKET: told}

    @property
    def retry_after(self) -> float | None:
        """Seconds until there is room, where there is none."""
        return None if self.taken is None or self.taken.granted else self.taken.retry_after


class ModelQuota:
    """Takes from buckets and reads budgets, by the operator's settings (the policy bundle's data, by area)."""

    def __init__(self, database: Database, settings: Mapping[str, Any], clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock

    @asynccontextmanager
    async def room(self, scope: TenantScope, area: str, asked: Mapping[str, Any], at: datetime) -> AsyncIterator[Room]:
        """A token for the model that is asked about, given back on leaving unless it is kept. Raises StoreUnavailable
        (not known whether there is room: nothing may be let through)."""
        model = asked.get(MODEL)
        size = bucket_size(self._settings.get(area), scope.name, model) if isinstance(model, str) else None
        if model is None or size is None:
            yield Room()
            return
        room = Room(await self._move(scope, model, size, 1, at))
        try:
            yield room
        finally:
            if room.taken is not None and room.taken.granted and not room.kept:
                await self._move(scope, model, size, -1, self._clock.now())

    async def budget(
        self, scope: TenantScope, area: str, asked: Mapping[str, Any], at: datetime
    ) -> Mapping[str, Any] | None:
        """The tightest of the tenant's budgets of now: its own, and those of the model (`<model>`, `model:<model>`).
        None where it has none."""
        model = asked.get(MODEL)
        of = (_OWN, model, f"model:{model}") if isinstance(model, str) else (_OWN,)
        async with self._database.reading(scope) as connection:
            found = await budgets.standing(connection, scope, current_periods(at), of)
        state = tightest(tuple(self._limited(scope, area, one) for one in found))
        if state is None:
            return None
        told = {
            "period": state.period,
            "level": state.level,
            "spent": usd_text(state.spent),
            "limit": usd_text(state.limit),
        }
        return told | ({"scope": state.scope} if state.scope else {})

    def _limited(self, scope: TenantScope, area: str, state: BudgetState) -> BudgetState:
        """With the operator's limit, which holds from the moment it is set."""
        limit = None if state.scope else budget_limit(self._settings.get(area), scope.name, state.period)
        return state if limit is None else replace(state, limit=limit)

    async def run(self) -> None:
        """For ever: now and then forget buckets that are full, or names of models would add up."""
        while True:
            try:
                for scope in await tenants.every(self._database):
                    async with self._database.tenant(scope) as connection:
                        await model_buckets.forget_full(connection, scope, self._clock.now())
            except EvidenceError as fault:
                logger.warning("buckets_not_forgotten", code=fault.code, detail=fault.message)
            await asyncio.sleep(_FORGET_SECONDS)

    async def _move(self, scope: TenantScope, model: str, size: BucketSize, calls: int, at: datetime) -> Taken:
        async with self._database.tenant(scope) as connection:
            return await model_buckets.move(connection, model, size, calls, at)
