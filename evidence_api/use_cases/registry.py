"""What an operator may look at and end: a tenant's keys, trusted identities and tokens. Called by the CLI alone.

Ending is for the future: what a key verified while it counted stays verified, and the row stays on record.
"""

from uuid import UUID

from evidence_api.domain.errors import Malformed
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.registry import RegisteredIdentity, RegisteredKey, RegisteredToken
from evidence_api.engines.clock import Clock
from evidence_api.store import tokens, trust
from evidence_api.store.session import Database


class Registry:
    """Lists and ends registrations. All lists hold the ended ones too."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def keys(self, scope: TenantScope) -> tuple[RegisteredKey, ...]:
        """Public keys, oldest first."""
        async with self._database.tenant(scope) as connection:
            return await trust.every_key(connection, scope)

    async def revoke_key(self, scope: TenantScope, key_id: str) -> None:
        """Stop trusting a key, named by its id (sha256:<hex>). Raises NotFound."""
        async with self._database.tenant(scope) as connection:
            await trust.revoke_key(connection, scope, key_id, self._clock.now())

    async def identities(self, scope: TenantScope) -> tuple[RegisteredIdentity, ...]:
        """Trusted certificate identities, oldest first."""
        async with self._database.tenant(scope) as connection:
            return await trust.every_identity(connection, scope)

    async def revoke_identity(self, scope: TenantScope, rule_id: str) -> None:
        """Stop trusting an identity. Raises Malformed, NotFound."""
        async with self._database.tenant(scope) as connection:
            await trust.revoke_identity(connection, scope, _uuid(rule_id), self._clock.now())

    async def tokens(self, scope: TenantScope) -> tuple[RegisteredToken, ...]:
        """API tokens, newest first; their text is nowhere."""
        async with self._database.tenant(scope) as connection:
            return await tokens.every(connection, scope)

    async def revoke_token(self, scope: TenantScope, token_id: str) -> None:
        """End a token. Raises Malformed, NotFound. A running server may take it for a few seconds more."""
        async with self._database.tenant(scope) as connection:
            await tokens.revoke(connection, scope, _uuid(token_id), self._clock.now())


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as fault:
        raise Malformed(f"not an id: {text[:80]!r}", path="id") from fault
