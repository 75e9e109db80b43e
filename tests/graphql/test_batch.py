import asyncio
from collections.abc import Sequence

import pytest

from evidence_api.graphql.batch import Batch, Batches


async def test_siblings_share_one_load_even_some_turns_apart() -> None:
    loads: list[Sequence[int]] = []

    async def load(keys: Sequence[int]) -> dict[int, str]:
        loads.append(keys)
        return {key: str(key) for key in keys if key != 3}

    batch = Batch(load, "absent")

    async def late(key: int, turns: int) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await batch.get(key)

    answers = await asyncio.gather(late(1, 0), late(2, 1), late(3, 3), late(1, 2))
    assert list(answers) == ["1", "2", "absent", "1"]
    assert [sorted(keys) for keys in loads] == [[1, 2, 3]]


async def test_a_fault_reaches_everybody_who_waits_and_the_next_load_is_fresh() -> None:
    faults = [RuntimeError("once")]

    async def load(keys: Sequence[int]) -> dict[int, int]:
        if faults:
            raise faults.pop()
        return {key: key for key in keys}

    batch = Batch(load, 0)
    first = await asyncio.gather(batch.get(1), batch.get(2), return_exceptions=True)
    assert [type(one) for one in first] == [RuntimeError, RuntimeError]
    assert await batch.get(1) == 1


async def test_closing_stops_what_is_loading() -> None:
    stopped = asyncio.Event()

    async def load(_keys: Sequence[int]) -> dict[int, int]:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()
        return {}

    batches = Batches()
    waiting = asyncio.ensure_future(batches.of("slow", load, 0).get(1))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await batches.close()
    assert stopped.is_set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
