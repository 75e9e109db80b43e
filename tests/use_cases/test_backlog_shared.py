"""Several servers over one database, some with the rules of before: the work is shared, and the newest rules stay."""

import asyncio

from evidence_api.domain.assessment import Outcome
from evidence_api.use_cases.backlog import BATCH
from tests.support.backlog import append_test, fill, outcome, serving
from tests.support.place import Place


async def test_servers_share_the_work_and_none_of_it_is_done_twice(place: Place) -> None:
    async with serving(place) as one, serving(place) as other:
        scope, second = await one.tenancy.create("acme"), await one.tenancy.create("rival")
        for tenant in (scope, second):
            await fill(one, place, tenant, 3 * BATCH // 2)
        await one.backlog.begin()
        assert await other.backlog.begin() == 0
        made = await asyncio.gather(one.backlog.sweep(), other.backlog.sweep())
        assert sum(made) == 3 * BATCH
        for tenant in (scope, second):
            async with one.database.tenant(tenant) as connection:
                assert await connection.fetchval("SELECT count(*) FROM assessment") == 3 * BATCH // 2
                assert await connection.fetchval("SELECT count(*) FROM due WHERE background") == 0


async def test_a_server_with_the_rules_of_before_leaves_what_the_new_ones_made_due(place: Place) -> None:
    async with serving(place, limit=1) as old:
        scope = await old.tenancy.create("acme")
        await fill(old, place, scope, 3)
        await old.backlog.begin()
        async with serving(place, limit=2) as new:
            assert await new.backlog.begin() == 3
            await old.reassessor.sweep()  # what was appended it does assess
            assert await old.backlog.sweep() == 0
            shown = await new.backlog.progress(scope)
            assert {one.catalog_digest: (one.releases, one.done) for one in shown} == {
                new.catalog.digest: (3, 0),
                old.catalog.digest: (0, 0),
            }
            assert await new.backlog.sweep() == 3
            assert await outcome(new, scope, "app2") is Outcome.PASS
            shown = await new.backlog.progress(scope)
            assert all(one.finished_at for one in shown)


async def test_what_a_server_with_the_rules_of_before_assesses_meanwhile_is_assessed_again(place: Place) -> None:
    async with serving(place, limit=1) as old:
        scope = await old.tenancy.create("acme")
        await fill(old, place, scope, 3)
        await old.reassessor.sweep()
        async with serving(place, limit=2) as new:
            await new.backlog.begin()
            assert await new.backlog.sweep() == 3
            await append_test(old, place, scope, "more tests", 2)
            assert await old.reassessor.sweep() == 1
            assert await outcome(new, scope, "app2") is Outcome.FAIL
            assert await old.backlog.sweep() == 0
            assert await new.backlog.sweep() == 1
            assert await outcome(new, scope, "app2") is Outcome.PASS
            assert await new.backlog.sweep() == 0
