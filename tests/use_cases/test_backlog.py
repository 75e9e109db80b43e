"""All releases again after a change of the rules, and by themselves when time has moved their verdicts."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from evidence_api.domain.assessment import Outcome
from evidence_api.domain.errors import Refused, StoreUnavailable
from evidence_api.domain.facts import rows_of
from evidence_api.store import assessments, due, evidence, releases
from evidence_api.store.grounds import Grounds
from evidence_api.use_cases.assessing import Made
from evidence_api.use_cases.backlog import BATCH
from evidence_api.use_cases.evaluate import assess_release
from tests.support.backlog import fill, outcome, serving
from tests.support.place import Place

WAIVER = """\
id: W-1
control: C-2
reason: It is being replaced.
owner: ada
approver: grace
from: 2026-01-01
until: 2026-02-02
"""


async def test_a_changed_catalog_makes_every_release_due_once_and_shows_how_far_it_is(place: Place) -> None:
    count = BATCH + 3
    async with serving(place, limit=1) as before:
        scope = await before.tenancy.create("acme")
        await fill(before, place, scope, count)
        assert await before.reassessor.sweep() == count
        assert await before.backlog.begin() == 0
        assert await before.backlog.progress(scope) == ()
        assert await outcome(before, scope, "app2") is Outcome.FAIL
    async with serving(place, limit=2) as after:
        assert await after.backlog.begin() == count
        assert await after.backlog.begin() == 0
        assert [one.done for one in await after.backlog.progress(scope)] == [0]
        assert await after.reassessor.sweep() == 0  # nobody who appends waits for it
        assert await after.backlog.sweep() == count
        assert await after.backlog.sweep() == 0
        (shown,) = await after.backlog.progress(scope)
        assert (shown.releases, shown.done, shown.controls) == (count, count, 2)
        assert shown.catalog_digest == after.catalog.digest
        assert shown.finished_at is not None
        assert [await outcome(after, scope, f"app{n}") for n in range(3)] == [Outcome.PASS] * 3
        async with after.database.tenant(scope) as connection:
            assert await connection.fetchval("SELECT count(*) FROM assessment") == 2 * count


async def test_what_a_worker_makes_is_what_the_pure_function_makes(place: Place) -> None:
    """Remembered answers, projections and packing change nothing: every assessment is the same, to its id."""
    async with serving(place) as server:
        scope = await server.tenancy.create("acme")
        await fill(server, place, scope, 7)
        assert await server.backlog.begin() == 7
        assert await server.backlog.sweep() == 7
        async with server.database.reading(scope) as connection:
            for one in await releases.every(connection, scope):
                found = await assessments.latest(connection, scope, one.id)
                assert found is not None
                made = found[1]
                rows = rows_of(one, await evidence.owned(connection, scope, one.id, made.tree_size))
                again = await assess_release(
                    *(server.rego, server.catalog, server.policy, one, rows),
                    tree_size=made.tree_size,
                    at=made.evaluated_at,
                )
                assert made == again
                assert found[0] == assessments.identity(again)


async def test_a_waiver_reopens_by_itself_when_it_has_ended(place: Place) -> None:
    async with serving(place, limit=0, waiver=WAIVER) as server:
        scope = await server.tenancy.create("acme")
        await fill(server, place, scope, 2)
        await server.reassessor.sweep()
        assert await outcome(server, scope, "app1") is Outcome.WAIVED
        assert await server.backlog.sweep() == 0
        place.clock.advance(datetime(2026, 2, 3, tzinfo=UTC) - place.clock.now() - timedelta(seconds=1))
        assert await server.backlog.sweep() == 0
        place.clock.advance(timedelta(seconds=2))
        assert await server.backlog.sweep() == 2
        assert await outcome(server, scope, "app1") is Outcome.FAIL
        assert await server.backlog.sweep() == 0


async def test_evidence_grows_too_old_by_itself(place: Place) -> None:
    async with serving(place) as server:
        scope = await server.tenancy.create("acme")
        await fill(server, place, scope, 1)
        await server.reassessor.sweep()
        assert await outcome(server, scope, "app0", "C-1") is Outcome.PASS
        place.clock.advance(timedelta(days=30, seconds=1))
        assert await server.backlog.sweep() == 1
        assert await outcome(server, scope, "app0", "C-1") is Outcome.STALE


async def test_what_is_due_does_not_wait_for_a_reassessment_that_cannot_begin(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: object) -> int:
        raise StoreUnavailable("PostgreSQL refused or did not answer: too many releases")

    async with serving(place) as server:
        scope = await server.tenancy.create("acme")
        await fill(server, place, scope, 2)
        await server.backlog.begin()
        monkeypatch.setattr(server.backlog, "begin", failing)
        running = asyncio.create_task(server.backlog.run(0.01))
        for _ in range(400):
            if (await server.backlog.progress(scope))[0].finished_at is not None:
                break
            await asyncio.sleep(0.05)
        running.cancel()
        assert await outcome(server, scope, "app1") is Outcome.PASS


async def test_a_release_that_cannot_be_assessed_holds_up_no_other(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(place) as server:
        scope = await server.tenancy.create("acme")
        await fill(server, place, scope, 3)
        await server.backlog.begin()
        async with server.database.reading(scope) as connection:
            poison = (await releases.find(connection, scope, "app1")).id
        make = server.backlog._assessing.make

        async def refusing(grounds: Grounds, at: datetime, *, background: bool) -> Made:
            if grounds.release.id == poison:
                raise Refused("the process that reads it ended each time", code="unreadable")
            return await make(grounds, at, background=background)

        monkeypatch.setattr(server.backlog._assessing, "make", refusing)
        assert await server.backlog.sweep() == 2
        assert (await server.backlog.progress(scope))[0].done == 2
        monkeypatch.undo()
        place.clock.advance(due.LEASE + timedelta(seconds=1))
        assert await server.backlog.sweep() == 1


async def test_a_crash_between_assessing_and_recording_leaves_all_of_it_due(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(place) as server:
        scope = await server.tenancy.create("acme")
        await fill(server, place, scope, 5)
        await server.backlog.begin()
        settle_all = due.settle_all

        async def dying(*_: object) -> None:
            raise StoreUnavailable("the connection is gone")

        monkeypatch.setattr(due, "settle_all", dying)
        assert await server.backlog.sweep() == 0
        monkeypatch.setattr(due, "settle_all", settle_all)
        async with server.database.tenant(scope) as connection:
            assert await connection.fetchval("SELECT count(*) FROM assessment") == 0
        place.clock.advance(due.LEASE + timedelta(seconds=1))
        assert await server.backlog.sweep() == 5
