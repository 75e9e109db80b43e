"""Registered documents: a tenant's own, never changed, gone and made again by revision 0016."""

import asyncpg
import pytest

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.persisted_document import PersistedDocument
from evidence_api.domain.principal import TenantScope
from evidence_api.store import persisted_documents
from evidence_api.store.migrate import Login, login_dsn, migrate
from evidence_api.store.session import Database
from tests.conftest import MIGRATIONS
from tests.support.checked import SteppingClock

TEXT = "{viewer {kind}}"
DIGEST = digest_of(TEXT.encode())


async def test_documents_are_a_tenants_own_and_stay_what_they_are(
    database: Database, scope: TenantScope, other_scope: TenantScope, clock: SteppingClock, login: Login
) -> None:
    made = PersistedDocument(DIGEST, TEXT, "kinds", "operator", clock.now())
    async with database.tenant(scope) as connection:
        assert await persisted_documents.add(connection, scope, made)
        assert not await persisted_documents.add(connection, scope, made)
        assert await persisted_documents.get(connection, scope, DIGEST) == made
    async with database.tenant(other_scope) as connection:
        assert await persisted_documents.get(connection, scope, DIGEST) is None
        assert await persisted_documents.every(connection, scope) == ()
        assert not await persisted_documents.remove(connection, scope, DIGEST)
    for statement in (
        "UPDATE persisted_document SET text = '{__typename}'",
        (
            "INSERT INTO persisted_document SELECT tenant_id, sha256('x'), text, name, registered_by, registered_at "
            "FROM persisted_document"
        ),
    ):
        with pytest.raises(EvidenceError):
            async with database.tenant(scope) as connection:
                await connection.execute(statement)
    await database.close()
    superuser = login_dsn(login.owner_dsn, "postgres")
    await migrate(superuser, MIGRATIONS, "0015")
    owner = await asyncpg.connect(superuser)
    assert await owner.fetchval("SELECT to_regclass('persisted_document')") is None
    await migrate(superuser, MIGRATIONS)
    assert await owner.fetchval("SELECT count(*) FROM persisted_document") == 0
    await owner.close()
