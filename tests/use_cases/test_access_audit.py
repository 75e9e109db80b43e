"""Rows are written together, in order and durably; refusals there are many of share rows; nobody changes one."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from evidence_api.domain.access_entry import AccessEntry, AccessFilter, AccessNotes, AccessRow
from evidence_api.domain.errors import StoreUnavailable, Undecided
from evidence_api.domain.page import Window
from evidence_api.domain.principal import TenantScope
from evidence_api.store import access_audit as store
from evidence_api.store.migrate import Login, login_dsn
from evidence_api.store.session import Database
from evidence_api.use_cases import access_audit
from evidence_api.use_cases.access_audit import AccessAudit
from tests.support.checked import SteppingClock

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


def entry(number: int = 0, *, code: str = "", at: datetime = AT) -> AccessEntry:
    notes = AccessNotes(action="evidence:read", document="sha256:" + "d" * 64, cost=number, code=code)
    return AccessEntry(at, f"request-{number}", "token", "t-1", "POST", "/graphql", 429 if code else 200, notes)


@pytest.fixture
def audit(database: Database, clock: SteppingClock) -> AccessAudit:
    return AccessAudit(database, clock)


async def rows(database: Database, scope: TenantScope) -> Sequence[AccessRow]:
    async with database.tenant(scope) as connection:
        return (await store.page(connection, scope, AccessFilter(), Window(1000))).items


async def test_rows_of_many_requests_are_counted_without_a_gap(
    database: Database, audit: AccessAudit, scope: TenantScope, other_scope: TenantScope, clock: SteppingClock
) -> None:
    second = AccessAudit(database, clock)  # another process's
    await asyncio.gather(
        *(one.record(scope, entry(number)) for number in range(50) for one in (audit, second)),
        *(audit.record(other_scope, entry(number)) for number in range(5)),
    )
    written = await rows(database, scope)
    assert [row.sequence for row in written] == list(range(1, 101))
    assert sorted(row.entry.notes.cost or 0 for row in written) == sorted([*range(50), *range(50)])
    assert [row.sequence for row in await rows(database, other_scope)] == [1, 2, 3, 4, 5]
    assert written[0].entry == entry(written[0].entry.notes.cost or 0)


async def test_a_row_at_fault_does_not_hold_up_the_others(
    database: Database, audit: AccessAudit, scope: TenantScope
) -> None:
    bad = replace(entry(1), request_id="\0")
    results = await asyncio.gather(
        *(audit.record(scope, one) for one in (entry(0), bad, entry(2))), return_exceptions=True
    )
    assert [getattr(result, "code", None) for result in results] == [None, "audit_unavailable", None]
    assert [row.entry.notes.cost for row in await rows(database, scope)] == [0, 2]


async def test_who_leaves_does_not_take_the_others_along(
    database: Database, audit: AccessAudit, scope: TenantScope
) -> None:
    waiting = [asyncio.create_task(audit.record(scope, entry(number))) for number in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert [task.cancelled() for task in waiting] == [False, True, False]
    assert len(await rows(database, scope)) == 3


async def test_rows_of_requests_under_way_go_together(
    audit: AccessAudit, scope: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    async def add(_connection: object, _scope: TenantScope, entries: Sequence[AccessEntry]) -> None:
        written.append(len(entries))

    monkeypatch.setattr(store, "add", add)
    monkeypatch.setattr(access_audit, "_LINGER", 60.0)  # not what ends the waiting here

    async def later(turns: int) -> None:
        audit.announce()
        for _ in range(turns):
            await asyncio.sleep(0)
        audit.retract()
        await audit.record(scope, entry())

    async with asyncio.timeout(30):
        await asyncio.gather(*(later(turns) for turns in (0, 5, 50)))
        assert written == [3]
        await audit.record(scope, entry())  # alone: at once
        monkeypatch.setattr(access_audit, "_LINGER", 0.001)
        audit.announce()  # never has a row
        await audit.record(scope, entry())
    assert written == [3, 1, 1]


async def test_what_waits_is_bounded_and_written_at_the_end(
    database: Database, audit: AccessAudit, scope: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_audit, "MAX_WAITING", 2)
    waiting = [asyncio.create_task(audit.record(scope, entry(number))) for number in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Undecided, match="too many") as refused:
        await audit.record(scope, entry(9))
    assert refused.value.code == "audit_unavailable"
    await audit.close()
    assert [task.done() for task in waiting] == [True, True]
    assert len(await rows(database, scope)) == 2


async def test_refusals_alike_share_a_row_a_minute(database: Database, audit: AccessAudit, scope: TenantScope) -> None:
    for second in range(10):
        await audit.record_denial(scope, entry(second, code="rate_limited", at=AT + timedelta(seconds=second)))
    await audit.record_denial(scope, entry(99, code="lane_full"))
    assert [(row.entry.notes.code, row.entry.count) for row in await rows(database, scope)] == [
        ("rate_limited", 1),
        ("lane_full", 1),
    ]
    assert await audit.tell_denials(now=AT + timedelta(seconds=59)) == 0
    assert await audit.tell_denials(now=AT + timedelta(seconds=61)) == 1
    assert await audit.tell_denials(now=AT + timedelta(minutes=5)) == 0  # nothing since: forgotten
    await audit.record_denial(scope, entry(100, code="rate_limited", at=AT + timedelta(minutes=6)))
    await audit.record_denial(scope, entry(101, code="rate_limited", at=AT + timedelta(minutes=6)))
    await audit.close()
    told = [(row.entry.notes.cost, row.entry.notes.code, row.entry.count) for row in await rows(database, scope)]
    assert told[2:] == [(9, "rate_limited", 9), (100, "rate_limited", 1), (101, "rate_limited", 1)]


async def test_a_count_that_could_not_be_written_is_kept(
    database: Database, audit: AccessAudit, scope: TenantScope, login: Login
) -> None:
    for _ in range(4):
        await audit.record_denial(scope, entry(code="rate_limited"))
    owner = await asyncpg.connect(login.owner_dsn)
    await owner.execute("ALTER TABLE access_audit RENAME TO elsewhere")
    assert await audit.tell_denials() == 0
    together = (audit.record_denial(scope, entry(code="overloaded")) for _ in range(3))
    refused = await asyncio.gather(*together, return_exceptions=True)
    assert [getattr(one, "code", None) for one in refused] == ["audit_unavailable"] * 3  # nobody is told without a row
    await owner.execute("ALTER TABLE elsewhere RENAME TO access_audit")
    await owner.close()
    await audit.record_denial(scope, entry(code="overloaded"))  # still the first of its sort
    assert await audit.tell_denials() == 1
    assert [row.entry.count for row in await rows(database, scope)] == [1, 1, 3]


@pytest.mark.parametrize(
    "change", ["UPDATE access_audit SET principal_id = 'nobody'", "DELETE FROM access_audit", "TRUNCATE access_audit"]
)
async def test_rows_are_only_ever_added(
    database: Database, audit: AccessAudit, scope: TenantScope, login: Login, change: str
) -> None:
    await audit.record(scope, entry())
    with pytest.raises(StoreUnavailable, match="permission denied"):
        async with database.tenant(scope) as connection:
            await connection.execute(change)
    owner = await asyncpg.connect(login_dsn(login.owner_dsn, "postgres"))
    try:  # not even by who may do everything, as long as nobody takes the trigger away
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only ever added to"):
            await owner.execute(change)
    finally:
        await owner.close()
    assert len(await rows(database, scope)) == 1
