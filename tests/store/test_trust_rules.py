"""Trust rules and upload tokens in PostgreSQL, and the way there from identity rules and back."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from evidence_api.domain.ci_identity import CiIdentity
from evidence_api.domain.errors import Conflict, EvidenceError, NotFound
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.trust_rule import TrustRule
from evidence_api.store import tokens, trust_rules, upload_tokens
from evidence_api.store.embedded import EmbeddedPostgres
from evidence_api.store.migrate import Login, login_dsn, migrate
from evidence_api.store.session import Database
from evidence_api.store.upload_tokens import NewUploadToken
from tests.conftest import MIGRATIONS
from tests.support.checked import SteppingClock

RULE = TrustRule(
    id=None,
    name="release",
    issuer="https://issuer.example",
    claims={"repository_id": "1", "ref": "refs/tags/*"},
    predicate_types=("https://slsa.dev/*",),
    subjects=("app-*",),
    allow=("fork",),
)
JOB = CiIdentity("https://issuer.example", "workflow", {"repository_id": "1"})


async def test_rules_come_back_as_they_were_and_end(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    async with database.tenant(scope) as connection:
        added = await trust_rules.add(connection, scope, RULE, at=clock.now())
        (found,) = await trust_rules.active(connection, scope)
        assert (found.id, found.content()) == (added, RULE.content())
        with pytest.raises(Conflict):
            await trust_rules.add(connection, scope, RULE, at=clock.now())
        await trust_rules.revoke(connection, scope, added, clock.now())
        assert await trust_rules.active(connection, scope) == ()
        again = await trust_rules.add(connection, scope, RULE, at=clock.now())  # the name is free again
        assert again != added
        with pytest.raises(Conflict):
            await trust_rules.restore(connection, scope, added, name="release")
        await trust_rules.restore(connection, scope, added, name="other")
        assert [one.rule.name for one in await trust_rules.every(connection, scope)] == ["other", "release"]
        for step in (
            trust_rules.revoke(connection, scope, uuid4(), clock.now()),
            trust_rules.restore(connection, scope, uuid4(), name=""),
        ):
            with pytest.raises(NotFound):
                await step


def upload_token(clock: SteppingClock, jti: str = "jti-1", token_hash: bytes = b"h" * 32) -> NewUploadToken:
    now = clock.now()
    return NewUploadToken(token_hash, jti, JOB, ["trust:1"], "sha256:d", now, now + timedelta(minutes=15))


async def test_an_upload_token_says_who_uploads_until_it_ends(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    async with database.tenant(scope) as connection:
        added = await upload_tokens.add(connection, scope, upload_token(clock))
    found = await tokens.find_by_hash(database, b"h" * 32, clock.now())
    assert found is not None
    assert (found.kind, found.id, found.tenant, found.rights) == (
        "uploader",
        str(added),
        scope,
        frozenset({"evidence:write"}),
    )
    assert found.uploader == JOB
    clock.advance(timedelta(minutes=15))
    assert await tokens.find_by_hash(database, b"h" * 32, clock.now()) is None


async def test_of_many_at_once_exactly_one_spends_the_token(
    database: Database, scope: TenantScope, other_scope: TenantScope, clock: SteppingClock
) -> None:
    async def spend(number: int) -> bool:
        async with database.tenant(scope) as connection:
            return (
                await upload_tokens.add(connection, scope, upload_token(clock, token_hash=bytes([number]) * 32))
                is not None
            )

    assert sorted(await asyncio.gather(*map(spend, range(8)))) == [False] * 7 + [True]
    clock.advance(timedelta(days=30))
    assert not await spend(99)
    async with database.tenant(other_scope) as connection:  # what a tenant's tokens are called is its own matter
        assert await upload_tokens.add(connection, other_scope, upload_token(clock, token_hash=b"x" * 32))


async def test_a_spending_that_is_rolled_back_did_not_happen(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    async def fail() -> None:
        async with database.tenant(scope) as connection:
            assert await upload_tokens.add(connection, scope, upload_token(clock))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.tenant(scope) as connection:
        assert await upload_tokens.add(connection, scope, upload_token(clock))


async def test_tenants_see_and_write_their_own_alone(
    database: Database, scope: TenantScope, other_scope: TenantScope, clock: SteppingClock
) -> None:
    async with database.tenant(scope) as connection:
        await trust_rules.add(connection, scope, RULE, at=clock.now())
        await upload_tokens.add(connection, scope, upload_token(clock))
    async with database.tenant(other_scope) as connection:
        assert await trust_rules.every(connection, scope) == ()
        assert await connection.fetchval("SELECT count(*) FROM upload_token") == 0
    with pytest.raises(EvidenceError) as refused:
        async with database.tenant(other_scope) as connection:
            await trust_rules.add(connection, scope, RULE, at=clock.now())
    assert isinstance(refused.value.__cause__, asyncpg.InsufficientPrivilegeError)


async def test_last_use_is_kept_by_the_hour(database: Database, scope: TenantScope, clock: SteppingClock) -> None:
    async with database.tenant(scope) as connection:
        made = await tokens.add(connection, scope, token_hash=b"a" * 32, name="ci", rights=["read"], at=clock.now())
        assert made.last_used is None
        await tokens.mark_used(connection, scope, made.id, clock.now())
        (used,) = await tokens.every(connection, scope)
        assert used.last_used == clock.now().replace(minute=0, second=0, microsecond=0)
        await tokens.mark_used(connection, scope, made.id, clock.now() - timedelta(hours=3))
        assert (await tokens.every(connection, scope))[0].last_used == used.last_used


TENANTS = ("7d1f0f0e-0000-4000-8000-000000000001", "7d1f0f0e-0000-4000-8000-000000000002")
OLD: list[tuple[str, int, str, str, str, str, str | None]] = [  # id, tenant, issuer, identity, name, created, ended
    ("7d1f0f0e-0000-4000-8000-00000000000a", 0, "https://i", "a", "ci", "2026-01-01", None),
    ("7d1f0f0e-0000-4000-8000-00000000000b", 0, "https://i", "b", "ci", "2026-01-02", None),  # the same name
    ("7d1f0f0e-0000-4000-8000-00000000000c", 0, "https://i", "c", "ci", "2026-01-03", "2026-02-01"),
    ("7d1f0f0e-0000-4000-8000-00000000000d", 0, "https://i", "d", "", "2026-01-04", None),
    ("7d1f0f0e-0000-4000-8000-00000000000e", 0, "https://i", "e", "", "2026-01-05", None),
    ("7d1f0f0e-0000-4000-8000-00000000000f", 1, "https://i", "a", "ci", "2026-01-06", None),
]


@pytest.fixture
async def superuser(postgres: EmbeddedPostgres, login: Login) -> str:
    """A database at revision 0001 with identity rules in it, as the superuser sees it."""
    dsn = login_dsn(login.owner_dsn, "postgres")
    await migrate(dsn, MIGRATIONS, "0001")
    connection = await asyncpg.connect(dsn)
    for number, tenant in enumerate(TENANTS):
        await connection.execute("INSERT INTO tenant VALUES ($1::text::uuid, $2, now())", tenant, f"t{number}")
    for identifier, owner, issuer, identity, name, created, ended in OLD:
        await connection.execute(
            "INSERT INTO identity_rule VALUES ($1::text::uuid, $2::text::uuid, $3, $4, $5, $6::text::timestamptz, "
            "$7::text::timestamptz)",
            *(TENANTS[owner], identifier, issuer, identity, name, created, ended),
        )
    await connection.close()
    assert postgres.dsn()
    return dsn


async def test_identity_rules_become_trust_rules_and_go_back(superuser: str) -> None:
    connection = await asyncpg.connect(superuser)
    before = await connection.fetch("SELECT * FROM identity_rule ORDER BY id")
    await migrate(superuser, MIGRATIONS, "0002")
    rules = await connection.fetch("SELECT * FROM trust_rule ORDER BY id")
    assert [(row["id"], row["tenant_id"], row["issuer"], row["identity"]) for row in rules] == [
        (row["id"], row["tenant_id"], row["issuer"], row["identity"]) for row in before
    ]
    assert [(row["created_at"], row["revoked_at"]) for row in rules] == [
        (row["created_at"], row["revoked_at"]) for row in before
    ]
    assert [row["name"] for row in rules] == ["ci", f"ci ({OLD[1][0]})", "ci", "", "", "ci"]
    assert {row["claims"] for row in rules} == {"{}"}
    await migrate(superuser, MIGRATIONS, "0001")
    assert await connection.fetch("SELECT * FROM identity_rule ORDER BY id") == before
    await connection.close()


async def test_going_back_does_not_widen_trust(superuser: str) -> None:
    await migrate(superuser, MIGRATIONS, "0002")
    connection = await asyncpg.connect(superuser)
    await connection.execute(
        "INSERT INTO trust_rule VALUES ($1::text::uuid, gen_random_uuid(), 'bound', '', '', '{}', 'sha256:aa', "
        "'{https://slsa.dev/*}', '{}', '{}', now(), NULL)",
        TENANTS[0],
    )
    with pytest.raises(Conflict) as refused:
        await migrate(superuser, MIGRATIONS, "0001")
    assert refused.value.fields["value"] == 1
    assert await connection.fetchval("SELECT count(*) FROM trust_rule") == len(OLD) + 1  # nothing has changed
    await connection.execute("UPDATE trust_rule SET revoked_at = now() WHERE name = 'bound'")
    await migrate(superuser, MIGRATIONS, "0001")
    assert await connection.fetchval("SELECT count(*) FROM identity_rule") == len(OLD)
    await connection.close()
