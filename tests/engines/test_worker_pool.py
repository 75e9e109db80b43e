"""Worker processes: everybody is answered, whatever becomes of those who should answer."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from evidence_api.domain.errors import EngineCrashed, Overloaded, Refused
from evidence_api.engines import worker_lane, worker_pool
from evidence_api.engines.worker_lane import Shared
from evidence_api.engines.worker_nursery import MAX_MEMORY, Nursery
from evidence_api.engines.worker_pool import LARGE, WorkerPool
from evidence_api.engines.worker_wire import Frames, frame

ODD = "tests.support.odd_worker"
TOLD = Shared("one", "what one is")


@pytest.fixture(scope="module")
def odd() -> Iterator[Nursery]:
    made = Nursery(ODD)
    yield made
    made.close()


@pytest.fixture
async def pool(odd: Nursery) -> AsyncIterator[WorkerPool]:
    async with WorkerPool(odd, processes=2) as made:
        yield made


def asked(pool: WorkerPool, order: str, argument: object = None, *, size: int = 0) -> "asyncio.Future[Any]":
    return pool.ask((order, argument, TOLD.name), TOLD, size)


def gone(pid: int) -> bool:
    for _ in range(250):
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


async def test_every_question_gets_its_own_answer_from_several_processes(pool: WorkerPool) -> None:
    answers = await asyncio.gather(*(asked(pool, "say", number) for number in range(500)))
    assert [(argument, told) for _, argument, told in answers] == [(number, TOLD.content) for number in range(500)]
    await asked(pool, "say")
    assert 1 <= len({pid for pid, _, _ in answers}) <= 2
    assert os.getpid() not in {pid for pid, _, _ in answers}


async def test_what_is_shared_is_told_to_each_worker_once_and_again_when_much_else_was(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_lane, "MAX_TOLD", 2)
    for turn in range(3):
        for name in ("a", "b", "c"):
            shared = Shared(name, f"what {name} is")
            _, argument, told = await pool.ask(("say", turn, name), shared, 0)
            assert (argument, told) == (turn, f"what {name} is")


async def test_large_questions_and_answers_arrive_whole(pool: WorkerPool) -> None:
    body = os.urandom(3 << 20)
    assert (await asked(pool, "say", body, size=len(body)))[1] == body


async def test_a_killed_worker_costs_nobody_an_answer(pool: WorkerPool) -> None:
    first, _, _ = await asked(pool, "say")
    questions = [asked(pool, "say", number) for number in range(300)]
    await asyncio.wait(questions, return_when=asyncio.FIRST_COMPLETED)
    for pid in pool.small.pids:
        os.kill(pid, signal.SIGKILL)
    assert [argument for _, argument, _ in await asyncio.gather(*questions)] == list(range(300))
    assert first not in pool.small.pids


async def test_who_kills_its_reader_twice_is_refused_and_nobody_else(pool: WorkerPool) -> None:
    questions = [asked(pool, "die" if number == 20 else "say", number) for number in range(64)]
    answers = await asyncio.gather(*questions, return_exceptions=True)
    refused = answers.pop(20)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.fields) == ("unreadable", {"limit": 1, "value": 2})
    assert [answer[1] for answer in answers if isinstance(answer, tuple)] == [n for n in range(64) if n != 20]


async def test_killers_do_not_hold_each_other_up(pool: WorkerPool) -> None:
    killers = [asked(pool, "die") for _ in range(6)]
    others = [asked(pool, "say", number) for number in range(50)]
    assert len(await asyncio.gather(*others)) == 50
    refused = await asyncio.gather(*killers, return_exceptions=True)
    assert [getattr(one, "code", "") for one in refused] == ["unreadable"] * 6


async def test_one_crash_is_forgiven(pool: WorkerPool, tmp_path: Path) -> None:
    assert await asked(pool, "die once", str(tmp_path / "died")) == "survived"


async def test_what_hangs_is_killed_and_refused(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "_WATCH_SECONDS", 0.02)
    pool.small._seconds = 0.3
    hanging = asked(pool, "hang", 60.0)
    assert (await asked(pool, "say", 1))[1] == 1
    with pytest.raises(Refused) as refused:
        await asyncio.wait_for(hanging, 20)
    assert refused.value.code == "unreadable"


async def test_what_needs_too_much_memory_is_refused(pool: WorkerPool) -> None:
    with pytest.raises(Refused) as refused:
        await asked(pool, "fill", MAX_MEMORY * 2)
    assert refused.value.code == "unreadable"
    assert await asked(pool, "fill", 1000) == 1000


async def test_large_questions_do_not_hold_up_small_ones(pool: WorkerPool) -> None:
    slow = [asked(pool, "hang", 0.5, size=LARGE + 1) for _ in range(3)]
    await asyncio.gather(*(asked(pool, "say", number) for number in range(100)))
    assert not all(one.done() for one in slow)
    assert not set(pool.small.pids) & set(pool.large.pids)
    await asyncio.gather(*slow)


async def test_too_many_questions_are_turned_away(pool: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "MAX_WAITING", 3)
    waiting = [asked(pool, "say", number) for number in range(3)]
    with pytest.raises(Overloaded) as refused:
        asked(pool, "say")
    assert refused.value.fields == {"limit": 3, "value": 4}
    assert len(await asyncio.gather(*waiting)) == 3


async def test_nobody_waits_for_ever_for_a_worker_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "_WATCH_SECONDS", 0.02)
    monkeypatch.setattr(worker_lane, "MAX_SECONDS", 0.1)
    nursery = Nursery("tests.support.no_such_module")
    async with WorkerPool(nursery, processes=1) as pool:
        with pytest.raises(Overloaded):
            await asyncio.wait_for(asked(pool, "say"), 20)
    nursery.close()


async def test_a_pool_that_is_warm_has_a_worker_before_anybody_asks(pool: WorkerPool) -> None:
    pool.warm_up()
    pool.warm_up()
    await asyncio.gather(*pool.small._starting)
    (pid,) = pool.small.pids
    assert (await asked(pool, "say"))[0] == pid


async def test_who_leaves_does_not_shift_the_answers(pool: WorkerPool) -> None:
    leaving, staying = asked(pool, "say", "leaving"), asked(pool, "say", "staying")
    leaving.cancel()
    assert (await staying)[1] == "staying"


async def test_closing_tells_everybody_and_ends_the_workers(odd: Nursery) -> None:
    async with WorkerPool(odd, processes=2) as pool:
        await asked(pool, "say")
        pids = pool.small.pids
        waiting = [asked(pool, "hang", 60.0) for _ in range(40)]
        await asyncio.sleep(0)
    for one in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(one, EngineCrashed)
    assert pids
    assert all([await asyncio.to_thread(gone, pid) for pid in pids])
    with pytest.raises(EngineCrashed):
        asked(pool, "say")


async def test_a_lost_nursery_is_replaced() -> None:
    nursery = Nursery(ODD)
    async with WorkerPool(nursery, processes=1) as pool:
        first, _, _ = await asked(pool, "say")
        assert nursery._process is not None
        nursery._process.kill()
        os.kill(first, signal.SIGKILL)
        second, _, _ = await asked(pool, "say")
        assert second != first
    nursery.close()


def test_nursery_and_workers_end_with_a_server_that_is_killed() -> None:
    script = (
        "import asyncio\n"
        "from evidence_api.engines.worker_lane import Shared\n"
        "from evidence_api.engines.worker_nursery import Nursery\n"
        "from evidence_api.engines.worker_pool import WorkerPool\n"
        "async def main():\n"
        f"    nursery = Nursery({ODD!r})\n"
        "    async with WorkerPool(nursery, processes=1) as pool:\n"
        "        await pool.ask(('say', 1, 'x'), Shared('x', 1), 0)\n"
        "        print(nursery._process.pid, *pool.small.pids, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        pids = [int(word) for word in server.stdout.readline().split()]
        server.kill()
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


def test_frames_are_put_together_from_any_pieces() -> None:
    messages = [[b"a" * 300, None], ["x"], [], [b"b" * 70_000]]
    stream = b"".join(frame(message) for message in messages)
    for step in (1, 7, 301, len(stream)):
        frames = Frames()
        found = [one for at in range(0, len(stream), step) for one in frames.feed(stream[at : at + step])]
        assert found == messages
