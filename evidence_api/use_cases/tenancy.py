"""What an operator does for a tenant: make it, register whom it trusts, hand out tokens. Called by the CLI alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.registry import RegisteredToken
from evidence_api.domain.token import RIGHTS, new_token, token_hash
from evidence_api.engines.clock import Clock
from evidence_api.engines.keys import MAX_KEYS, NoteSigner, PublicKey, load_public_key
from evidence_api.engines.sigstore import IdentityRule
from evidence_api.formats.checkpoint import Checkpoint, NoteVerifier, checkpoint_text, format_note
from evidence_api.store import tenants, tokens, trust
from evidence_api.store.session import Database

_EMPTY_ROOT = sha256(b"").digest()  # RFC 9162 section 2.1.1


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token at the one moment its text is known."""

    token: str
    registered: RegisteredToken


class Tenancy:
    """Administers tenants with the owner's connection."""

    def __init__(self, database: Database, log_signer: NoteSigner, log_origin: str, clock: Clock) -> None:
        self._database = database
        self._signer = log_signer
        self._log_origin = log_origin
        self._clock = clock

    def log_verifier(self, scope: TenantScope) -> NoteVerifier:
        """The key that checks this tenant's checkpoints, under the log's origin."""
        return NoteVerifier(f"{self._log_origin}/{scope.name}", self._signer.public_key)

    async def create(self, name: str) -> TenantScope:
        """A tenant with an empty, signed log. Raises Malformed, Conflict (the name is taken)."""
        verifier = NoteVerifier(f"{self._log_origin}/{name}", self._signer.public_key)
        text = checkpoint_text(Checkpoint(verifier.name, 0, _EMPTY_ROOT))
        note = format_note(text, verifier, self._signer.sign(text))
        return await tenants.create(self._database, name, origin=verifier.name, checkpoint=note, at=self._clock.now())

    async def named(self, name: str) -> TenantScope:
        """The tenant of that name. Raises NotFound."""
        return await tenants.by_name(self._database, name)

    async def every(self) -> tuple[TenantScope, ...]:
        """All tenants, by name."""
        return await tenants.every(self._database)

    async def add_key(self, scope: TenantScope, pem: bytes, name: str) -> PublicKey:
        """Register a public key evidence may be signed with. Raises Malformed, Conflict, TooLarge (64 keys)."""
        key = load_public_key(pem, name)
        async with self._database.tenant(scope) as connection:
            active = len(await trust.active_keys(connection, scope))
            if active >= MAX_KEYS:  # each upload may have to try them all
                raise TooLarge("the tenant has as many active keys as may be", limit=MAX_KEYS, value=active + 1)
            await trust.add_key(connection, scope, key, at=self._clock.now())
        return key

    async def add_identity(self, scope: TenantScope, rule: IdentityRule, name: str) -> UUID:
        """Trust certificates of this issuer and identity, exactly."""
        async with self._database.tenant(scope) as connection:
            return await trust.add_identity(connection, scope, rule, name=name, at=self._clock.now())

    async def create_token(
        self, scope: TenantScope, name: str, rights: Sequence[str], lifetime: timedelta | None
    ) -> NewToken:
        """A token with these rights; its text is in the answer and nowhere else. Raises Malformed."""
        unknown = sorted(set(rights) - set(RIGHTS))
        if unknown or not rights:
            raise Malformed(f"rights are of {', '.join(RIGHTS)}; not {', '.join(unknown) or 'none'}", path="rights")
        token, now = new_token(), self._clock.now()
        async with self._database.tenant(scope) as connection:
            registered = await tokens.add(
                connection,
                scope,
                token_hash=token_hash(token),
                name=name,
                rights=rights,
                at=now,
                expires=_end(now, lifetime),
            )
        return NewToken(token, registered)


def _end(now: datetime, lifetime: timedelta | None) -> datetime | None:
    return None if lifetime is None else now + lifetime
