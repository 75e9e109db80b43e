import asyncio

import pytest

from evidence_api.domain.errors import StoreUnavailable
from evidence_api.use_cases.once import Once


async def test_who_asks_at_once_shares_one_reading_and_who_comes_later_has_another() -> None:
    calls: list[str] = []

    async def read(key: str) -> int:
        calls.append(key)
        await asyncio.sleep(0.01)
        return len(calls)

    once = Once(read)
    answers = await asyncio.gather(*(once(key) for key in "aabab"))
    assert answers[0] == answers[1] == answers[3]
    assert answers[2] == answers[4]
    assert calls == ["a", "b"]
    assert await once("a") == 3


async def test_a_fault_is_everybodys_and_is_not_kept() -> None:
    faults = [StoreUnavailable("no answer")]

    async def read(_: str) -> str:
        await asyncio.sleep(0)
        if faults:
            raise faults.pop()
        return "read"

    once = Once(read)
    answers = await asyncio.gather(once("a"), once("a"), return_exceptions=True)
    assert [isinstance(answer, StoreUnavailable) for answer in answers] == [True, True]
    assert await once("a") == "read"


async def test_who_leaves_does_not_end_it_for_the_others() -> None:
    begun = asyncio.Event()
    go = asyncio.Event()

    async def read(_: str) -> str:
        begun.set()
        await go.wait()
        return "read"

    once = Once(read)
    leaving, staying = asyncio.create_task(once("a")), asyncio.create_task(once("a"))
    await begun.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    go.set()
    assert await staying == "read"


async def test_who_asks_after_it_was_forgotten_never_gets_what_was_being_read_before() -> None:
    gates = [asyncio.Event(), asyncio.Event()]
    begun: list[int] = []

    async def read(_: str) -> int:
        number = len(begun)
        begun.append(number)
        await gates[number].wait()
        return number

    once = Once(read)
    before = asyncio.create_task(once("a"))
    await asyncio.sleep(0.01)
    once.forget("a")
    after = asyncio.create_task(once("a"))
    await asyncio.sleep(0.01)
    gates[0].set()
    assert await before == 0
    joining = asyncio.create_task(once("a"))  # the end of the first does not hide the second
    await asyncio.sleep(0.01)
    gates[1].set()
    assert [await after, await joining] == [1, 1]
