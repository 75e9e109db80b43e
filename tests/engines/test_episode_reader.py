import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

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
    turns = 0

    async def look() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.001)
            turns += 1

    looking = asyncio.create_task(look())
    found = await EpisodeReader().read(file, lambda rows, share: told.append((rows, share)))
    looking.cancel()
    assert columns(found) == columns(wanted)
    assert estimate(found) == estimate(wanted)
    assert told[-1] == (40_000, 1.0)
    assert turns > 10  # read in this process, it would have left none


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


class Started:
    """The processes that were started, and a folder of their own for temporary files."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder.mkdir()
        self.folder = folder
        self.processes: list[asyncio.subprocess.Process] = []
        self.one = asyncio.Event()
        start = asyncio.create_subprocess_exec

        async def started(*args: Any, **kwargs: Any) -> asyncio.subprocess.Process:  # noqa: ANN401  passed on
            self.processes.append(await start(*args, **kwargs))
            self.one.set()
            return self.processes[-1]

        monkeypatch.setattr(asyncio, "create_subprocess_exec", started)
        monkeypatch.setattr(tempfile, "tempdir", str(folder))

    def left(self) -> tuple[list[Path], list[asyncio.subprocess.Process]]:
        """Temporary files, and processes that still run."""
        return list(self.folder.iterdir()), [one for one in self.processes if one.returncode is None]


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Started:
    return Started(tmp_path / "temporary", monkeypatch)


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A file that nobody ever finishes to read."""
    os.mkfifo(tmp_path / "endless")
    return tmp_path / "endless"


async def test_a_reader_is_stopped_when_time_is_up(endless: Path, started: Started) -> None:
    with pytest.raises(EngineTimeout) as caught:
        await EpisodeReader(timeout=0.2).read(endless)
    assert caught.value.fields["limit"] == 0.2
    assert len(started.processes) == 1
    assert started.left() == ([], [])


async def test_a_reader_whose_caller_goes_away_leaves_nothing_behind(endless: Path, started: Started) -> None:
    reader = EpisodeReader()
    reading = asyncio.create_task(reader.read(endless))
    await started.one.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert started.left() == ([], [])
    file = endless.with_name("episodes")
    file.write_bytes(json_lines(drawn(3)))
    assert len(await reader.read(file)) == 3  # its turn was given back


WORKERS = {
    "import sys; sys.stdout.write('warning: strange page\\n')": "no progress",
    "print('[1]')": "no progress",
    "print('{\"share\": 1}')": "no progress",
    "print('{}')": "ended with code 0",
    "import sys; sys.stderr.write('x' * 1_000_000 + '\\nboom\\n'); sys.exit(3)": "ended with code 3: boom",
    "import os; os.abort()": "ended with code -6: no message",
}


@pytest.mark.parametrize("program", WORKERS)
async def test_a_reader_that_does_something_else_has_crashed(
    program: str, tmp_path: Path, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "strange_worker.py"
    worker.write_text(program)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(episode_reader, "WORKER", worker.stem)
    with pytest.raises(EngineCrashed) as caught:
        await EpisodeReader().read(tmp_path / "episodes")
    assert WORKERS[program] in caught.value.message
    assert started.left() == ([], [])


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
