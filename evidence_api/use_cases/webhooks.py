"""Webhooks: operators say where a tenant is told, and what is to be told is sent until it is there.

At least once: a message leaves the outbox when its receiver has answered with 200 to 299. A crash between the answer
and the note of it sends it once more, under the same id. Attempts come after 1, 2, 4, … seconds, then hourly, and end
after three days.
"""

import asyncio
import secrets
from datetime import timedelta

import structlog

from evidence_api.domain.errors import EvidenceError, Malformed
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.clock import Clock
from evidence_api.engines.webhook import WebhookSender
from evidence_api.store import tenants, webhooks
from evidence_api.store.session import Database
from evidence_api.store.webhooks import Delivery, Webhook
from evidence_api.use_cases.rounds import Rounds

logger = structlog.get_logger(__name__)

_LEASE = timedelta(seconds=60)  # an attempt ends after ten, and those of one tenant are made side by side
_FIRST, _LONGEST, _GIVEN_UP = timedelta(seconds=1), timedelta(hours=1), timedelta(days=3)
_AT_ONCE = 8  # tenants: a receiver that does not answer must not hold up the others
_OF_TENANT = 4  # messages
_IDLE = 4  # intervals of the front between two looks
_SECRET_LENGTHS = range(16, 1_025)


class Webhooks:
    """Keeps where each tenant is told, and delivers."""

    def __init__(self, database: Database, sender: WebhookSender, clock: Clock) -> None:
        self._database = database
        self._sender = sender
        self._clock = clock
        self._rounds = Rounds(self.sweep, "webhooks_postponed")

    async def put(self, scope: TenantScope, url: str, secret: str | None = None) -> Webhook:
        """Set it. Without a secret one is made; this is where it is shown. Raises Malformed."""
        self._sender.check(url)
        if secret is not None and (len(secret) not in _SECRET_LENGTHS or not secret.isprintable()):
            said = f"secret: {_SECRET_LENGTHS[0]} to {_SECRET_LENGTHS[-1]} printable characters"
            raise Malformed(said, code="webhook_secret", path="secret", limit=_SECRET_LENGTHS[-1], value=len(secret))
        made = Webhook(url, secret or secrets.token_urlsafe(32), self._clock.now())
        async with self._database.tenant(scope) as connection:
            await webhooks.put(connection, scope, made)
        return made

    async def get(self, scope: TenantScope) -> tuple[Webhook | None, list[Delivery]]:
        """It, and its newest messages."""
        async with self._database.reading(scope) as connection:
            return await webhooks.get(connection, scope), await webhooks.newest(connection, scope)

    async def remove(self, scope: TenantScope) -> bool:
        """Tell nobody any more; whether there was a webhook."""
        async with self._database.tenant(scope) as connection:
            return await webhooks.remove(connection, scope)

    def wake(self) -> None:
        """There is something to be told: look now instead of at the end of the interval."""
        self._rounds.wake()

    async def run(self, interval: float) -> None:
        """Deliver for ever, when woken and every few intervals."""
        await self._rounds.run(interval * _IDLE)

    async def sweep(self) -> int:
        """Try everything that is due, of every tenant; how many messages were delivered."""
        free = asyncio.Semaphore(_AT_ONCE)

        async def one(scope: TenantScope) -> int:
            async with free:
                return await self._deliver(scope)

        return sum(await asyncio.gather(*(one(scope) for scope in await tenants.every(self._database))))

    async def _deliver(self, scope: TenantScope) -> int:
        """One tenant's. Its failure must not keep others from theirs."""
        delivered = 0
        try:
            while (tried := await self._few(scope)) and all(tried):
                delivered += len(tried)
            return delivered + sum(tried)
        except EvidenceError as fault:
            logger.warning("webhook_postponed", tenant=scope.name, code=fault.code, detail=fault.message)
        except Exception:  # the same
            logger.exception("webhook_postponed", tenant=scope.name, code="internal")
        return delivered

    async def _few(self, scope: TenantScope) -> list[bool]:
        """The next few that are due, side by side; whether each was delivered. More are taken only when all were: one
        receiver that does not answer is waited for no longer than for one message."""
        now = self._clock.now()
        async with self._database.tenant(scope) as connection:
            due = await webhooks.claim(connection, scope, now, now + _LEASE, limit=_OF_TENANT)
            webhook = await webhooks.get(connection, scope) if due else None
        if webhook is None:
            return []
        # A crash from here on leaves them claimed: they are tried again when the lease has run out.
        return list(await asyncio.gather(*(self._attempt(scope, webhook, one) for one in due)))

    async def _attempt(self, scope: TenantScope, webhook: Webhook, message: Delivery) -> bool:
        done = await self._sender.send(webhook.url, webhook.secret, str(message.id), message.body.encode())
        now = self._clock.now()
        wait = min(_LONGEST, _FIRST * 2 ** min(message.attempts - 1, 20))
        given_up = not done.delivered and now - message.created > _GIVEN_UP
        due = None if done.delivered or given_up else now + wait
        async with self._database.tenant(scope) as connection:
            await webhooks.settle(
                connection,
                scope,
                message.id,
                outcome=done.outcome,
                delivered=now if done.delivered else None,
                due=due,
            )
        if not done.delivered:
            logger.warning(
                "webhook_not_delivered", tenant=scope.name, message=str(message.id), outcome=done.outcome,
                attempts=message.attempts, given_up=given_up,
            )  # fmt: skip
        return done.delivered
