"""Buckets of tenants and clients: exact under contention, fair to large requests and polite clients, kept by nobody."""

import asyncio
import doctest
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from evidence_api.domain import rates as domain_rates
from evidence_api.domain.errors import StoreUnavailable
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.rates import MEASURE, LocalBuckets, Moved, RateLimit
from evidence_api.store import rates
from evidence_api.store.migrate import Login
from evidence_api.store.rates import Movement
from evidence_api.store.session import Database

START = datetime(2026, 11, 3, 10, tzinfo=UTC)
THOUSAND = RateLimit(capacity=1000, restore=1)


async def move(  # noqa: PLR0913  one argument for each thing a test may vary
    database: Database,
    scope: TenantScope,
    cost: int,
    after: float = 0.0,
    *,
    client: str = "token:a",
    limit: RateLimit = THOUSAND,
) -> Moved:
    moment = START + timedelta(seconds=after)
    (moved,) = await rates.move(database, [Movement(scope.id, client, cost)], limit, moment)
    return moved


async def test_of_1600_attempts_on_1000_exactly_1000_are_let_in(login: Login, scope: TenantScope) -> None:
    """From sixteen callers over two pools, some in batches; no time passes."""
    pools = [await Database.open(login.app_dsn, pool_size=8) for _ in range(2)]

    async def caller(number: int) -> int:
        pool, let_in = pools[number % 2], 0
        for _ in range(20):
            batch = [Movement(scope.id, "token:a", 1)] * 5
            let_in += sum(moved.granted for moved in await rates.move(pool, batch, THOUSAND, START))
        return let_in

    let_in = sum(await asyncio.gather(*(caller(number) for number in range(16))))
    assert let_in == 1000
    assert (await move(pools[0], scope, 0)).standing.remaining == 0
    for pool in pools:
        await pool.close()


async def test_a_batch_is_taken_in_the_order_it_came(
    database: Database, scope: TenantScope, other_scope: TenantScope
) -> None:
    limit = RateLimit(capacity=3, restore=1)
    batch = [Movement(one.id, f"token:{client}", 1) for client in "abcab" for one in (other_scope, scope)]
    moved = await rates.move(database, batch, limit, START)
    assert [one.granted for one in moved[::2]] == [True, True, True, False, False]
    assert [one.granted for one in moved[1::2]] == [True, True, True, False, False]


async def test_a_large_request_is_let_in_and_leaves_a_debt(database: Database, scope: TenantScope) -> None:
    limit = RateLimit(capacity=100, restore=10)
    assert (await move(database, scope, 60, limit=limit)).standing.remaining == 40
    large = await move(database, scope, 800, limit=limit)
    assert (large.granted, large.refusable, large.standing.remaining) == (True, False, 0)
    refused = await move(database, scope, 1, limit=limit)
    assert (refused.granted, round(refused.retry_after)) == (False, 76)
    assert not (await move(database, scope, 1, refused.retry_after - 0.01, limit=limit)).granted
    assert (await move(database, scope, 1, refused.retry_after, limit=limit)).granted
    assert (await move(database, scope, 0, 10_000_000_000, limit=limit)).standing.remaining == 100


async def test_what_goes_back_is_there_and_never_over_the_brim(database: Database, scope: TenantScope) -> None:
    assert (await move(database, scope, 600)).standing.remaining == 400
    assert (await move(database, scope, -500)).standing.remaining == 900
    assert (await move(database, scope, -500)).standing.remaining == 1000
    assert (await move(database, scope, 5000)).granted
    assert (await move(database, scope, -4900)).standing.remaining == 900


async def test_a_clock_that_goes_back_restores_nothing(database: Database, scope: TenantScope) -> None:
    await move(database, scope, 1500, 60)
    assert not (await move(database, scope, 1, 0)).granted
    assert not (await move(database, scope, 1, 60)).granted
    assert not (await move(database, scope, 1, 559)).granted
    assert (await move(database, scope, 1, 561)).granted


async def test_a_client_of_several_has_60_percent_and_the_only_one_all(database: Database, scope: TenantScope) -> None:
    assert (await move(database, scope, 1)).standing.limit == 1000
    polite = await move(database, scope, 1, client="token:b")
    assert (polite.standing.limit, polite.standing.remaining) == (600, 599)
    greedy = await move(database, scope, 700)
    assert (greedy.granted, greedy.standing.limit, greedy.standing.remaining) == (True, 600, 0)
    assert not (await move(database, scope, 1)).granted
    assert (await move(database, scope, 1, client="token:b")).granted
    assert (await move(database, scope, 1, 59, client="token:a")).standing.limit == 600
    assert (await move(database, scope, 1, 120, client="token:a")).standing.limit == 1000


async def test_measuring_refuses_nobody_and_leaves_no_debt(database: Database, scope: TenantScope) -> None:
    limit = RateLimit(capacity=10, restore=1, mode=MEASURE)
    said = [await move(database, scope, 8, limit=limit) for _ in range(3)]
    assert [(one.granted, one.refusable) for one in said] == [(True, False), (True, False), (True, True)]
    enforced = RateLimit(capacity=10, restore=1)
    assert not (await move(database, scope, 1, 5, limit=enforced)).granted
    assert (await move(database, scope, 1, 7, limit=enforced)).granted


async def test_a_tenant_may_have_a_limit_of_its_own(
    database: Database, scope: TenantScope, other_scope: TenantScope
) -> None:
    own = RateLimit(capacity=7, restore=2, mode=MEASURE)
    async with database.operator(scope) as connection:
        await rates.set_limit(connection, scope, RateLimit(1, 1), START)
        await rates.set_limit(connection, scope, own, START)
        assert await rates.limit_of(connection, scope) == own
    moved = await move(database, scope, 1)
    assert (moved.own, moved.limit, moved.standing.remaining) == (True, own, 6)
    other = await move(database, other_scope, 1)
    assert (other.own, other.limit, other.standing.remaining) == (False, THOUSAND, 999)
    async with database.operator(scope) as connection:
        assert await rates.drop_limit(connection, scope)
        assert not await rates.drop_limit(connection, scope)
    assert not (await move(database, scope, 1)).own


async def test_the_application_cannot_set_limits(database: Database, scope: TenantScope) -> None:
    with pytest.raises(StoreUnavailable, match="permission denied"):
        async with database.tenant(scope) as connection:
            await rates.set_limit(connection, scope, RateLimit(1, 1), START)


async def test_full_buckets_of_clients_are_forgotten(database: Database, scope: TenantScope) -> None:
    await move(database, scope, 100, client="token:a")
    await move(database, scope, 100, 7000, client="token:b")
    async with database.tenant(scope) as connection:
        assert await rates.forget_full(connection, scope, START + timedelta(seconds=7200)) == 1
        left = await connection.fetch("SELECT client FROM rate_bucket ORDER BY client")
    assert [row["client"] for row in left] == ["", "token:b"]


async def test_they_live_in_an_unlogged_table_and_are_moved_in_place(login: Login, scope: TenantScope) -> None:
    database = await Database.open(login.app_dsn, pool_size=1)
    for number in range(200):
        await move(database, scope, 1, number / 10)
    await database.close()
    connection = await asyncpg.connect(login.owner_dsn)
    kept = await connection.fetchval("SELECT relpersistence FROM pg_class WHERE relname = 'rate_bucket'")
    ((updated, in_place),) = await connection.fetch(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'rate_bucket'"
    )
    await connection.close()
    assert kept == b"u"
    assert in_place >= 0.9 * updated > 0


async def test_the_buckets_of_one_process_follow_the_same_rules(database: Database, scope: TenantScope) -> None:
    """A hundred requests of three clients, among them large ones, compared one by one."""
    local, limit = LocalBuckets(), RateLimit(capacity=50, restore=4)
    for number in range(100):
        client, cost = f"token:{number % 3}", (1, 40, 7, 3)[number % 4]
        theirs = await move(database, scope, cost, number * 0.7, client=client, limit=limit)
        ours = local.move(scope.id, client, cost, limit, number * 0.7)
        assert (ours.granted, ours.refusable) == (theirs.granted, theirs.refusable), number
        assert abs(ours.standing.remaining - theirs.standing.remaining) <= 1
        assert abs(ours.retry_after - theirs.retry_after) < 0.01


def test_the_examples_hold() -> None:
    assert doctest.testmod(domain_rates).failed == 0
