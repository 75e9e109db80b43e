from datetime import timedelta

import pytest

from evidence_api.domain.digest import digest_of
from evidence_api.domain.principal import TenantScope
from evidence_api.store import assessments, due, evidence, grounds, reassessments, releases, timers
from evidence_api.store.due import Owed
from evidence_api.store.session import Database
from evidence_api.store.timers import Timer
from evidence_api.use_cases.append import Appender
from tests.store.test_assessments import CATALOG, POLICY, assessment, keep_catalog
from tests.support.checked import ADMITTED, SteppingClock, checked, release


async def some_releases(appender: Appender, scope: TenantScope, count: int) -> list[str]:
    made = [await appender.append(scope, release(f"app{n}", f"artifact {n}"), ADMITTED) for n in range(count)]
    return [one.evidence_id for one in made]


async def take(
    database: Database, scope: TenantScope, clock: SteppingClock, *, background: bool, limit: int = 10
) -> tuple[Owed, ...]:
    async with database.tenant(scope) as connection:
        return await due.claim_some(connection, scope, clock.now(), limit=limit, background=background)


async def strike(database: Database, scope: TenantScope, owed: tuple[Owed, ...]) -> None:
    async with database.tenant(scope) as connection:
        await due.settle_all(connection, scope, [(one, one.tree_size) for one in owed])


async def owe_all(database: Database, scope: TenantScope, clock: SteppingClock, policy: str = POLICY) -> int:
    async with database.tenant(scope) as connection:
        return await reassessments.begin(connection, scope, CATALOG, policy, 2, clock.now())


async def test_the_background_is_taken_apart_and_in_log_order(
    database: Database, scope: TenantScope, clock: SteppingClock, appender: Appender
) -> None:
    ids = await some_releases(appender, scope, 5)
    await strike(database, scope, await take(database, scope, clock, background=False))
    assert await owe_all(database, scope, clock) == 5
    assert await take(database, scope, clock, background=False) == ()
    first = await take(database, scope, clock, background=True, limit=2)
    assert {one.release for one in first} == set(ids[:2])
    assert all(one.background and one.whole for one in first)
    assert {one.release for one in await take(database, scope, clock, background=True)} == set(ids[2:])
    clock.advance(due.LEASE + timedelta(seconds=1))
    assert len(await take(database, scope, clock, background=True)) == 5


async def test_what_is_worked_on_stays_taken_for_as_long_as_it_is_renewed(
    database: Database, scope: TenantScope, clock: SteppingClock, appender: Appender
) -> None:
    await some_releases(appender, scope, 2)
    owed = await take(database, scope, clock, background=False)
    for _ in range(3):
        clock.advance(due.LEASE / 2)
        async with database.tenant(scope) as connection:
            await due.renew(connection, scope, owed[:1], clock.now())
    (free,) = await take(database, scope, clock, background=False)
    assert free.release == owed[1].release
    await strike(database, scope, owed[:1])
    async with database.tenant(scope) as connection:
        await due.renew(connection, scope, owed[:1], clock.now())
    clock.advance(due.LEASE + timedelta(seconds=1))
    async with database.tenant(scope) as connection:
        await due.renew(connection, scope, owed[1:], clock.now())  # too late: anybody may have it
    (again,) = await take(database, scope, clock, background=False)
    assert again.release == owed[1].release


async def test_an_append_is_taken_before_what_waits_and_settles_that_too(
    database: Database, scope: TenantScope, clock: SteppingClock, appender: Appender
) -> None:
    ids = await some_releases(appender, scope, 3)
    await strike(database, scope, await take(database, scope, clock, background=False))
    await owe_all(database, scope, clock)
    await appender.append(scope, checked("tests", subjects=("artifact 2",)), ADMITTED)
    (fresh,) = await take(database, scope, clock, background=False)
    assert (fresh.release, fresh.background, fresh.whole) == (ids[2], False, True)
    assert fresh.kinds == (reassessments.cause_of(POLICY), "test_result")
    await strike(database, scope, (fresh,))
    assert {one.release for one in await take(database, scope, clock, background=True)} == set(ids[:2])


async def test_only_what_was_assessed_by_other_rules_or_never_is_assessed_again(
    database: Database, scope: TenantScope, clock: SteppingClock, appender: Appender
) -> None:
    ids = await some_releases(appender, scope, 3)
    await keep_catalog(database, scope, clock)
    async with database.tenant(scope) as connection:
        for one in ids[:2]:
            await assessments.save(connection, scope, assessment(one, clock))
    assert await owe_all(database, scope, clock) == 1
    assert await owe_all(database, scope, clock) == 0
    assert await owe_all(database, scope, clock, digest_of(b"another policy")) == 3


async def test_progress_is_what_is_left_of_what_was_owed(
    database: Database, scope: TenantScope, other_scope: TenantScope, clock: SteppingClock, appender: Appender
) -> None:
    await some_releases(appender, scope, 4)
    await strike(database, scope, await take(database, scope, clock, background=False))
    await owe_all(database, scope, clock)
    await strike(database, scope, await take(database, scope, clock, background=True, limit=3))
    async with database.tenant(scope) as connection:
        assert await reassessments.finish(connection, scope, clock.now()) == []
        (shown,) = await reassessments.progress(connection, scope)
    assert (shown.releases, shown.done, shown.finished_at) == (4, 3, None)
    clock.advance(timedelta(seconds=2))
    assert 0 < shown.rate(clock.now()) <= 3
    await strike(database, scope, await take(database, scope, clock, background=True))
    async with database.tenant(scope) as connection:
        assert await reassessments.finish(connection, scope, clock.now()) == [reassessments.cause_of(POLICY)]
        (shown,) = await reassessments.progress(connection, scope)
    assert (shown.done, shown.finished_at is None) == (4, False)
    async with database.tenant(other_scope) as connection:
        assert await reassessments.progress(connection, other_scope) == ()


async def test_a_timer_rings_once_and_an_older_assessment_does_not_set_it_back(
    database: Database, scope: TenantScope, clock: SteppingClock, appender: Appender
) -> None:
    (one,) = await some_releases(appender, scope, 1)
    await strike(database, scope, await take(database, scope, clock, background=False))
    soon, late = clock.now() + timedelta(hours=1), clock.now() + timedelta(hours=9)
    async with database.tenant(scope) as connection:
        await timers.keep(connection, scope, [Timer(one, 2, soon)])
        await timers.keep(connection, scope, [Timer(one, 1, late)])
        assert await timers.ring(connection, scope, clock.now()) == 0
    clock.advance(timedelta(hours=2))
    async with database.tenant(scope) as connection:
        assert await timers.ring(connection, scope, clock.now()) == 1
        assert await timers.ring(connection, scope, clock.now()) == 0
    (owed,) = await take(database, scope, clock, background=True)
    assert (owed.release, owed.whole, owed.kinds[0].partition("@")[0]) == (one, True, due.TIME)
    async with database.tenant(scope) as connection:
        await timers.keep(connection, scope, [Timer(one, 3, None)])
        clock.advance(timedelta(days=9))
        assert await timers.ring(connection, scope, clock.now()) == 0


async def test_what_time_moved_comes_before_what_a_catalog_moved(
    database: Database, scope: TenantScope, clock: SteppingClock, appender: Appender
) -> None:
    ids = await some_releases(appender, scope, 3)
    await strike(database, scope, await take(database, scope, clock, background=False))
    await owe_all(database, scope, clock)
    async with database.tenant(scope) as connection:
        await timers.keep(connection, scope, [Timer(ids[2], 3, clock.now())])
        clock.advance(timedelta(seconds=1))
        await timers.ring(connection, scope, clock.now())
    (first,) = await take(database, scope, clock, background=True, limit=1)
    assert first.release == ids[2]


@pytest.mark.parametrize("tree_size", [1, 4, 7])
async def test_the_grounds_of_many_are_the_evidence_each_owns(
    database: Database, scope: TenantScope, appender: Appender, tree_size: int
) -> None:
    """The same as store/evidence.py reads for one release, at any tree size, provenance links and times included."""
    for one in (
        release("app", "artifact"),
        checked("tests", facts={"result": "passed", "duration": 1.5, "configuration": ("a", "b")}),
        checked("built", kind="provenance", sources=("commit",)),
        release("other", "elsewhere", "artifact"),
        checked("of the commit", subjects=("commit",)),
        checked("unrelated", subjects=("nothing",)),
        checked("last", subjects=("elsewhere", "artifact")),
    ):
        await appender.append(scope, one, ADMITTED)
    async with database.reading(scope) as connection:
        every = await releases.every(connection, scope)
        found = await grounds.of_releases(
            connection, scope, [*(stated.id for stated in every), digest_of(b"none")], tree_size
        )
        assert set(found) == {stated.id for stated in every}
        for stated in every:
            owned = await evidence.owned(connection, scope, stated.id, tree_size)
            assert found[stated.id].release == stated
            assert grounds.evidence_of(found[stated.id].evidence) == owned
