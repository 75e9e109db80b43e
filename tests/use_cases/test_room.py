import asyncio

import pytest

from evidence_api.domain.errors import Overloaded
from evidence_api.use_cases.room import Room


async def test_bytes_are_bounded_and_come_back() -> None:
    room = Room(limit=100, wait=5)
    held: list[int] = []

    async def upload(size: int) -> None:
        await room.take(size)
        held.append(room.taken)
        await asyncio.sleep(0)
        room.give_back(size)

    await asyncio.gather(*(upload(size) for size in (40, 50, 60, 10, 100, 1) * 20))
    assert max(held) <= 100
    assert len(held) == 120
    assert room.taken == 0


async def test_one_larger_than_all_gets_in_alone_and_is_not_overtaken() -> None:
    room = Room(limit=100, wait=5)
    await room.take(10)
    large = asyncio.create_task(room.take(500))
    await asyncio.sleep(0)
    small = asyncio.create_task(room.take(1))
    await asyncio.sleep(0)
    assert not small.done()
    room.give_back(10)
    await large
    assert room.taken == 500
    room.give_back(500)
    await small
    assert room.taken == 1


async def test_who_has_waited_too_long_is_told_limit_and_value() -> None:
    room = Room(limit=100, wait=0.01)
    await room.take(90)
    with pytest.raises(Overloaded) as refused:
        await room.take(20)
    assert (refused.value.code, refused.value.fields) == ("overloaded", {"limit": 100, "value": 110})
    room.give_back(90)
    assert room.take_now(100)


async def test_who_leaves_the_queue_lets_the_next_in() -> None:
    room = Room(limit=100, wait=5)
    await room.take(90)
    leaving = asyncio.create_task(room.take(50))
    await asyncio.sleep(0)
    staying = asyncio.create_task(room.take(10))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    assert room.taken == 100
    await asyncio.gather(leaving, return_exceptions=True)
