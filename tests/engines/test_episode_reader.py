import asyncio
from pathlib import Path

import numpy as np
import pytest

from evidence_api.domain.decisions.off_policy import estimate
from evidence_api.domain.errors import EngineCrashed, EngineMemory, EngineTimeout, Malformed
from evidence_api.engines import episode_reader
from evidence_api.engines.episode_reader import EpisodeReader
from tests.support.episodes import columns, drawn, json_lines, parquet


@pytest.mark.parametrize("write", [json_lines, parquet])
async def test_a_file_is_read_while_others_go_on(tmp_path: Path, write: object) -> None:
    wanted = drawn(40_000)
    file = tmp_path / "episodes"
    file.write_bytes(write(wanted) if callable(write) else b"")
    told: list[tuple[int, float]] = []
    longest = 0.0

    async def look() -> None:
        nonlocal longest
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.001)
            longest = max(longest, loop.time() - before)

    looking = asyncio.create_task(look())
    found = await EpisodeReader().read(file, lambda rows, share: told.append((rows, share)))
    looking.cancel()
    assert columns(found) == columns(wanted)
    assert estimate(found) == estimate(wanted)
    assert told[-1] == (40_000, 1.0)
    assert longest < 1


async def test_the_numbers_outlive_the_folder_they_came_in(tmp_path: Path) -> None:
    file = tmp_path / "episodes"
    file.write_bytes(json_lines(drawn(10)))
    found = await EpisodeReader().read(file)
    file.unlink()
    assert float(np.sum(found.eval)) == pytest.approx(float(np.sum(drawn(10).eval)))


async def test_a_refusal_comes_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "episodes"
    file.write_bytes(json_lines(drawn(3)) + b'{"eval":0.9,"costUSD":0.1,"pBehavior":0,"pTarget":0.25}')
    with pytest.raises(Malformed) as caught:
        await EpisodeReader().read(file)
    assert caught.value.code == "out_of_domain"
    assert (caught.value.fields["line"], caught.value.fields["column"]) == (4, "pBehavior")


async def test_a_reader_is_stopped_when_time_is_up(tmp_path: Path) -> None:
    file = tmp_path / "episodes"
    file.write_bytes(json_lines(drawn(10)))
    with pytest.raises(EngineTimeout):
        await EpisodeReader(timeout=0.01).read(file)


async def test_a_reader_has_no_more_memory_than_it_is_given(tmp_path: Path) -> None:
    file = tmp_path / "episodes"
    file.write_bytes(parquet(drawn(200_000), rows_of_a_group=200_000))
    with pytest.raises(EngineMemory):
        await EpisodeReader(memory=64 * 2**20).read(file)


async def test_a_reader_that_dies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(episode_reader, "WORKER", "evidence_api.no_such_module")
    with pytest.raises(EngineCrashed) as caught:
        await EpisodeReader().read(tmp_path / "episodes")
    assert "no_such_module" in caught.value.message
