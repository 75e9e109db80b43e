"""All releases again after a change of the rules, and by themselves when time has moved their verdicts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evidence_api.bootstrap import Application, open_application
from evidence_api.domain.assessment import Assessment, Outcome
from evidence_api.domain.errors import Refused, StoreUnavailable
from evidence_api.domain.evidence import Fact
from evidence_api.domain.facts import rows_of
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.settings import Settings
from evidence_api.store import assessments, due, evidence, releases
from evidence_api.store.grounds import Grounds
from evidence_api.store.migrate import Login, login_dsn
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.assessing import Made
from evidence_api.use_cases.backlog import BATCH
from evidence_api.use_cases.evaluate import assess_release
from tests.support.checked import ADMITTED, SteppingClock, TestSigner, checked, release

CONTROLS = """\
id: C-1
fix: Run the tests.
query:
  - kind: test_result
    where: result==passed
    fresh: {{max_age: P30D, clock: received}}
---
id: C-2
query:
  - kind: vulns
    where: highs <= {limit}
"""
WAIVER = """\
id: W-1
control: C-2
reason: It is being replaced.
owner: ada
approver: grace
from: 2026-01-01
until: 2026-02-02
"""


@dataclass
class Place:
    """A server over one database, to be started with other rules again and again."""

    login: Login
    home: Path
    clock: SteppingClock
    nursery: Nursery

    @asynccontextmanager
    async def server(self, *, limit: int = 1, waiver: str = "") -> AsyncIterator[Application]:
        folder = self.home / f"catalog-{limit}{'-waived' * bool(waiver)}"
        folder.mkdir(exist_ok=True)
        (folder / "controls.yaml").write_text(CONTROLS.format(limit=limit))
        (folder / "waivers.yaml").write_text(waiver)
        settings = Settings.from_environment(
            home=self.home, database_url=login_dsn(self.login.app_dsn, "postgres"), catalog=folder
        )
        async with open_application(settings, self.clock, self.nursery) as application:
            yield application


@pytest.fixture
def place(login: Login, tmp_path: Path, clock: SteppingClock, nursery: Nursery) -> Place:
    return Place(login, tmp_path, clock, nursery)


async def fill(application: Application, place: Place, scope: TenantScope, count: int) -> None:
    """Releases `app<n>`, each with a passing test and n % 3 high findings; none is due any more."""
    appender = Appender(application.database, TestSigner(), place.clock)
    for number in range(count):
        about = (f"artifact {number}",)
        highs: dict[str, Fact] = {"criticals": 0, "highs": number % 3}
        for one in (
            release(f"app{number}", *about),
            checked(f"tests {number}", subjects=about),
            checked(f"scan {number}", kind="vulns", subjects=about, facts=highs),
        ):
            await appender.append(scope, one, ADMITTED)
    await appender.close()


async def newest(application: Application, scope: TenantScope, name: str) -> Assessment:
    async with application.database.reading(scope) as connection:
        found = await releases.find(connection, scope, name)
        latest = await assessments.latest(connection, scope, found.id)
    assert latest is not None
    return latest[1]


async def outcome(application: Application, scope: TenantScope, name: str, control: str = "C-2") -> Outcome:
    return {one.control: one.outcome for one in (await newest(application, scope, name)).findings}[control]


async def test_a_changed_catalog_makes_every_release_due_once_and_shows_how_far_it_is(place: Place) -> None:
    count = BATCH + 3
    async with place.server(limit=1) as before:
        scope = await before.tenancy.create("acme")
        await fill(before, place, scope, count)
        assert await before.reassessor.sweep() == count
        assert await before.backlog.begin() == 0
        assert await before.backlog.progress(scope) == ()
        assert await outcome(before, scope, "app2") is Outcome.FAIL
    async with place.server(limit=2) as after:
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
    async with place.server() as server:
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


async def test_an_append_gets_its_verdict_before_what_waits(place: Place) -> None:
    async with place.server(limit=1) as before:
        scope = await before.tenancy.create("acme")
        await fill(before, place, scope, 4)
        await before.reassessor.sweep()
    async with place.server(limit=2) as after:
        await after.backlog.begin()
        appender = Appender(after.database, TestSigner(), place.clock)
        await appender.append(scope, checked("again", subjects=("artifact 2",)), ADMITTED)
        await appender.close()
        assert await after.reassessor.sweep() == 1
        assert (await newest(after, scope, "app2")).catalog_digest == after.catalog.digest
        assert (await newest(after, scope, "app3")).catalog_digest != after.catalog.digest
        assert await after.backlog.sweep() == 3


async def test_a_waiver_reopens_by_itself_when_it_has_ended(place: Place) -> None:
    async with place.server(limit=0, waiver=WAIVER) as server:
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
    async with place.server() as server:
        scope = await server.tenancy.create("acme")
        await fill(server, place, scope, 1)
        await server.reassessor.sweep()
        assert await outcome(server, scope, "app0", "C-1") is Outcome.PASS
        place.clock.advance(timedelta(days=30, seconds=1))
        assert await server.backlog.sweep() == 1
        assert await outcome(server, scope, "app0", "C-1") is Outcome.STALE


async def test_servers_share_the_work_and_none_of_it_is_done_twice(place: Place) -> None:
    async with place.server() as one, place.server() as other:
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


async def test_what_is_due_does_not_wait_for_a_reassessment_that_cannot_begin(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: object) -> int:
        raise StoreUnavailable("PostgreSQL refused or did not answer: too many releases")

    async with place.server() as server:
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


async def test_a_server_with_the_rules_of_before_leaves_what_the_new_ones_made_due(place: Place) -> None:
    async with place.server(limit=1) as old:
        scope = await old.tenancy.create("acme")
        await fill(old, place, scope, 3)
        await old.backlog.begin()
        async with place.server(limit=2) as new:
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
    async with place.server(limit=1) as old:
        scope = await old.tenancy.create("acme")
        await fill(old, place, scope, 3)
        await old.reassessor.sweep()
        async with place.server(limit=2) as new:
            await new.backlog.begin()
            assert await new.backlog.sweep() == 3
            appender = Appender(old.database, TestSigner(), place.clock)
            await appender.append(scope, checked("more tests", subjects=("artifact 2",)), ADMITTED)
            await appender.close()
            assert await old.reassessor.sweep() == 1
            assert await outcome(new, scope, "app2") is Outcome.FAIL
            assert await old.backlog.sweep() == 0
            assert await new.backlog.sweep() == 1
            assert await outcome(new, scope, "app2") is Outcome.PASS
            assert await new.backlog.sweep() == 0


async def test_a_release_that_cannot_be_assessed_holds_up_no_other(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place.server() as server:
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
    async with place.server() as server:
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


async def test_an_append_wakes_the_front(place: Place) -> None:
    """No interval passes: the loop would sleep for an hour."""
    async with place.server() as server:
        scope = await server.tenancy.create("acme")
        await fill(server, place, scope, 2)
        running = asyncio.create_task(server.reassessor.run(3600))
        try:
            await _until_nothing_is_due(server, scope)
            for number in range(3):
                appender = Appender(server.database, TestSigner(), place.clock)
                appender.watch_every(server.reassessor.wake)
                await appender.append(scope, checked(f"more {number}", subjects=("artifact 1",)), ADMITTED)
                await appender.close()
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
    async with place.server() as server:
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
    async with place.server() as server:
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
        appender = Appender(server.database, TestSigner(), place.clock)
        await appender.append(scope, checked("later", subjects=("artifact 0",)), ADMITTED)
        await appender.close()
        assert await server.reassessor.sweep() == 1
        assert seen == [["C-1"]]
        after = await newest(server, scope, "app0")
        assert (after.findings[1], after.tree_size) == (before.findings[1], before.tree_size + 1)
        async with server.database.reading(scope) as connection:
            one = await releases.find(connection, scope, "app0")
            rows = rows_of(one, await evidence.owned(connection, scope, one.id, after.tree_size))
        whole = await assess_release(
            *(server.rego, server.catalog, server.policy, one, rows), tree_size=after.tree_size, at=after.evaluated_at
        )
        assert replace(whole) == after
