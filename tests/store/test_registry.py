from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import pytest

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import Conflict, Malformed, NotFound
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.registry import RegisteredToken
from evidence_api.store import tenants, tokens, trust
from evidence_api.store.session import Database
from tests.conftest import make_tenant
from tests.support.checked import SteppingClock, TestSigner


@dataclass(frozen=True)
class Key:
    key_id: str
    name: str = "ci"
    algorithm: str = "ed25519"
    pem: str = "-----BEGIN PUBLIC KEY-----"


@dataclass(frozen=True)
class Rule:
    issuer: str = "https://issuer"
    identity: str | None = "me@example"


async def add_token(
    database: Database, scope: TenantScope, clock: SteppingClock, token_hash: bytes, lasts: timedelta | None = None
) -> RegisteredToken:
    now = clock.now()
    async with database.tenant(scope) as connection:
        return await tokens.add(
            connection,
            scope,
            token_hash=token_hash,
            name="ci",
            rights=["evidence:write", "evidence:read"],
            at=now,
            expires=None if lasts is None else now + lasts,
        )


async def test_a_token_finds_its_principal_before_the_tenant_is_known(
    database: Database, scope: TenantScope, other_scope: TenantScope, clock: SteppingClock
) -> None:
    mine = await add_token(database, scope, clock, b"a" * 32)
    await add_token(database, other_scope, clock, b"b" * 32)
    found = await tokens.find_by_hash(database, b"a" * 32, clock.now())
    assert found is not None
    assert (found.kind, found.id, found.tenant) == ("token", str(mine.id), scope)
    assert found.rights == {"evidence:write", "evidence:read"}
    assert await tokens.find_by_hash(database, b"c" * 32, clock.now()) is None


async def test_presenting_a_token_shows_that_row_alone(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    await add_token(database, scope, clock, b"a" * 32)
    await add_token(database, scope, clock, b"b" * 32)
    async with database.presenting(b"a" * 32) as connection:
        assert [row["hash"] for row in await connection.fetch("SELECT hash FROM api_token")] == [b"a" * 32]
        assert await connection.fetchval("SELECT count(*) FROM log_head") == 0


async def test_expired_and_revoked_tokens_are_nobody(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    await add_token(database, scope, clock, b"a" * 32, lasts=timedelta(minutes=15))
    lasting = await add_token(database, scope, clock, b"b" * 32)
    assert await tokens.find_by_hash(database, b"a" * 32, clock.now()) is not None
    clock.advance(timedelta(minutes=15))
    assert await tokens.find_by_hash(database, b"a" * 32, clock.now()) is None
    async with database.tenant(scope) as connection:
        await tokens.revoke(connection, scope, lasting.id, clock.now())
        listed = await tokens.every(connection, scope)
        with pytest.raises(NotFound):
            await tokens.revoke(connection, scope, uuid4(), clock.now())
    assert await tokens.find_by_hash(database, b"b" * 32, clock.now()) is None
    assert [(one.id == lasting.id, one.revoked is not None) for one in listed] == [(True, True), (False, False)]


async def test_the_same_token_twice_is_a_conflict(database: Database, scope: TenantScope, clock: SteppingClock) -> None:
    await add_token(database, scope, clock, b"a" * 32)
    with pytest.raises(Conflict):
        await add_token(database, scope, clock, b"a" * 32)


async def test_keys_are_trusted_until_revoked_and_can_come_back(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    key = Key(digest_of(b"k"))
    async with database.tenant(scope) as connection:
        await trust.add_key(connection, scope, key, at=clock.now())
        (active,) = await trust.active_keys(connection, scope)
        assert (active.key_id, active.name, active.algorithm, active.pem) == (key.key_id, "ci", "ed25519", key.pem)
        with pytest.raises(Conflict):
            await trust.add_key(connection, scope, key, at=clock.now())
        await trust.revoke_key(connection, scope, key.key_id, clock.now())
        assert await trust.active_keys(connection, scope) == ()
        assert len(await trust.every_key(connection, scope)) == 1
        await trust.add_key(connection, scope, key, at=clock.now())
        assert len(await trust.active_keys(connection, scope)) == 1
        with pytest.raises(NotFound):
            await trust.revoke_key(connection, scope, "sha256:none", clock.now())


async def test_identities_are_trusted_until_revoked_and_can_come_back(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    async with database.tenant(scope) as connection:
        rule = await trust.add_identity(connection, scope, Rule(), name="release", at=clock.now())
        (active,) = await trust.active_identities(connection, scope)
        assert (active.id, active.issuer, active.identity) == (rule, "https://issuer", "me@example")
        with pytest.raises(Conflict):
            await trust.add_identity(connection, scope, Rule(), name="again", at=clock.now())
        await trust.revoke_identity(connection, scope, rule, clock.now())
        assert await trust.active_identities(connection, scope) == ()
        assert await trust.add_identity(connection, scope, Rule(), name="again", at=clock.now()) == rule
        with pytest.raises(NotFound):
            await trust.revoke_identity(connection, scope, uuid4(), clock.now())
        with pytest.raises(Malformed):  # everybody of an issuer is more than this way says
            await trust.add_identity(connection, scope, Rule(identity=None), name="all", at=clock.now())


async def test_tenants_by_name_and_by_id(
    database: Database, scope: TenantScope, other_scope: TenantScope, signer: TestSigner, clock: SteppingClock
) -> None:
    assert await tenants.by_name(database, "acme") == scope
    assert await tenants.every(database) == (scope, other_scope)
    async with database.anonymous() as connection:
        assert await tenants.get(connection, scope.id) == scope
        with pytest.raises(NotFound):
            await tenants.get(connection, uuid4())
    with pytest.raises(NotFound):
        await tenants.by_name(database, "nobody")
    with pytest.raises(Conflict):
        await make_tenant(database, signer, clock, "acme")
    for name in ("", "-a", "A", "a" * 64, "a/b", "a\n"):
        with pytest.raises(Malformed):
            await make_tenant(database, signer, clock, name)
