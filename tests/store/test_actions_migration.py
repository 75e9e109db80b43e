"""Revision 0018 over rows: packs get an order each, assessments their numbers, tenant by tenant; and back again."""

from uuid import uuid4

import asyncpg

from evidence_api.domain.digest import digest_of
from evidence_api.domain.pack_reading import PackFileView
from evidence_api.domain.page import Window
from evidence_api.domain.principal import TenantScope
from evidence_api.store import assessment_events, assessments, pack_requests, packs, releases
from evidence_api.store.migrate import Login, login_dsn, migrate
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from tests.conftest import MIGRATIONS
from tests.store.test_assessments import assessment, keep_catalog
from tests.support.checked import ADMITTED, SteppingClock, release


async def test_what_was_there_is_listed_and_numbered(  # noqa: PLR0913, PLR0917  what the rows are made with
    login: Login, scope: TenantScope, other_scope: TenantScope, database: Database, clock: SteppingClock,
    appender: Appender,
) -> None:  # fmt: skip
    await appender.append(scope, release("app", "artifact"), ADMITTED)
    await keep_catalog(database, scope, clock)
    async with database.tenant(scope) as connection:
        (one,) = await releases.every(connection, scope)
        ids = [await assessments.save(connection, scope, assessment(one.id, clock, size)) for size in (1, 2)]
        kept = {
            media_type: await packs.keep(
                connection, scope, media_type.encode(), release=one.id, assessment_id=ids[0], media_type=media_type,
                at=clock.now(),
            )
            for media_type in ("application/json", "application/pdf")
        }  # fmt: skip
    async with database.tenant(other_scope) as connection:
        await assessments.save(connection, other_scope, assessment(digest_of(b"r"), clock, 5))
    await appender.close()
    await database.close()
    superuser = login_dsn(login.owner_dsn, "postgres")
    await migrate(superuser, MIGRATIONS, "0017")
    plain = await asyncpg.connect(superuser)
    assert await plain.fetchval("SELECT to_regclass('pack_request')") is None
    login = await migrate(superuser, MIGRATIONS)
    forced = "SELECT relname FROM pg_class WHERE relforcerowsecurity AND relname = ANY ($1)"
    tables = ["pack", "assessment", "pack_request", "action_request", "assessment_head", "assessment_event"]
    assert len(await plain.fetch(forced, tables)) == len(tables)
    await plain.close()

    opened = await Database.open(login.app_dsn)
    async with opened.reading(scope) as connection:
        listed = await pack_requests.page(connection, scope, None, (), Window(9))
        (pack,) = listed.items
        assert (pack.status, pack.requested_by, pack.name) == ("ready", "", "app@1.0")
        assert set(pack.files) == {PackFileView(name, digest, len(name)) for name, digest in kept.items()}
        assert await assessment_events.head(connection, scope) == 2
        numbered = await assessment_events.following(connection, scope, 0, one.id, 9)
        assert [(row.position, row.assessment) for row in numbered] == [(1, ids[0]), (2, ids[1])]
    async with opened.reading(other_scope) as connection:
        assert await assessment_events.head(connection, other_scope) == 1
        assert await pack_requests.by_ids(connection, other_scope, [pack.id]) == {}
    # Those that follow go on counting, and one that is saved again keeps its number.
    async with opened.tenant(scope) as connection:
        new = uuid4()
        await assessment_events.number(connection, scope, [(ids[1], one.id), (new, one.id)])
        assert [row.assessment for row in await assessment_events.following(connection, scope, 2, None, 9)] == [new]
        assert await assessment_events.head(connection, scope) == 3
    await opened.close()
