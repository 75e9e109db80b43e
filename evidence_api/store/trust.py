"""What a tenant trusts: public keys and certificate identities. Ended ones stay on record, and no longer count."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

import asyncpg

from evidence_api.domain.errors import Conflict, Malformed, NotFound
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.registry import RegisteredIdentity, RegisteredKey
from evidence_api.domain.trust_rule import TrustRule, faults
from evidence_api.store import trust_rules
from evidence_api.store.session import Connection

_KEY = "key_id, name, algorithm, pem, created_at, revoked_at"


class Key(Protocol):
    """A public key as engines/keys.py loads it: names of its own, and its PEM."""

    @property
    def key_id(self) -> str: ...  # noqa: D102  RegisteredKey says what each holds
    @property
    def name(self) -> str: ...  # noqa: D102  the same
    @property
    def algorithm(self) -> str: ...  # noqa: D102  the same
    @property
    def pem(self) -> str: ...  # noqa: D102  the same


class Rule(Protocol):
    """A certificate identity as engines/sigstore.py checks it."""

    @property
    def issuer(self) -> str: ...  # noqa: D102  RegisteredIdentity says what each holds
    @property
    def identity(self) -> str | None: ...  # noqa: D102  the same


async def add_key(connection: Connection, scope: TenantScope, key: Key, *, at: datetime) -> None:
    """Register a public key, or take a revoked one back into use. Raises Conflict when it is registered and active."""
    added = await connection.fetchval(
        "INSERT INTO verification_key (tenant_id, key_id, name, algorithm, pem, created_at) "
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, key_id) DO UPDATE "
        "SET name = excluded.name, revoked_at = NULL WHERE verification_key.revoked_at IS NOT NULL RETURNING 1",
        *(scope.id, key.key_id, key.name, key.algorithm, key.pem, at),
    )
    if added is None:
        raise Conflict(f"key {key.key_id} is registered already", key=key.key_id)


async def revoke_key(connection: Connection, scope: TenantScope, key_id: str, at: datetime) -> None:
    """Stop trusting a key from now on; what it verified stays verified. Raises NotFound."""
    found = await connection.fetchval(
        "UPDATE verification_key SET revoked_at = coalesce(revoked_at, $3) WHERE tenant_id = $1 AND key_id = $2 "
        "RETURNING 1",
        *(scope.id, key_id, at),
    )
    if found is None:
        raise NotFound(f"no key {key_id[:80]}")


async def active_keys(connection: Connection, scope: TenantScope) -> tuple[RegisteredKey, ...]:
    """The keys trusted now, oldest first."""
    return tuple(key for key in await every_key(connection, scope) if key.revoked is None)


async def every_key(connection: Connection, scope: TenantScope) -> tuple[RegisteredKey, ...]:
    """All keys ever registered, oldest first."""
    rows = await connection.fetch(
        f"SELECT {_KEY} FROM verification_key WHERE tenant_id = $1 ORDER BY created_at, key_id",  # noqa: S608  constant
        scope.id,
    )
    return tuple(map(_key, rows))


async def add_identity(connection: Connection, scope: TenantScope, rule: Rule, *, name: str, at: datetime) -> UUID:
    """Trust a certificate identity by a plain trust rule, or take an ended one back into use. Raises Malformed without
    an identity, Conflict when it is active already, or the name another rule's."""
    plain = TrustRule(None, name, issuer=rule.issuer, identity=rule.identity or "")
    for key, message in faults(plain):
        raise Malformed(message, path=key)
    known = [
        one
        for one in await every_identity(connection, scope)
        if (one.issuer, one.identity) == (plain.issuer, plain.identity)
    ]
    if any(one.revoked is None for one in known):
        raise Conflict(f"identity {rule.identity!r} of {rule.issuer!r} is trusted already")
    if known:
        await trust_rules.restore(connection, scope, known[0].id, name=name)
        return known[0].id
    return await trust_rules.add(connection, scope, plain, at=at)


async def revoke_identity(connection: Connection, scope: TenantScope, rule_id: UUID, at: datetime) -> None:
    """Stop trusting an identity from now on. Raises NotFound."""
    await trust_rules.revoke(connection, scope, rule_id, at)


async def active_identities(connection: Connection, scope: TenantScope) -> tuple[RegisteredIdentity, ...]:
    """The identities trusted now by plain rules, oldest first."""
    return tuple(rule for rule in await every_identity(connection, scope) if rule.revoked is None)


async def every_identity(connection: Connection, scope: TenantScope) -> tuple[RegisteredIdentity, ...]:
    """All plain rules ever made, oldest first."""
    every = await trust_rules.every(connection, scope)
    return tuple(
        RegisteredIdentity(found.id, found.issuer, found.identity, found.name, one.created, one.revoked)
        for one in every
        if (found := one.rule).plain and found.id is not None
    )


def _key(row: asyncpg.Record) -> RegisteredKey:
    return RegisteredKey(
        key_id=row["key_id"],
        name=row["name"],
        algorithm=row["algorithm"],
        pem=row["pem"],
        created=row["created_at"],
        revoked=row["revoked_at"],
    )
