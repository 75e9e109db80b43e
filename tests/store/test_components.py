"""The index of components across migrations, and that it is a tenant's own."""

from itertools import product

from evidence_api.domain.principal import TenantScope
from evidence_api.store import components
from evidence_api.store.migrate import Login, login_dsn, migrate, newest_revision
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.components import ComponentIndexer
from tests.conftest import MIGRATIONS
from tests.support import statements
from tests.support.checked import ADMITTED, SteppingClock, checked

BEFORE = "0003"


async def test_going_back_and_forth_loses_only_what_is_made_again(  # noqa: PLR0913, PLR0917  fixtures
    login: Login,
    database: Database,
    appender: Appender,
    scope: TenantScope,
    other_scope: TenantScope,
    clock: SteppingClock,
) -> None:
    body = statements.statement_bytes(statements.sbom(components=3))
    await appender.append(scope, checked("sbom", kind="sbom", body=body), ADMITTED)
    indexer = ComponentIndexer(database, clock)
    assert await indexer.sweep() == 1
    superuser = login_dsn(login.owner_dsn, "postgres")
    await migrate(superuser, MIGRATIONS, BEFORE)
    async with database.reading(scope) as connection:
        assert await connection.fetchval("SELECT to_regclass('component')") is None
        assert await connection.fetchval("SELECT count(*) FROM evidence") == 1
    await migrate(superuser, MIGRATIONS, newest_revision(MIGRATIONS))
    again = ComponentIndexer(database, clock)
    assert await again.sweep() == 1
    async with database.reading(scope) as connection:
        assert await connection.fetchval("SELECT count(*) FROM sbom_component") == 3
        assert await components.waiting(connection, scope) == 0
    async with database.reading(other_scope) as connection:
        for table in ("component", "sbom_component", "sbom_index"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608  a name of ours


async def test_what_is_indexed_cannot_be_rewritten(database: Database) -> None:
    async with database.anonymous() as connection:
        for table, right in product(("component", "sbom_component"), ("UPDATE", "DELETE")):
            assert not await connection.fetchval("SELECT has_table_privilege($1, $2)", table, right)
