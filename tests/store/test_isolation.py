"""The second wall: whatever the application asks, PostgreSQL shows and takes one tenant's rows alone."""

import asyncpg
import pytest

from evidence_api.domain.errors import EvidenceError, NotFound, StoreUnavailable
from evidence_api.domain.principal import TenantScope
from evidence_api.store import due, evidence, read_log, releases, tokens
from evidence_api.store.migrate import Login
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.append import Appender
from tests.support.checked import ADMITTED, SteppingClock, checked, release

_TENANT_TABLES = """
SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
    (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polwithcheck IS NOT NULL
        AND pg_get_expr(p.polqual, p.polrelid) = '(tenant_id = current_tenant())') AS policies
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') ORDER BY c.relname
"""


async def tenant_tables(connection: Connection) -> list[str]:
    return [row["relname"] for row in await connection.fetch(_TENANT_TABLES)]


async def fill(appender: Appender, scope: TenantScope) -> None:
    await appender.append(scope, release("app", "artifact"), ADMITTED)
    await appender.append(scope, checked("built", kind="provenance", sources=("commit",)), ADMITTED)


async def test_every_table_with_a_tenant_forces_row_level_security(database: Database) -> None:
    async with database.anonymous() as connection:
        rows = await connection.fetch(_TENANT_TABLES)
    assert len(rows) >= 17
    for row in rows:
        assert (row["relrowsecurity"], row["relforcerowsecurity"], row["policies"]) == (True, True, 1), row["relname"]


async def test_a_query_without_a_tenant_sees_nothing(
    database: Database, appender: Appender, scope: TenantScope
) -> None:
    await fill(appender, scope)
    async with database.tenant(scope) as connection:
        tables = await tenant_tables(connection)
        seen = {table for table in tables if await connection.fetchval(f"SELECT count(*) FROM {table}")}  # noqa: S608  names from pg_class
    assert {"log_head", "evidence", "evidence_subject", "body", "release", "source_link", "due", "decision"} <= seen
    async with database.anonymous() as connection:
        for table in tables:
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608  names from pg_class


async def test_the_owner_is_bound_too(database: Database, appender: Appender, scope: TenantScope) -> None:
    await fill(appender, scope)
    async with database.operator() as connection:
        assert await connection.fetchval("SELECT count(*) FROM evidence") == 0
    async with database.operator(scope) as connection:
        assert await connection.fetchval("SELECT count(*) FROM evidence") == 2


async def test_a_tenant_sees_nothing_of_another(
    database: Database, appender: Appender, scope: TenantScope, other_scope: TenantScope, clock: SteppingClock
) -> None:
    await fill(appender, scope)
    async with database.tenant(other_scope) as connection:
        for table in await tenant_tables(connection):
            others = await connection.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id = $1", scope.id)  # noqa: S608  names from pg_class
            assert others == 0, table
        # Asking with the other tenant's own scope object does not help either.
        with pytest.raises(NotFound):
            await evidence.get(connection, scope, checked("built").id)
        with pytest.raises(NotFound):
            await releases.find(connection, scope, "app")
        assert await due.claim(connection, scope, clock.now()) is None
        assert (await read_log.head(connection, scope)).tree_size == 0


async def test_a_tenant_cannot_write_into_another(
    database: Database, scope: TenantScope, other_scope: TenantScope, clock: SteppingClock
) -> None:
    with pytest.raises(EvidenceError) as refused:
        async with database.tenant(other_scope) as connection:
            await tokens.add(connection, scope, token_hash=b"h" * 32, name="x", rights=["read"], at=clock.now())
    assert isinstance(refused.value.__cause__, asyncpg.InsufficientPrivilegeError)
    async with database.tenant(scope) as connection:
        assert await tokens.every(connection, scope) == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evidence SET kind = 'other'",
        "DELETE FROM evidence",
        "UPDATE tile SET hashes = ''",
        "DELETE FROM tile",
        "UPDATE evidence_subject SET digest = 'sha256:00'",
        "DELETE FROM body",
        "UPDATE body SET digest = ''",
        "UPDATE log_head SET origin = 'elsewhere'",
        "DELETE FROM log_head",
        "DELETE FROM decision",
        "DELETE FROM budget",
        "DELETE FROM budget_entry",
        "UPDATE budget_entry SET entry_id = 'other'",
        "UPDATE budget_alert SET level = 'ok'",
        "UPDATE webhook_delivery SET body = ''",
        "DELETE FROM assessment",
        "UPDATE assessment SET findings = ''",
        "DELETE FROM reassessment",
        "DELETE FROM vulnerability",
        "UPDATE vulnerability SET standing = 'ruled_out'",
        "INSERT INTO tenant VALUES (gen_random_uuid(), 'mine', now())",
        "ALTER TABLE evidence DISABLE ROW LEVEL SECURITY",
        "SET ROLE evidence_owner",
        "CREATE TABLE mine ()",
        "TRUNCATE evidence",
        "UPDATE trust_rule SET issuer = 'elsewhere'",
        "UPDATE trust_rule SET claims = '{}'",
        "DELETE FROM trust_rule",
        "UPDATE upload_token SET expires_at = now() + interval '1 year'",
        "DELETE FROM upload_token",
        "UPDATE api_token SET rights = '{}'",
    ],
)
async def test_the_application_cannot_rewrite_what_is_kept(
    database: Database, scope: TenantScope, statement: str
) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        async with database.tenant(scope) as connection:
            await connection.execute(statement)
    assert isinstance(refused.value.__cause__, asyncpg.InsufficientPrivilegeError)


async def test_the_applications_role_cannot_bypass_policies(database: Database, login: Login) -> None:
    async with database.anonymous() as connection:
        role = await connection.fetchrow(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
        )
        user = await connection.fetchval("SELECT current_user")
    assert user == "evidence_app"
    assert "evidence_app" in login.app_dsn
    assert role is not None
    assert not any(role.values())


async def test_the_tenant_does_not_outlive_its_transaction(
    login: Login, appender: Appender, scope: TenantScope
) -> None:
    await fill(appender, scope)
    single = await Database.open(login.app_dsn, pool_size=1)
    async with single.tenant(scope) as connection:
        assert await connection.fetchval("SELECT count(*) FROM evidence") == 2
    with pytest.raises(ZeroDivisionError):
        async with single.tenant(scope) as connection:
            raise ZeroDivisionError
    async with single.anonymous() as connection:
        assert await connection.fetchval("SELECT count(*) FROM evidence") == 0
    await single.close()


async def test_a_reading_transaction_cannot_write(database: Database, scope: TenantScope) -> None:
    with pytest.raises(StoreUnavailable):
        async with database.reading(scope) as connection:
            await connection.execute("DELETE FROM due")
