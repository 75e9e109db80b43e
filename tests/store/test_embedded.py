import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from evidence_api.domain.errors import StoreUnavailable
from evidence_api.store import embedded
from evidence_api.store.embedded import EmbeddedPostgres

_HOLD = """
import sys, time
from pathlib import Path
from evidence_api.store.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1])).start()
server.create_database("kept")
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(open_folder: Path) -> Path:
    made = open_folder / uuid4().hex
    made.mkdir()
    return made


def postmaster(folder: Path) -> int:
    return int((folder / "postgresql-18" / "postmaster.pid").read_text().split("\n", 1)[0])


async def value(server: EmbeddedPostgres, query: str, database: str = "postgres") -> object:
    connection = await asyncpg.connect(server.dsn(database=database))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def hold(folder: Path) -> subprocess.Popen[str]:
    """Another process of ours that uses the folder."""
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.readline()
    if said != "ready\n":
        kill(process)
        pytest.fail(f"the other process did not come up: {said!r}")
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


async def test_it_serves_with_our_settings_and_stops(folder: Path) -> None:
    with EmbeddedPostgres(folder, {"max_connections": "7"}) as server:
        assert await value(server, "SHOW synchronous_commit") == "on"
        assert await value(server, "SHOW listen_addresses") == ""
        assert await value(server, "SHOW max_connections") == "7"
        assert str(await value(server, "SHOW server_version")).startswith("18")
        server.create_database("a-b")
        server.create_database("a-b")
        assert await value(server, "SELECT current_database()", "a-b") == "a-b"
    with pytest.raises(OSError, match=r"PGSQL|No such file|refused"):
        await value(server, "SELECT 1")


async def test_a_server_that_outlived_a_killed_process_is_taken_over_and_stopped(folder: Path) -> None:
    kill(hold(folder))
    first = postmaster(folder)
    with EmbeddedPostgres(folder) as server:
        assert postmaster(folder) == first
        assert await value(server, "SELECT count(*) FROM pg_database WHERE datname = 'kept'") == 1
    assert not (folder / "postgresql-18" / "postmaster.pid").exists()


async def test_it_recovers_when_everything_was_killed(folder: Path) -> None:
    process = hold(folder)
    leader = postmaster(folder)
    kill(process)
    os.kill(leader, signal.SIGKILL)
    with EmbeddedPostgres(folder) as server:
        assert postmaster(folder) != leader
        assert await value(server, "SELECT count(*) FROM pg_database WHERE datname = 'kept'") == 1


async def test_a_pid_file_that_names_another_process_is_no_server(folder: Path) -> None:
    process = hold(folder)
    leader = postmaster(folder)
    kill(process)
    os.kill(leader, signal.SIGKILL)
    pid_file = folder / "postgresql-18" / "postmaster.pid"
    pid_file.write_text(pid_file.read_text().replace(str(leader), str(os.getpid()), 1))
    with EmbeddedPostgres(folder) as server:
        assert await value(server, "SELECT 1") == 1


def test_stopping_a_server_that_was_killed_is_no_error(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        os.kill(postmaster(folder), signal.SIGKILL)
        while server._state() is not embedded._State.ABSENT:
            time.sleep(0.01)


async def test_whoever_leaves_last_stops_it(folder: Path) -> None:
    with EmbeddedPostgres(folder) as first:
        with EmbeddedPostgres(folder) as second:
            assert await value(second, "SELECT 1") == 1
        assert await value(first, "SELECT 1") == 1
    assert not (folder / "postgresql-18" / "postmaster.pid").exists()


async def test_a_path_too_long_for_a_socket_gets_a_short_private_one(folder: Path) -> None:
    with EmbeddedPostgres(folder / ("long" * 20) / "home") as server:
        assert await value(server, "SELECT 1") == 1
        sockets = server._socket_folder()
        assert sockets.stat().st_mode & 0o077 == 0
    assert not sockets.exists()


def test_an_initdb_that_was_cut_off_starts_afresh(folder: Path) -> None:
    (folder / "postgresql-18" / "base").mkdir(parents=True)
    with EmbeddedPostgres(folder) as server:
        assert asyncio.run(value(server, "SELECT 1")) == 1


def test_a_server_that_will_not_start_is_a_coded_error_with_its_log(folder: Path) -> None:
    with pytest.raises(StoreUnavailable, match="no_such_setting"):
        EmbeddedPostgres(folder, {"no_such_setting": "1"}).start()


def test_without_the_wheel_the_error_names_the_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_PACKAGE", "no_such_package_anywhere")
    with pytest.raises(StoreUnavailable, match="embedded"):
        EmbeddedPostgres(folder).start()


def test_it_starts_in_seconds(folder: Path) -> None:
    start = time.monotonic()
    with EmbeddedPostgres(folder):
        assert time.monotonic() - start < 30
