"""Who is asking and may they: a token becomes a principal, a Rego decision lets the action through."""

from collections import OrderedDict
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, TypeAlias
from uuid import UUID

from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import Denied, Forbidden, NotFound, Unauthenticated
from evidence_api.domain.principal import Principal, ReadGrant
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.token import token_hash
from evidence_api.engines.clock import Clock
from evidence_api.store import tokens
from evidence_api.store.session import Database
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.once import Once

_KEPT_SECONDS = 5.0  # so a revoked token works at most this much longer
_KEPT_TOKENS = 4096
_KEPT_ALLOWED = 4096
_GRANT_KEPT = timedelta(seconds=30)  # an answer about a grant, and never past its end
_USED_KINDS = frozenset({tokens.TOKEN, tokens.AUDITOR})
_OTHER_TENANT = ("authorisation.other_tenant",)


# Kind, rights, tenant, action, whose the thing is, grant.
_Question: TypeAlias = tuple[str, frozenset[str], str, str, str | None, ReadGrant | None]


class Access:
    """Authentication against the store and authorisation by policy."""

    def __init__(self, database: Database, gate: Gate, clock: Clock) -> None:
        self._database = database
        self._gate = gate
        self._clock = clock
        self._allowed: dict[_Question, Decision] = {}
        self._allowed_until: dict[_Question, datetime] = {}  # of those that rest on a grant
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
        if principal.kind not in _USED_KINDS or self._marked.get(principal.id) == hour:
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
        grant = principal.grant
        question = (principal.kind, principal.rights, principal.tenant.name, action, tenant, grant)
        allowed = self._allowed.get(question)
        if allowed is not None and (grant is None or self._clock.now() < self._allowed_until[question]):
            self._gate.count(principal.tenant, allowed)
            return
        now = None if grant is None else self._clock.now()
        asked = _asked(principal, action, tenant, now)
        decision = await self._gate.decide("authorisation", asked, scope=principal.tenant)
        if not decision.allow:
            raise _refusal(action, decision)
        if len(self._allowed) >= _KEPT_ALLOWED:
            self._allowed.clear()  # the gate keeps them too, under a name that takes longer to make
            self._allowed_until.clear()
        self._allowed[question] = decision
        if grant is not None and now is not None:
            self._allowed_until[question] = min(now + _GRANT_KEPT, grant.not_after or now + _GRANT_KEPT)


def _asked(principal: Principal, action: str, tenant: str | None, now: datetime | None) -> dict[str, Any]:
    """The input of area `authorisation` (policy/authorisation/authorisation.rego); `now` where there is a grant."""
    who: dict[str, Any] = {"kind": principal.kind, "rights": sorted(principal.rights), "tenant": principal.tenant.name}
    asked: dict[str, Any] = {"principal": who, "action": action}
    if principal.grant is not None and now is not None:
        end = principal.grant.not_after
        who["grant"] = {"expires": None if end is None else format_rfc3339(end)}
        asked["at"] = format_rfc3339(now.replace(microsecond=0))  # as fine as the policy compares
    return asked if tenant is None else asked | {"resource": {"tenant": tenant}}


def _refusal(action: str, decision: Decision) -> Denied:
    if decision.rules == _OTHER_TENANT:
        return NotFound("no such tenant")
    return Forbidden(
        f"not allowed to {action}: {'; '.join(decision.reasons) or 'policy gave no reason'}",
        rules=list(decision.rules),
        decision=decision.id,
    )
