"""Connections that stay bound to one reader: nobody else sees through them, whatever came before or went wrong."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest

from evidence_api.domain.errors import EvidenceError, StoreUnavailable
from evidence_api.domain.principal import ReadGrant, TenantScope
from evidence_api.store.migrate import Login
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from tests.support.checked import checked
from tests.support.seed import append_all

WHO = """SELECT current_user::text, current_setting('evidence.tenant'), current_setting('evidence.read_grant'),
  pg_backend_pid()"""
SEEN = "SELECT count(*) FROM evidence"


@pytest.fixture
async def single(login: Login) -> AsyncIterator[Database]:
    """A database with one connection of each sort, so that every reader gets the same."""
    opened = await Database.open(login.app_dsn, login.owner_dsn, pool_size=1)
    yield opened
    await opened.close()


@pytest.fixture
async def logs(appender: Appender, scope: TenantScope, other_scope: TenantScope) -> None:
    """Three pieces of evidence of one tenant, one of the other."""
    await append_all(appender, scope, *(checked(f"mine {number}") for number in range(3)))
    await append_all(appender, other_scope, checked("theirs"))


async def seen_by(database: Database, scope: TenantScope) -> tuple[int, tuple[str, str, str], int]:
    async with database.bound(scope) as connection:
        role, tenant, granted, backend = (await connection.fetch(WHO))[0]
        return await connection.fetchval(SEEN), (role, tenant, granted), backend


@pytest.mark.usefixtures("logs")
async def test_a_connection_sees_for_whoever_has_it(
    single: Database, scope: TenantScope, other_scope: TenantScope
) -> None:
    grant = ReadGrant(uuid4(), releases=frozenset({"it's none"}))
    auditor = replace(scope, grant=grant)
    backends = set()
    for reader, count in ((scope, 3), (other_scope, 1), (auditor, 0), (other_scope, 1), (auditor, 0), (scope, 3)):
        found, (role, tenant, granted), backend = await seen_by(single, reader)
        assert (found, tenant) == (count, str(reader.id))
        assert role == ("evidence_auditor" if reader.grant else "evidence_app")
        assert bool(granted) == bool(reader.grant)
        backends.add(backend)
    assert len(backends) == 1


@pytest.mark.usefixtures("logs")
async def test_what_is_bound_is_not_seen_by_other_transactions(single: Database, scope: TenantScope) -> None:
    assert (await seen_by(single, scope))[0] == 3
    async with single.anonymous() as connection:
        assert await connection.fetchval(SEEN) == 0
    async with single.statement() as connection:
        assert await connection.fetchval(SEEN) == 0
    async with single.presenting(b"\0" * 32) as connection:
        assert await connection.fetchval(SEEN) == 0


@pytest.mark.usefixtures("logs")
async def test_it_only_reads(single: Database, scope: TenantScope) -> None:
    with pytest.raises(StoreUnavailable, match="read-only"):
        async with single.bound(scope) as connection:
            await connection.execute("DELETE FROM due")
    assert (await seen_by(single, scope))[0] == 3


@pytest.mark.usefixtures("logs")
async def test_a_reader_who_leaves_in_the_middle_leaves_nothing_behind(
    single: Database, scope: TenantScope, other_scope: TenantScope
) -> None:
    _, _, before = await seen_by(single, scope)

    async def slow() -> None:
        async with single.bound(scope) as connection:
            await connection.fetchval("SELECT pg_sleep(30)")

    task = asyncio.create_task(slow())
    waiting = asyncio.create_task(seen_by(single, other_scope))
    gone = asyncio.create_task(seen_by(single, other_scope))
    await asyncio.sleep(0.05)
    gone.cancel()
    task.cancel()
    found, _, after = await asyncio.wait_for(waiting, 10)
    assert found == 1
    assert after != before
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.usefixtures("logs")
async def test_a_connection_that_cannot_be_bound_is_not_used(
    single: Database, scope: TenantScope, other_scope: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await seen_by(single, scope))[0] == 3
    broken = replace(other_scope, grant=ReadGrant(uuid4()))
    monkeypatch.setattr("evidence_api.store.session.AUDITOR", "no_such_role")
    with pytest.raises(EvidenceError, match="no_such_role"):
        await seen_by(single, broken)
    monkeypatch.undo()
    assert [(await seen_by(single, one))[0] for one in (other_scope, scope)] == [1, 3]


@pytest.mark.usefixtures("logs")
async def test_a_connection_that_was_cut_is_replaced(single: Database, scope: TenantScope, login: Login) -> None:
    _, _, backend = await seen_by(single, scope)
    administration = await asyncpg.connect(login.app_dsn)
    await administration.execute("SELECT pg_terminate_backend($1)", backend)
    await administration.close()
    while True:
        try:
            found, _, other = await seen_by(single, scope)
        except StoreUnavailable:  # it was not known to be cut yet
            continue
        break
    assert found == 3
    assert other != backend


@pytest.mark.usefixtures("logs")
async def test_many_readers_share_few_connections(login: Login, scope: TenantScope, other_scope: TenantScope) -> None:
    database = await Database.open(login.app_dsn, login.owner_dsn, pool_size=2)
    try:
        readers = [(scope, 3), (other_scope, 1)] * 20
        seen = await asyncio.gather(*(seen_by(database, reader) for reader, _ in readers))
        assert [found for found, _, _ in seen] == [count for _, count in readers]
        assert len({backend for _, _, backend in seen}) <= 2
    finally:
        await database.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await seen_by(database, scope)


async def test_nobody_waits_for_what_was_closed(single: Database, scope: TenantScope) -> None:
    async def read() -> None:
        async with single.bound(scope):
            raise AssertionError

    async with single.bound(scope):
        waiting = [asyncio.ensure_future(read()) for _ in range(3)]
        await asyncio.sleep(0)
        await single.close()
    async with asyncio.timeout(10):
        found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in found] == [StoreUnavailable] * 3
