"""Federation: a signed question of another organisation becomes a principal, and its answer is signed for it alone.

The plan for a question, and the codes of what does not hold:
  1. there is such a tenant; if not, it looks like a key nobody has              key_unknown
  2. the signature is one of the profile, of now, over this body                 formats/federation_profile.py
  3. the key is one that was pinned for the tenant, chosen by its record alone   key_unknown
  4. that key signed this message, for this server's own address                 bad_signature, target_mismatch
  5. key and peer are in force, something was granted and has not ended          peer_revoked, no_grant, grant_expired
  6. the nonce is used up, by this request and no other, whatever server got it  signature_replayed
  7. the peer is within its own rate                                             rate_limited
Up to 4 nobody is known: such a refusal is on record as nobody's, and is not signed. From 5 on it is the peer's.
Source: RFC 9421 sections 3.2, 7.2.2 (replay) and 7.3.6 (the key chooses the algorithm).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

import structlog

from evidence_api.domain.errors import (
    Denied,
    EvidenceError,
    Forbidden,
    NotFound,
    RateLimited,
    Unauthenticated,
)
from evidence_api.domain.peers import PeerGrant, PresentedKey
from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.engines.clock import Clock
from evidence_api.engines.http_signatures import MessageSigner, federation_key, verify_signed
from evidence_api.formats import federation_profile as profile
from evidence_api.formats.http_message import Fields, Message
from evidence_api.formats.http_signature import Signed
from evidence_api.formats.jwks import FederationKey
from evidence_api.store import peers, read_log, tenants
from evidence_api.store.session import Connection, Database

log = structlog.get_logger(__name__)

KIND, NOBODY = "peer", "unknown"
RIGHTS = frozenset({"evidence:read"})
_SWEPT_EVERY = timedelta(seconds=60)
_KEPT_AFTER = timedelta(seconds=profile.SKEW + 60)  # servers' clocks differ too
_MAX_TENANTS = 4096
_ADMITTED_AT_ONCE = 4  # connections to the database that strangers may keep busy


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it came. `message.target_uri` is where this server says it is; `addressed` is where the sender
    seems to have sent it, for a better word when the signature does not hold, and never believed."""

    tenant: str
    message: Message
    body: bytes = field(repr=False)
    addressed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Admitted:
    """A question that may be answered."""

    principal: Principal
    peer: str
    question: Question
    grant: PeerGrant


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A question that may not. `scope` is None where there is no such tenant; `peer` the peer it is certainly of."""

    error: EvidenceError
    scope: TenantScope | None
    question: Question
    peer: Principal | None = None


Outcome: TypeAlias = Admitted | TurnedAway


class Federation:
    """Admits questions and signs answers. `public_url` is what clients call this server; None: it federates nothing."""

    def __init__(self, database: Database, clock: Clock, signer: MessageSigner, public_url: str | None) -> None:
        self._database = database
        self._clock = clock
        self._signer = signer
        self._public_url = public_url.rstrip("/") if public_url else None
        self._tenants: dict[str, TenantScope] = {}
        self._swept: dict[TenantScope, datetime] = {}
        self._admissions = asyncio.Semaphore(_ADMITTED_AT_ONCE)

    @property
    def key(self) -> FederationKey:
        """The key answers are signed with."""
        return self._signer.public

    def target(self, path: str) -> str:
        """The absolute URI of a path here. Raises Forbidden `federation_off`."""
        if self._public_url is None:
            raise Forbidden("this server does not federate: EVIDENCE_PUBLIC_URL is not set", code="federation_off")
        return f"{self._public_url}{path}"

    async def admit(self, question: Question) -> Outcome:
        """Run the plan. Raises only StoreUnavailable and the like: a refusal is a TurnedAway."""
        async with self._admissions:
            return await self._admit(question)

    async def _admit(self, question: Question) -> Outcome:
        # 1. the tenant
        scope = await self._tenant(question.tenant)
        try:
            # 2. the signature as the profile has it
            now = self._clock.now()
            signed = _read(question, now)
            if scope is None:
                raise _key_unknown()
            async with self._database.tenant(scope) as connection:
                # 3. and 4. the key
                key_id = signed.input.text("keyid") or ""
                presented = await peers.presented(connection, scope, key_id, now)
                if presented is None:
                    raise _key_unknown()
                _verify(question, signed, presented)
                outcome = await self._admit_peer(connection, scope, question, signed, presented)
        except Denied as refusal:
            log.info("question_refused", tenant=question.tenant[:80], code=refusal.code, detail=refusal.message)
            return TurnedAway(refusal, scope, question)
        return outcome

    async def _admit_peer(
        self, connection: Connection, scope: TenantScope, question: Question, signed: Signed, presented: PresentedKey
    ) -> Outcome:
        """Steps 5 to 7. Commit point: the nonce, with the transaction; a crash before it leaves it unused and nobody
        answered, a crash after it a nonce used for nothing."""
        principal = Principal(KIND, str(presented.peer_id), scope, RIGHTS)
        try:
            # 5. in force
            grant = _in_force(presented, self._clock.now())
            # 6. the nonce
            expires = datetime.fromtimestamp(signed.input.seconds("expires") or 0, UTC)
            key_id, nonce = signed.input.text("keyid") or "", signed.input.text("nonce") or ""
            await self._sweep(connection, scope)
            if not await peers.take_nonce(connection, scope, key_id, nonce, expires):
                raise Unauthenticated(
                    "a question with this nonce was asked before", code="signature_replayed", path="nonce"
                )
            # 7. its rate
            _check_rate(presented, grant)
        except (Denied, RateLimited) as refusal:
            return TurnedAway(refusal, scope, question, principal)
        return Admitted(replace(principal, grant=grant.reading), presented.peer, question, grant)

    async def settle(self, admitted: Admitted, cost: int) -> None:
        """Charge the peer's own bucket with what its question came to."""
        if admitted.grant.cost_rate is not None:
            scope = admitted.principal.tenant
            async with self._database.tenant(scope) as connection:
                await peers.charge(connection, scope, UUID(admitted.principal.id), self._clock.now(), cost)

    async def checkpoint(self, scope: TenantScope) -> tuple[str, datetime | None]:
        """The signed note of the tenant's newest tree, and since when that is the newest."""
        async with self._database.reading(scope) as connection:
            head = await read_log.head(connection, scope)
        return head.checkpoint, head.updated_at

    def sign(self, question: Question, status: int, fields: Fields) -> Fields:
        """The fields that sign an answer with these fields to this question (RFC 9421 section 2.4)."""
        answer = Message(fields, status=status, request=question.message)
        more = [profile.CHECKPOINT] if answer.field(profile.CHECKPOINT) is not None else []
        described = profile.answer_input(self._signer.key_id, int(self._clock.now().timestamp()), *more)
        return self._signer.sign("answer", answer, described)

    async def _tenant(self, name: str) -> TenantScope | None:
        """A tenant's id never changes, so it is looked up once."""
        known = self._tenants.get(name)
        if known is None:
            try:
                known = await tenants.by_name(self._database, name)
            except NotFound:
                return None
            if len(self._tenants) >= _MAX_TENANTS:
                self._tenants.clear()
            self._tenants[name] = known
        return known

    async def _sweep(self, connection: Connection, scope: TenantScope) -> None:
        """Once a minute, forget nonces whose signatures nobody takes any more."""
        now = self._clock.now()
        if scope in self._swept and now - self._swept[scope] < _SWEPT_EVERY:
            return
        self._swept[scope] = now
        await peers.sweep_nonces(connection, scope, now - _KEPT_AFTER)


def _read(question: Question, now: datetime) -> Signed:
    """Step 2."""
    try:
        return profile.read_question(question.message, question.body, now)
    except EvidenceError as fault:
        raise Unauthenticated(fault.message, code=fault.code, **fault.fields) from fault


def _verify(question: Question, signed: Signed, presented: PresentedKey) -> None:
    """Step 4; where the signature does not hold, whether it would for the address the sender used."""
    key = federation_key(FederationKey(presented.public))
    try:
        verify_signed(question.message, signed, key)
    except EvidenceError as fault:
        for target in question.addressed:
            try:
                verify_signed(replace(question.message, target_uri=target), signed, key)
            except EvidenceError:
                continue
            raise Unauthenticated(
                f"the question was signed for {target[:200]}; here it is {question.message.target_uri}",
                code="target_mismatch",
                path="@target-uri",
            ) from fault
        raise Unauthenticated("this key did not sign this question", code="bad_signature") from fault


def _in_force(presented: PresentedKey, now: datetime) -> PeerGrant:
    """Step 5. Only who holds the key is told any of it."""
    if presented.revoked:
        raise Unauthenticated("this key, or the peer it is of, was revoked", code="peer_revoked")
    if presented.grant is None:
        raise Forbidden("nothing was granted to this peer yet", code="no_grant")
    end = presented.grant.reading.not_after
    if end is not None and now >= end:
        raise Forbidden("what was granted to this peer has ended", code="grant_expired", value=end.isoformat())
    return presented.grant


def _check_rate(presented: PresentedKey, grant: PeerGrant) -> None:
    """Step 7."""
    if presented.in_debt > 0:
        raise RateLimited(
            f"{presented.peer} is over the {grant.cost_rate} cost units a second that were granted",
            retry_after=round(presented.in_debt, 3) or 0.001,
            limit=grant.cost_rate,
        )


def _key_unknown() -> Unauthenticated:
    return Unauthenticated("no peer is known by this key", code="key_unknown", path="keyid")
