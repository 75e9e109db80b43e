"""Charging: gathered into few calls, answered without the database where that is slow, given back to the last unit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from evidence_api.domain.errors import RateLimited, StoreUnavailable
from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.domain.rates import MEASURE, Charge, RateLimit
from evidence_api.store import rates as store
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.rates import Rates, client_of

SMALL = RateLimit(capacity=100, restore=1)


class Counted(Database):
    """Counts the calls; makes them wait, or fail."""

    def __init__(self, inner: Database) -> None:
        self._pool = inner._pool
        self._owner_dsn = inner._owner_dsn
        self.calls = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken = False

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[Connection]:
        self.calls += 1
        await self.gate.wait()
        if self.broken:
            raise StoreUnavailable("gone")
        async with super().statement() as connection:
            yield connection


@pytest.fixture
def counted(database: Database) -> Counted:
    return Counted(database)


def of(scope: TenantScope, name: str = "a") -> Principal:
    return Principal("token", name, scope, frozenset())


async def left(database: Database, principal: Principal, limit: RateLimit = SMALL) -> int:
    movement = store.Movement(principal.tenant.id, client_of(principal), 0)
    (moved,) = await store.move(database, [movement], limit)
    return moved.standing.remaining


def fallbacks() -> float:
    return REGISTRY.get_sample_value("evidence_rate_fallbacks_total") or 0.0


async def test_requests_that_arrive_together_are_one_call(counted: Counted, scope: TenantScope) -> None:
    rates = Rates(counted, SMALL, patience=9.0)
    charges = await asyncio.gather(*(rates.take(of(scope, str(number % 3)), 1) for number in range(30)))
    assert counted.calls == 1
    assert [charge.requested for charge in charges] == [1] * 30
    await rates.close()


async def test_over_the_rate_is_refused_and_told_when_to_come_again(counted: Counted, scope: TenantScope) -> None:
    rates = Rates(counted, SMALL, patience=9.0)
    charge = await rates.take(of(scope), 150)
    assert (charge.standing.limit, charge.standing.remaining) == (100, 0) if charge.standing else False
    with pytest.raises(RateLimited) as refused:
        await rates.take(of(scope), 1)
    wait = refused.value.fields["retry_after"]
    assert isinstance(wait, float)
    assert 49 < wait < 51
    assert (refused.value.fields["limit"], refused.value.fields["value"]) == (100, 0)
    assert (await rates.take(of(scope), 0)).standing is not None  # to look is free
    await rates.close()


async def test_what_was_not_used_goes_back_and_a_stop_loses_nothing(counted: Counted, scope: TenantScope) -> None:
    rates = Rates(counted, SMALL, patience=9.0)
    charges = [await rates.take(of(scope), 20) for _ in range(4)]
    counted.calls = 0
    for charge, actual in zip(charges, (5, 0, 20, 40), strict=True):
        rates.give_back(of(scope), charge, actual)
    assert counted.calls == 0
    await rates.close()
    assert counted.calls == 1
    assert 20 + 15 + 18 <= await left(counted, of(scope)) <= 20 + 15 + 18 + 2


async def test_what_goes_back_goes_along_with_the_next_request(counted: Counted, scope: TenantScope) -> None:
    rates = Rates(counted, SMALL, patience=9.0)
    charge = await rates.take(of(scope), 100)
    rates.give_back(of(scope), charge, 50)
    again = await rates.take(of(scope), 10)
    assert counted.calls == 2
    assert again.standing is not None
    assert again.standing.remaining in {40, 41}
    await rates.close()


async def test_a_store_that_does_not_answer_is_done_without(counted: Counted, scope: TenantScope) -> None:
    rates, before = Rates(counted, SMALL), fallbacks()
    counted.gate.clear()
    slow = await asyncio.gather(*(rates.take(of(scope), 30) for _ in range(4)))
    assert [charge.standing is not None for charge in slow] == [True] * 4
    with pytest.raises(RateLimited):
        await rates.take(of(scope), 1)  # here too nobody gets more than the bucket holds and one request beyond
    assert (fallbacks() - before, counted.calls) == (5, 1)
    counted.gate.set()
    await asyncio.wait_for(rates.close(), 5)
    assert await left(counted, of(scope)) == 0  # the late call was made all the same


async def test_what_was_let_in_beside_a_call_that_fails_is_taken_later(counted: Counted, scope: TenantScope) -> None:
    rates = Rates(counted, SMALL)
    counted.gate.clear()
    await asyncio.gather(*(rates.take(of(scope), 10) for _ in range(3)))
    counted.broken, mover = True, rates._mover
    assert mover is not None
    counted.gate.set()
    await mover
    counted.broken = False
    await rates.close()
    assert await left(counted, of(scope)) in {70, 71}


async def test_without_the_store_it_goes_on_from_what_was_left(counted: Counted, scope: TenantScope) -> None:
    rates = Rates(counted, SMALL, patience=9.0)
    await rates.take(of(scope), 70)
    counted.broken = True
    for _ in range(4):  # of the thirty that are left, and one of them into debt
        await rates.take(of(scope), 10)
    with pytest.raises(RateLimited):
        await rates.take(of(scope), 10)
    counted.broken = False
    await rates.close()
    assert await left(counted, of(scope)) == 0  # the store was told of them


async def test_a_store_that_fails_is_left_alone_for_a_moment(counted: Counted, scope: TenantScope) -> None:
    rates = Rates(counted, SMALL, patience=9.0)
    counted.broken = True
    assert (await rates.take(of(scope), 1)).standing is not None
    counted.broken = False
    await rates.take(of(scope), 1)
    assert counted.calls == 1
    assert await left(counted, of(scope)) == 100
    await rates.close()
    assert await left(counted, of(scope)) == 98  # of both it is told later


async def test_measuring_lets_everybody_in_and_counts(counted: Counted, scope: TenantScope) -> None:
    def measured() -> float:
        return REGISTRY.get_sample_value("evidence_rate_limited_total", {"mode": "measure"}) or 0.0

    before, rates = measured(), Rates(counted, RateLimit(10, 1, MEASURE), patience=9.0)
    for _ in range(4):
        await rates.take(of(scope), 8)
    assert measured() - before == 2
    await rates.close()


async def test_only_tenants_with_a_limit_of_their_own_pay_for_requests(
    counted: Counted, scope: TenantScope, other_scope: TenantScope
) -> None:
    async with counted.operator(scope) as connection:
        await store.set_limit(connection, scope, RateLimit(25, 1), datetime(2026, 1, 1, tzinfo=UTC))
    rates = Rates(counted, SMALL, patience=9.0)
    for _ in range(50):
        assert await rates.take_if_limited(of(other_scope), 10) == Charge(0)
    assert counted.calls == 1
    for _ in range(3):
        await rates.take_if_limited(of(scope), 10)
    with pytest.raises(RateLimited):
        await rates.take_if_limited(of(scope), 10)
    await rates.close()


async def test_without_a_database_nothing_is_limited(scope: TenantScope) -> None:
    rates: Any = Rates()
    charge = await rates.take(of(scope), 10**9)
    assert (charge.requested, charge.standing) == (10**9, None)
    rates.give_back(of(scope), charge, 0)
    await rates.close()
