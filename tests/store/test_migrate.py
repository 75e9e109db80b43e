from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

import evidence_api.store.tables_access
import evidence_api.store.tables_actions
import evidence_api.store.tables_artifacts
import evidence_api.store.tables_assessing
import evidence_api.store.tables_budgets
import evidence_api.store.tables_components
import evidence_api.store.tables_documents
import evidence_api.store.tables_peers
import evidence_api.store.tables_policy_hits
import evidence_api.store.tables_rates
import evidence_api.store.tables_rechecks
import evidence_api.store.tables_reperforming
import evidence_api.store.tables_trust
import evidence_api.store.tables_vulnerabilities  # noqa: F401  adds its tables to the metadata
from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import StoreUnavailable
from evidence_api.domain.evidence import Fact
from evidence_api.domain.principal import TenantScope
from evidence_api.store import assessments, followers
from evidence_api.store.embedded import EmbeddedPostgres
from evidence_api.store.migrate import Login, login_dsn, migrate, newest_revision
from evidence_api.store.session import Database
from evidence_api.store.tables import metadata
from evidence_api.use_cases.append import Appender
from tests.conftest import MIGRATIONS
from tests.store.test_assessments import assessment, keep_catalog
from tests.support.checked import ADMITTED, SteppingClock, TestSigner, release


def differences(connection: Connection) -> Any:  # noqa: ANN401  Alembic's operations are untyped
    context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
    return compare_metadata(context, metadata)


async def test_the_tables_in_code_are_the_migrated_ones(login: Login) -> None:
    engine = create_async_engine(make_url(login.owner_dsn).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    async with engine.connect() as connection:
        drift = await connection.run_sync(differences)
    await engine.dispose()
    assert drift == []


async def test_down_and_up_again_over_data(
    login: Login, appender: Appender, scope: TenantScope, database: Database
) -> None:
    await appender.append(scope, release("app", "artifact"), ADMITTED)
    await appender.close()
    await database.close()
    superuser = login_dsn(login.owner_dsn, "postgres")
    await migrate(superuser, MIGRATIONS, "base")
    connection = await asyncpg.connect(superuser)
    left = await connection.fetch(
        "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE nspname = 'public' AND relname NOT LIKE 'alembic_version%'"
    )
    functions = await connection.fetch(
        "SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE nspname = 'public'"
    )
    assert (left, functions) == ([], [])
    again = await migrate(superuser, MIGRATIONS)
    assert await connection.fetchval("SELECT version_num FROM alembic_version") == newest_revision(MIGRATIONS)
    assert await connection.fetchval("SELECT count(*) FROM evidence") == 0
    await connection.close()
    assert "evidence_app" in again.app_dsn


async def test_a_log_goes_on_over_a_change_of_what_an_append_is_given(
    login: Login, scope: TenantScope, database: Database, signer: TestSigner, clock: SteppingClock
) -> None:
    before = Appender(database, signer, clock)
    await before.append(scope, release("app", "first"), ADMITTED)
    await before.close()
    await database.close()
    superuser = login_dsn(login.owner_dsn, "postgres")
    await migrate(superuser, MIGRATIONS, "0005")
    connection = await asyncpg.connect(superuser)
    asked = "SELECT pg_get_function_arguments(oid) FROM pg_proc WHERE proname = 'append_at'"
    assert "ids bytea[]" in await connection.fetchval(asked)
    made = await migrate(superuser, MIGRATIONS)
    assert "batch new_evidence[]" in await connection.fetchval(asked)
    await connection.close()
    opened = await Database.open(made.app_dsn)
    again = Appender(opened, signer, clock)
    receipt = await again.append(scope, release("app", "second", version="2.0"), ADMITTED)
    await again.close()
    await opened.close()
    assert (receipt.leaf_index, receipt.tree_size) == (1, 2)


async def test_findings_are_packed_and_unpacked_over_a_migration(
    login: Login, scope: TenantScope, other_scope: TenantScope, database: Database, clock: SteppingClock
) -> None:
    """Two tenants with the same assessments, one without findings, facts of every sort: all there, both ways."""
    written = {(one, size): assessment(digest_of(b"r"), clock, size) for one in (scope, other_scope) for size in (1, 5)}
    facts: dict[str, Fact] = {"share": 1.0, "large": 2**53 - 1, "text": "ünï\u2028", "words": ("b", "a"), "tiny": 1e-9}
    for (one, size), made in written.items():
        rich = replace(made, findings=(replace(made.findings[0], facts=facts), *made.findings[1:]))
        written[one, size] = replace(rich, findings=()) if size == 1 else rich
        await keep_catalog(database, one, clock)
        async with database.tenant(one) as connection:
            await assessments.save(connection, one, written[one, size])
    await database.close()
    superuser = login_dsn(login.owner_dsn, "postgres")
    await migrate(superuser, MIGRATIONS, "0007")
    connection = await asyncpg.connect(superuser)
    rows = await connection.fetch("SELECT * FROM finding ORDER BY tenant_id, assessment_id, position")
    assert [row["control_id"] for row in rows] == ["Z-1", "A-1"] * 2
    assert len({row["tenant_id"] for row in rows}) == 2
    assert rows[0]["evidence"] == [bytes.fromhex(digest_of(b"e")[7:])]
    secured = "SELECT relforcerowsecurity AND relrowsecurity FROM pg_class WHERE relname = ANY ($1)"
    assert all(row[0] for row in await connection.fetch(secured, ["finding", "assessment"]))
    login = await migrate(superuser, MIGRATIONS)
    assert await connection.fetchval("SELECT to_regclass('finding')") is None
    assert all(row[0] for row in await connection.fetch(secured, ["assessment", "timer", "reassessment"]))
    await connection.close()
    opened = await Database.open(login.app_dsn)
    for (one, size), before in written.items():
        async with opened.reading(one) as reading:
            latest = await assessments.latest(reading, one, before.release, size)
        assert latest == (assessments.identity(before), before)
    await opened.close()


async def test_what_waits_in_the_background_does_not_go_back(
    login: Login, scope: TenantScope, other_scope: TenantScope, database: Database
) -> None:
    """Of both tenants: before there was a background nobody settles what waits in it. What an append made due stays."""
    await database.close()
    superuser = login_dsn(login.owner_dsn, "postgres")
    connection = await asyncpg.connect(superuser)
    for one in (scope, other_scope):
        for kind, background in (("sbom", False), ("catalog x", True)):
            await connection.execute(
                "INSERT INTO due (tenant_id, release_id, kind, leaf_index, background) VALUES ($1, $2, $3, 0, $4)",
                *(one.id, bytes(32), kind, background),
            )
    await migrate(superuser, MIGRATIONS, "0007")
    assert [row["kind"] for row in await connection.fetch("SELECT kind FROM due")] == ["sbom", "sbom"]
    await migrate(superuser, MIGRATIONS)
    assert [row["background"] for row in await connection.fetch("SELECT background FROM due")] == [False, False]
    await connection.close()


async def test_decisions_are_read_again_over_a_migration(
    login: Login, scope: TenantScope, other_scope: TenantScope, database: Database
) -> None:
    """What the ledgers were made from is in the log, so going back forgets them, and coming again begins anew."""
    await database.close()
    superuser = login_dsn(login.owner_dsn, "postgres")
    connection = await asyncpg.connect(superuser)
    for one in (scope, other_scope):
        await connection.execute("INSERT INTO log_follower VALUES ($1, 'reperformance', 7)", one.id)
        await connection.execute(
            "INSERT INTO trust_ledger VALUES ($1, $2, 'arm', '{}', 3, 1, 2, 0, 0.5, $3, 6)",
            one.id,
            bytes(32),
            [0.0] * 30,
        )
        await connection.execute(
            "INSERT INTO trust_step VALUES ($1, 6, $2, $2, true, true, 2, 1, 2, 1, 3, 1)", one.id, bytes(32)
        )
        await connection.execute(
            "INSERT INTO waiting_decision (tenant_id, leaf_index, artifact) VALUES ($1, 5, $2)", one.id, bytes(32)
        )
    await migrate(superuser, MIGRATIONS, "0008")
    tables = ("log_follower", "trust_ledger", "trust_step", "waiting_decision", "evidence_reperformance")
    assert [await connection.fetchval("SELECT to_regclass($1)", table) for table in tables] == [None] * 5
    made = await migrate(superuser, MIGRATIONS)
    assert [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables[:4]] == [0] * 4  # noqa: S608  constants
    await connection.close()
    opened = await Database.open(made.app_dsn)
    for one, other in ((scope, other_scope), (other_scope, scope)):
        async with opened.tenant(one) as mine:
            await followers.begin(mine, one, "reperformance")
            assert await followers.take(mine, one, "reperformance") == 0
            assert await followers.take(mine, other, "reperformance") is None
    await opened.close()


async def test_vulnerabilities_are_indexed_again_over_a_migration(
    login: Login, scope: TenantScope, other_scope: TenantScope, database: Database
) -> None:
    """The index is made from the log: its follower begins anew, and no other does."""
    await database.close()
    superuser = login_dsn(login.owner_dsn, "postgres")
    connection = await asyncpg.connect(superuser)
    for one in (scope, other_scope):
        for follower in ("vulnerabilities", "budgets"):
            await connection.execute("INSERT INTO log_follower VALUES ($1, $2, 7)", one.id, follower)
        await connection.execute(
            "INSERT INTO vulnerability VALUES ($1, 'CVE-1', 6, 'CVE-1', 'affected', 'high', '{a@1}')", one.id
        )
    await migrate(superuser, MIGRATIONS, "0016")
    assert await connection.fetchval("SELECT to_regclass('vulnerability')") is None
    left = await connection.fetch("SELECT DISTINCT name, next_leaf FROM log_follower")
    assert [tuple(row) for row in left] == [("budgets", 7)]
    await migrate(superuser, MIGRATIONS)
    assert await connection.fetchval("SELECT count(*) FROM vulnerability") == 0
    await connection.close()


async def test_migrating_twice_changes_nothing(login: Login) -> None:
    superuser = login_dsn(login.owner_dsn, "postgres")
    connection = await asyncpg.connect(superuser)
    before = await connection.fetch("SELECT oid, relname, relfilenode FROM pg_class ORDER BY oid")
    await migrate(superuser, MIGRATIONS)
    assert await connection.fetch("SELECT oid, relname, relfilenode FROM pg_class ORDER BY oid") == before
    await connection.close()


async def test_everything_belongs_to_the_owner_role(login: Login) -> None:
    connection = await asyncpg.connect(login.owner_dsn)
    owners = await connection.fetch(
        "SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class c JOIN pg_namespace n "
        "ON n.oid = c.relnamespace WHERE nspname = 'public'"
    )
    await connection.close()
    assert [row["owner"] for row in owners] == ["evidence_owner"]


async def test_a_given_password_is_set(postgres: EmbeddedPostgres, login: Login) -> None:
    superuser = login_dsn(login.owner_dsn, "postgres")
    given = "it's @ secret/"
    made = await migrate(superuser, MIGRATIONS, app_password=given)
    assert make_url(made.app_dsn).password == given
    database = await Database.open(made.app_dsn)
    await database.close()
    assert postgres.dsn().startswith("postgresql://postgres@/")


async def test_no_server_and_no_scripts_are_coded_errors(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        await migrate(f"postgresql://nobody@/none?host={tmp_path}", MIGRATIONS)
    (tmp_path / "env.py").touch()
    with pytest.raises(StoreUnavailable):
        newest_revision(tmp_path)
    with pytest.raises(StoreUnavailable):
        await Database.open(f"postgresql://nobody@/none?host={tmp_path}")
