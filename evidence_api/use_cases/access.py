"""Who is asking and may they: a token becomes a principal, a Rego decision lets the action through."""

from collections import OrderedDict
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID

from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import Denied, Forbidden, NotFound, Unauthenticated
from evidence_api.domain.principal import Principal
from evidence_api.domain.token import token_hash
from evidence_api.engines.clock import Clock
from evidence_api.store import tokens
from evidence_api.store.session import Database
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.once import Once

_KEPT_SECONDS = 5.0  # so a revoked token works at most this much longer
_KEPT_TOKENS = 4096
_KEPT_ALLOWED = 4096
_OTHER_TENANT = ("authorisation.other_tenant",)


class Access:
    """Authentication against the store and authorisation by policy."""

    def __init__(self, database: Database, gate: Gate, clock: Clock) -> None:
        self._database = database
        self._gate = gate
        self._clock = clock
        self._allowed: dict[tuple[str, frozenset[str], str, str, str | None], Decision] = {}
        self._known: OrderedDict[str, tuple[float, Principal]] = OrderedDict()
        self._looked_up = Once(self._look_up)
        self._marked: dict[str, datetime] = {}  # the hour each API token was last marked as used

    async def authenticate(self, token: str) -> Principal:
        """The principal of an API token. Raises Unauthenticated: unknown, expired and revoked look alike."""
        kept = self._known.get(token)
        if kept is not None and kept[0] > monotonic():
            return kept[1]
        return await self._looked_up(token)

    async def _look_up(self, token: str) -> Principal:
        now = self._clock.now()
        principal = await tokens.find_by_hash(self._database, token_hash(token), now)
        if principal is None:
            self._known.pop(token, None)
            raise Unauthenticated("the token is not known, has expired or was revoked")
        await self._mark_used(principal, now)
        self._known[token] = (monotonic() + _KEPT_SECONDS, principal)
        if len(self._known) > _KEPT_TOKENS:
            self._known.popitem(last=False)
        return principal

    async def _mark_used(self, principal: Principal, now: datetime) -> None:
        """Keep when an API token was last used, by the hour and so at most once an hour from each process."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        if principal.kind != "token" or self._marked.get(principal.id) == hour:
            return
        async with self._database.tenant(principal.tenant) as connection:
            await tokens.mark_used(connection, principal.tenant, UUID(principal.id), now)
        if len(self._marked) >= _KEPT_TOKENS:
            self._marked.clear()
        self._marked[principal.id] = hour

    async def authorise(self, principal: Principal, action: str, *, tenant: str | None = None) -> None:
        """Ask policy area `authorisation`; `tenant` is whose the thing asked for is, where that is said.

        Raises Forbidden with the rules and reasons of the denial, and NotFound where it is that the thing is another
        tenant's: whether there is such a tenant is nobody's to find out.
        """
        question = (principal.kind, principal.rights, principal.tenant.name, action, tenant)
        allowed = self._allowed.get(question)
        if allowed is not None:
            self._gate.count(principal.tenant, allowed)
            return
        decision = await self._gate.decide("authorisation", _asked(principal, action, tenant), scope=principal.tenant)
        if not decision.allow:
            raise _refusal(action, decision)
        if len(self._allowed) >= _KEPT_ALLOWED:
            self._allowed.clear()  # the gate keeps them too, under a name that takes longer to make
        self._allowed[question] = decision


def _asked(principal: Principal, action: str, tenant: str | None) -> dict[str, Any]:
    """The input of area `authorisation` (policy/authorisation/authorisation.rego)."""
    who = {"kind": principal.kind, "rights": sorted(principal.rights), "tenant": principal.tenant.name}
    asked = {"principal": who, "action": action}
    return asked if tenant is None else asked | {"resource": {"tenant": tenant}}


def _refusal(action: str, decision: Decision) -> Denied:
    if decision.rules == _OTHER_TENANT:
        return NotFound("no such tenant")
    return Forbidden(
        f"not allowed to {action}: {'; '.join(decision.reasons) or 'policy gave no reason'}",
        rules=list(decision.rules),
        decision=decision.id,
    )
