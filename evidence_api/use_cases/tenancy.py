"""What an operator does for a tenant: make it, register whom it trusts, hand out tokens. Called by the CLI alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.principal import ReadGrant, TenantScope
from evidence_api.domain.registry import RegisteredToken
from evidence_api.domain.token import AUDITOR_RIGHTS, RIGHTS, new_token, token_hash
from evidence_api.engines.clock import Clock
from evidence_api.engines.keys import MAX_KEYS, NoteSigner, PublicKey, load_public_key
from evidence_api.engines.sigstore import IdentityRule
from evidence_api.formats.checkpoint import Checkpoint, NoteVerifier, checkpoint_text, format_note
from evidence_api.store import tenants, tokens, trust
from evidence_api.store.session import Database

MAX_GRANT = timedelta(days=400)  # a year's audit and what comes after it
MAX_NAMES = 256  # of releases, and of frameworks, in one grant
_MAX_NAME = 200
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
        _check_rights(rights, RIGHTS)
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

    async def create_auditor(self, scope: TenantScope, name: str, rights: Sequence[str], grant: ReadGrant) -> NewToken:
        """A token that reads within this grant, and has its id. Raises Malformed: rights that are no auditor's, a
        grant without an end, one that ends too late or before now, a period that is none, names too long or many."""
        _check_rights(rights, AUDITOR_RIGHTS)
        token, now = new_token("auditor"), self._clock.now()
        _check_grant(grant, now)
        async with self._database.tenant(scope) as connection:
            registered = await tokens.add(
                connection, scope, token_hash=token_hash(token), name=name, rights=rights, at=now, grant=grant
            )
        return NewToken(token, registered)


def _check_rights(rights: Sequence[str], known: Sequence[str]) -> None:
    unknown = sorted(set(rights) - set(known))
    if unknown or not rights:
        raise Malformed(f"rights are of {', '.join(known)}; not {', '.join(unknown) or 'none'}", path="rights")


def _check_grant(grant: ReadGrant, now: datetime) -> None:
    if grant.not_after is None or not now < grant.not_after <= now + MAX_GRANT:
        raise Malformed(
            f"an auditor's token ends, at most {MAX_GRANT.days} days from now", path="expires", limit=MAX_GRANT.days
        )
    if grant.since is not None and grant.until is not None and grant.since >= grant.until:
        raise Malformed("the period ends before it begins", path="until", value=grant.until.isoformat())
    for path, names in (("framework", grant.frameworks), ("release", grant.releases)):
        if len(names) > MAX_NAMES:
            raise Malformed(f"at most {MAX_NAMES} names in a grant", path=path, limit=MAX_NAMES, value=len(names))
        odd = [one for one in sorted(names) if not 0 < len(one) <= _MAX_NAME or not one.isprintable()]
        if odd:
            raise Malformed(f"no name of a {path}: {odd[0][:80]!r}", path=path, limit=_MAX_NAME, value=odd[0][:80])


def _end(now: datetime, lifetime: timedelta | None) -> datetime | None:
    return None if lifetime is None else now + lifetime
