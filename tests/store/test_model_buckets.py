"""Token buckets: exact whatever the times, never more than they hold, whoever asks at once."""

import asyncio
import doctest
import heapq
import random
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from evidence_api.domain import budget, model_quota
from evidence_api.domain.model_quota import BucketSize, Taken, bucket_size, budget_limit
from evidence_api.domain.principal import TenantScope
from evidence_api.store import model_buckets
from evidence_api.store.session import Database

START = datetime(2026, 11, 3, 10, tzinfo=UTC)
SIZE = BucketSize(burst=3, refill_per_minute=2)


async def move(  # noqa: PLR0913  one argument for each thing a test may vary
    database: Database,
    scope: TenantScope,
    after: float,
    calls: int = 1,
    *,
    size: BucketSize = SIZE,
    model: str = "m",
) -> Taken:
    async with database.tenant(scope) as connection:
        return await model_buckets.move(connection, model, size, calls, START + timedelta(seconds=after))


async def test_a_burst_and_then_what_is_refilled(database: Database, scope: TenantScope) -> None:
    assert [(await move(database, scope, 0)).granted for _ in range(4)] == [True, True, True, False]
    refused = await move(database, scope, 10)
    assert (refused.granted, refused.remaining, refused.retry_after) == (False, 0, 20.0)
    assert not (await move(database, scope, 29.999)).granted
    assert (await move(database, scope, 30)).granted
    assert (await move(database, scope, 10_000_000)) == Taken(granted=True, remaining=2, retry_after=0.0)


async def test_what_is_told_to_wait_is_enough(database: Database, scope: TenantScope) -> None:
    odd = BucketSize(burst=1, refill_per_minute=7)
    assert (await move(database, scope, 0, size=odd)).granted
    wait = (await move(database, scope, 0.0001, size=odd)).retry_after
    assert not (await move(database, scope, wait - 0.002, size=odd)).granted
    assert (await move(database, scope, 0.0001 + wait, size=odd)).granted


async def test_tokens_go_back_and_never_over_the_brim(database: Database, scope: TenantScope) -> None:
    for _ in range(3):
        await move(database, scope, 0)
    assert (await move(database, scope, 0, -1)).remaining == 1
    assert (await move(database, scope, 0)).granted
    assert not (await move(database, scope, 0)).granted
    for _ in range(9):
        await move(database, scope, 0, -1)
    assert (await move(database, scope, 0, -1)).remaining == 3


async def test_a_clock_that_goes_back_gives_nothing(database: Database, scope: TenantScope) -> None:
    for _ in range(3):
        await move(database, scope, 60)
    assert not (await move(database, scope, 0)).granted
    assert not (await move(database, scope, 60)).granted
    assert (await move(database, scope, 90)).granted


async def test_another_size_counts_at_once(database: Database, scope: TenantScope) -> None:
    assert (await move(database, scope, 0, size=BucketSize(100, 60))).remaining == 99
    assert (await move(database, scope, 0, size=SIZE)).remaining == 2
    assert (await move(database, scope, 60, size=BucketSize(100, 60))).remaining == 61


@pytest.mark.parametrize("size", [BucketSize(1_000_000, 1_000_000), BucketSize(1_000_000, 1), BucketSize(1, 1_000_000)])
async def test_the_largest_sizes_and_times_do_not_overflow(
    database: Database, scope: TenantScope, size: BucketSize
) -> None:
    assert (await move(database, scope, 0, size=size)).granted
    assert (await move(database, scope, 3e10, size=size)).remaining == size.burst - 1


async def test_it_is_the_bucket_of_the_definition(database: Database, scope: TenantScope) -> None:
    """Against exact fractions, over a thousand moves at odd times."""
    chance = random.Random(5)  # noqa: S311  the same moves in every run
    size = BucketSize(burst=5, refill_per_minute=37)
    level, at = Fraction(size.burst), 0
    async with database.tenant(scope) as connection:
        for _ in range(1000):
            passed = chance.choice((0, 1, chance.randrange(4_000_000)))
            at, calls = at + passed, chance.choice((1, 1, 1, -1))
            level = min(Fraction(size.burst), level + Fraction(passed * size.refill_per_minute, 60_000_000))
            granted = level >= calls
            level = min(Fraction(size.burst), level - calls) if granted else level
            moment = START + timedelta(microseconds=at)
            taken = await model_buckets.move(connection, "m", size, calls, moment)
            assert (taken.granted, taken.remaining) == (granted, int(level))


async def test_of_many_at_once_no_more_are_granted_than_there_are(database: Database, scope: TenantScope) -> None:
    size = BucketSize(burst=50, refill_per_minute=60)

    async def caller(number: int) -> int:
        return sum([(await move(database, scope, (number % 4) * 0.5, size=size)).granted for _ in range(10)])

    granted = sum(await asyncio.gather(*(caller(number) for number in range(20))))
    assert 50 <= granted <= 51  # a second and a half refills one


async def test_everybody_who_comes_when_told_gets_a_turn(database: Database, scope: TenantScope) -> None:
    """Eight callers on a refill of sixty a minute, each with more to ask: who comes when told comes through, in an
    order that the network shuffles. Nobody gets less than a third of a fair share."""
    size, served, seconds = BucketSize(burst=1, refill_per_minute=60), [0] * 8, 240
    chance = random.Random(11)  # noqa: S311  the same order in every run
    due = [(chance.random(), number) for number in range(8)]
    heapq.heapify(due)
    async with database.tenant(scope) as connection:
        while due[0][0] < seconds:
            at, number = heapq.heappop(due)
            taken = await model_buckets.move(connection, "m", size, 1, START + timedelta(seconds=at))
            served[number] += taken.granted
            heapq.heappush(due, (at + taken.retry_after + chance.random() / 50, number))
    assert seconds * 0.9 < sum(served) <= seconds + 1
    assert min(served) > seconds / 8 / 3


async def test_buckets_are_a_tenants_and_a_models_own(
    database: Database, scope: TenantScope, other_scope: TenantScope
) -> None:
    for model in ("a", "a", "b"):
        await move(database, scope, 0, model=model)
    assert (await move(database, other_scope, 0, model="a")).remaining == 2
    async with database.reading(scope) as connection:
        found = await model_buckets.buckets(connection, scope, START + timedelta(seconds=15))
        assert [(one.model, one.level, one.size) for one in found] == [("a", 1.5, SIZE), ("b", 2.5, SIZE)]
        assert [one.model for one in await model_buckets.buckets(connection, scope, START, after="a", limit=5)] == ["b"]


async def test_full_buckets_are_forgotten(database: Database, scope: TenantScope) -> None:
    await move(database, scope, 0, model="a")
    await move(database, scope, 60, model="b")
    async with database.tenant(scope) as connection:
        assert await model_buckets.forget_full(connection, scope, START + timedelta(seconds=60)) == 1
        (left,) = await model_buckets.buckets(connection, scope, START)
    assert left.model == "b"


def test_a_tenants_own_settings_take_the_place_of_everybodys() -> None:
    settings = {
        "buckets": {"large": {"burst": 2, "refill_per_minute": 1}, "*": {"burst": 9, "refill_per_minute": 8}},
        "budget_limits": {"2026": "1"},
        "tenants": {"acme": {"buckets": {"small": {"burst": 1, "refill_per_minute": 1}}}, "rival": {"buckets": {}}},
    }
    assert bucket_size(settings, "other", "large") == BucketSize(2, 1)
    assert bucket_size(settings, "other", "small") == BucketSize(9, 8)
    assert bucket_size(settings, "acme", "small") == BucketSize(1, 1)
    assert bucket_size(settings, "acme", "large") is None
    assert bucket_size(settings, "rival", "large") is None
    assert bucket_size(None, "acme", "large") is None
    assert budget_limit(settings, "acme", "2026") == 1
    assert budget_limit(settings, "acme", "2027") is None
    assert budget_limit(None, "acme", "2026") is None


def test_the_examples_hold() -> None:
    assert [doctest.testmod(module).failed for module in (budget, model_quota)] == [0, 0]
