"""What gates allow and deny is counted by the hour, in bulk, and none of it twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evidence_api.domain.decision import Decision
from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import StoreUnavailable
from evidence_api.domain.policy_telemetry import Hit
from evidence_api.domain.principal import TenantScope
from evidence_api.store import policy_hits
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.policy_hits import PolicyHits
from tests.support.checked import SteppingClock

HOUR = datetime(2026, 1, 31, 12, tzinfo=UTC)
ONE_HOUR = timedelta(hours=1)


def decision(number: int, *rules: str, area: str = "door", reason: str = "") -> Decision:
    answer = {"allow": not rules, "rules": list(rules), "reasons": [reason or f"reason {rules}"] if rules else []}
    return Decision.of(area, b'{"n":%d}' % number, digest_of(b"policy"), answer)


async def found(database: Database, scope: TenantScope, since: datetime = HOUR) -> dict[tuple[str, str, bool], int]:
    async with database.reading(scope) as connection:
        hits = await policy_hits.counted(connection, scope, since, since + ONE_HOUR)
    return {(hit.area, hit.rule, hit.allow): hit.hits for hit in hits}


async def told(database: Database, scope: TenantScope) -> dict[str, int]:
    async with database.reading(scope) as connection:
        return {one.reason: one.hits for one in await policy_hits.reasons(connection, scope, HOUR, HOUR + ONE_HOUR)}


async def test_every_use_counts_for_the_decision_and_each_of_its_rules(
    database: Database, scope: TenantScope, other_scope: TenantScope, clock: SteppingClock
) -> None:
    hits = PolicyHits(database, clock)
    for _ in range(3):
        hits.count(scope, decision(1))
    hits.count(scope, decision(2, "door.a", "door.b"))
    hits.count(scope, decision(3, "door.a"))
    hits.count(other_scope, decision(1))
    await hits.flush()
    assert await found(database, scope) == {
        ("door", "", True): 3,
        ("door", "", False): 2,
        ("door", "door.a", False): 2,
        ("door", "door.b", False): 1,
    }
    assert await found(database, other_scope) == {("door", "", True): 1}
    assert await told(database, scope) == {"reason ('door.a', 'door.b')": 1, "reason ('door.a',)": 1}


async def test_flushes_of_one_hour_add_up_and_hours_stay_apart(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    first, second = PolicyHits(database, clock), PolicyHits(database, clock)  # two processes
    for hits in (first, second, first):
        hits.count(scope, decision(1))
        await hits.flush()
    await first.flush()
    clock.advance(ONE_HOUR)
    first.count(scope, decision(1))
    await first.flush()
    assert await found(database, scope) == {("door", "", True): 3}
    assert await found(database, scope, HOUR + ONE_HOUR) == {("door", "", True): 1}
    async with database.reading(scope) as connection:
        whole = await policy_hits.counted(connection, scope, HOUR, HOUR + 2 * ONE_HOUR)
    assert whole == (Hit("door", "", allow=True, hits=4, first=HOUR),)


async def test_what_could_not_be_kept_is_kept_later(
    database: Database,
    scope: TenantScope,
    other_scope: TenantScope,
    clock: SteppingClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hits = PolicyHits(database, clock)
    hits.count(scope, decision(1))
    hits.count(other_scope, decision(1))
    kept, failing = policy_hits.add, [other_scope]

    async def add(connection: Connection, tenant: TenantScope, *rest: Any) -> None:  # noqa: ANN401  as it is called
        if tenant in failing:
            hits.count(other_scope, decision(1))  # counting goes on meanwhile
            raise StoreUnavailable("gone")
        await kept(connection, tenant, *rest)

    monkeypatch.setattr(policy_hits, "add", add)
    with pytest.raises(StoreUnavailable):
        await hits.flush()
    await hits.keep()
    failing.clear()
    await hits.keep()
    assert await found(database, scope) == {("door", "", True): 1}
    assert await found(database, other_scope) == {("door", "", True): 3}


async def test_an_order_to_stop_in_the_middle_loses_nothing(
    database: Database, scope: TenantScope, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits = PolicyHits(database, clock)
    hits.count(scope, decision(1))
    begun = asyncio.Event()

    async def add(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(policy_hits, "add", add)
        running = asyncio.create_task(hits.run())
        await begun.wait()
        running.cancel()
        await asyncio.wait([running])
    await hits.keep()
    assert await found(database, scope) == {("door", "", True): 1}


async def test_reasons_without_end_are_counted_together(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    hits = PolicyHits(database, clock)
    for number in range(230):
        hits.count(scope, decision(number, "door.a", reason=f"no. {number} is unheard of"))
    await hits.flush()
    async with database.reading(scope) as connection:
        rows = await connection.fetch("SELECT reason, hits FROM policy_reason")
    assert len(rows) == 201
    assert {row["reason"]: row["hits"] for row in rows}[""] == 30


async def test_odd_words_are_kept_as_far_as_they_can_be(
    database: Database, scope: TenantScope, clock: SteppingClock
) -> None:
    hits = PolicyHits(database, clock)
    hits.count(scope, decision(1, "a\0b", reason="x\0" + "y" * 1000))
    await hits.flush()
    assert ("door", "a\ufffdb", False) in await found(database, scope)
    (reason,) = await told(database, scope)
    assert (reason[:3], len(reason)) == ("x\ufffdy", 300)
