"""Lanes: bounded, by turns, and whoever leaves or gives up makes room."""

import asyncio
from contextlib import AsyncExitStack
from uuid import UUID

import pytest

from evidence_api.domain.errors import Overloaded
from evidence_api.domain.principal import TenantScope
from evidence_api.use_cases.lanes import EXPORTS, FEDERATION, QUERIES, UPLOADS, Lane, Lanes, LaneSize, lane_sizes

ACME, RIVAL, THIRD = (TenantScope(UUID(int=number), f"t{number}") for number in (1, 2, 3))


def lanes(size: LaneSize) -> Lanes:
    return Lanes({QUERIES: size})


async def turns(lane: Lanes, arrivals: list[TenantScope]) -> list[str]:
    """The order in which requests that came in this order, behind one that holds the only place, are let in."""
    order: list[str] = []

    async def request(scope: TenantScope) -> None:
        async with lane.enter(QUERIES, scope):
            order.append(scope.name)
            await asyncio.sleep(0)

    async with lane.enter(QUERIES, arrivals[0]):
        waiting = [asyncio.create_task(request(scope)) for scope in arrivals]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    return order


async def test_a_full_lane_lets_its_tenants_in_by_turns() -> None:
    order = await turns(lanes(LaneSize(1, 1)), [ACME] * 6 + [RIVAL] * 2 + [THIRD])
    assert order == ["t1", "t2", "t3", "t1", "t2", "t1", "t1", "t1", "t1"]


async def test_of_many_from_one_tenant_a_polite_one_waits_for_one_turn() -> None:
    order = await turns(lanes(LaneSize(1, 1)), [ACME] * 200 + [RIVAL])
    assert order.index("t2") == 1


async def test_never_more_run_than_there_are_places_and_all_come_through() -> None:
    lane = Lane("queries", LaneSize(5, 4))
    most = {"all": 0, ACME.id: 0, RIVAL.id: 0}
    held = {ACME.id: 0, RIVAL.id: 0}

    async def request(scope: TenantScope) -> None:
        await lane.take(scope.id)
        held[scope.id] += 1
        most["all"] = max(most["all"], sum(held.values()))
        most[scope.id] = max(most[scope.id], held[scope.id])
        await asyncio.sleep(0)
        held[scope.id] -= 1
        lane.leave(scope.id)

    await asyncio.gather(*(request(scope) for scope in (ACME, RIVAL, ACME) for _ in range(40)))
    assert (most["all"], most[ACME.id]) == (5, 4)
    assert (lane.running, lane.waiting) == (0, 0)


@pytest.mark.parametrize(
    ("size", "limit"), [(LaneSize(1, 1, queue=3, queue_of_one=9), 3), (LaneSize(1, 1, queue=9, queue_of_one=2), 2)]
)
async def test_whoever_comes_to_a_full_queue_is_sent_away(size: LaneSize, limit: int) -> None:
    lane = lanes(size)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(lane.enter(QUERIES, ACME))
        waiting = [asyncio.create_task(stack.enter_async_context(lane.enter(QUERIES, ACME))) for _ in range(limit)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            async with lane.enter(QUERIES, ACME):
                pytest.fail("was let in")
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert (refused.value.code, refused.value.fields["limit"], refused.value.fields["retry_after"]) == (
        "lane_full",
        limit,
        1.0,
    )


async def test_whoever_waits_too_long_is_sent_away_and_the_place_is_whole() -> None:
    lane = Lane("queries", LaneSize(1, 1, wait=0.01))
    await lane.take(ACME.id)
    with pytest.raises(Overloaded, match="waited"):
        await lane.take(RIVAL.id)
    assert (lane.running, lane.waiting) == (1, 0)
    lane.leave(ACME.id)
    assert lane.take_now(RIVAL.id)


async def test_a_turn_that_comes_as_its_request_is_cancelled_goes_to_the_next() -> None:
    lane = Lane("queries", LaneSize(1, 1))
    await lane.take(ACME.id)
    first, second = asyncio.create_task(lane.take(RIVAL.id)), asyncio.create_task(lane.take(THIRD.id))
    await asyncio.sleep(0)
    lane.leave(ACME.id)  # it is the first one's turn, before it runs
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await second
    assert (lane.running, lane.waiting) == (1, 0)


async def test_a_fault_inside_gives_the_place_back() -> None:
    lane = lanes(LaneSize(1, 1))
    for _ in range(3):
        with pytest.raises(ValueError, match="inside"):
            async with lane.enter(QUERIES, ACME):
                raise ValueError("inside")


@pytest.mark.parametrize("pool", [5, 10, 40])
def test_what_reads_leaves_a_connection_to_what_appends(pool: int) -> None:
    sizes = lane_sizes(pool)
    assert sum(sizes[name].places for name in (QUERIES, FEDERATION, EXPORTS)) < pool
    assert sizes[QUERIES].places_of_one < max(2, sizes[QUERIES].places)
    assert sizes[UPLOADS].places > pool
