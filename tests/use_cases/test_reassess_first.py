"""What was just appended gets its verdict first: before all that waits, at once, and at the price of what reads it."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from evidence_api.bootstrap import Application
from evidence_api.domain.assessment import Outcome
from evidence_api.domain.facts import rows_of
from evidence_api.domain.principal import TenantScope
from evidence_api.store import evidence, releases
from evidence_api.store.grounds import Grounds
from evidence_api.use_cases.assessing import Made
from evidence_api.use_cases.evaluate import assess_release
from tests.support.backlog import append_test, fill, outcome, serving
from tests.support.place import Place, newest


async def test_an_append_gets_its_verdict_before_what_waits(place: Place) -> None:
    async with serving(place, limit=1) as before:
        scope = await before.tenancy.create("acme")
        await fill(before, place, scope, 4)
        await before.reassessor.sweep()
    async with serving(place, limit=2) as after:
        await after.backlog.begin()
        await append_test(after, place, scope, "again", 2)
        assert await after.reassessor.sweep() == 1
        assert (await newest(after, scope, "app2")).catalog_digest == after.catalog.digest
        assert (await newest(after, scope, "app3")).catalog_digest != after.catalog.digest
        assert await after.backlog.sweep() == 3


async def test_an_append_wakes_the_front(place: Place) -> None:
    """No interval passes: the loop would sleep for an hour."""
    async with serving(place) as server:
        scope = await server.tenancy.create("acme")
        await fill(server, place, scope, 2)
        running = asyncio.create_task(server.reassessor.run(3600))
        try:
            await _until_nothing_is_due(server, scope)
            for number in range(3):
                await append_test(server, place, scope, f"more {number}", 1)
                await _until_nothing_is_due(server, scope)
                assert (await newest(server, scope, "app1")).tree_size == 7 + number
        finally:
            running.cancel()


async def _until_nothing_is_due(server: Application, scope: TenantScope) -> None:
    async with asyncio.timeout(20):
        while True:
            async with server.database.tenant(scope) as connection:
                if not await connection.fetchval("SELECT count(*) FROM due"):
                    return
            await asyncio.sleep(0.01)


async def test_verdicts_come_before_a_long_derivation(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(place) as server:
        scope = await server.tenancy.create("acme")
        await fill(server, place, scope, 1)
        may_end, derive = asyncio.Event(), server.deriver.derive

        async def slow(*about: object) -> int:
            await may_end.wait()
            return await derive(*about)  # type: ignore[arg-type]

        monkeypatch.setattr(server.deriver, "derive", slow)
        running = asyncio.create_task(server.reassessor.run(3600))
        try:
            async with asyncio.timeout(20):
                while True:
                    async with server.database.tenant(scope) as connection:
                        if await connection.fetchval("SELECT count(*) FROM assessment"):
                            break
                    await asyncio.sleep(0.01)
            async with server.database.tenant(scope) as connection:
                assert await connection.fetchval("SELECT count(*) FROM due")  # a crash now would derive it again
            assert await outcome(server, scope, "app0") is Outcome.PASS
            may_end.set()
            await _until_nothing_is_due(server, scope)
        finally:
            running.cancel()


async def test_one_more_piece_of_evidence_evaluates_what_reads_it_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(place) as server:
        scope = await server.tenancy.create("acme")
        await fill(server, place, scope, 1)
        await server.reassessor.sweep()
        before = await newest(server, scope, "app0")
        seen: list[object] = []
        make = server.reassessor._assessing.make

        async def noting(grounds: Grounds, at: datetime, **more: object) -> Made:
            seen.append(more["only"])
            return await make(grounds, at, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(server.reassessor._assessing, "make", noting)
        await append_test(server, place, scope, "later", 0)
        assert await server.reassessor.sweep() == 1
        assert seen == [["C-1"]]
        after = await newest(server, scope, "app0")
        assert (after.findings[1], after.tree_size) == (before.findings[1], before.tree_size + 1)
        async with server.database.reading(scope) as connection:
            one = await releases.find(connection, scope, "app0")
            rows = rows_of(one, await evidence.owned(connection, scope, one.id, after.tree_size))
        whole = await assess_release(
            *(server.rego, server.catalog, server.policy, one, rows),
            tree_size=after.tree_size,
            at=after.evaluated_at,
        )
        assert replace(whole) == after
