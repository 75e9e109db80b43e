"""Following the log: everything once, in order, by one at a time; what fails is handed over again."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest

from evidence_api.domain.errors import StoreUnavailable
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.verification import Unsigned
from evidence_api.store import followers
from evidence_api.store.session import Database
from evidence_api.use_cases import follow_log
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.follow_log import Followed, Following, LogFollower
from tests.support import statements
from tests.support.checked import ADMITTED, SteppingClock, TestSigner, checked

KINDS = frozenset({"test_result", "sbom"})
BODY = statements.statement_bytes(statements.test_result())


class Reader:
    """Remembers what it was handed; fails as often as told."""

    def __init__(self, database: Database, name: str = "reader", failures: int = 0) -> None:
        self.batches: list[tuple[TenantScope, list[int]]] = []
        self.predicates: list[str] = []
        self.failures = failures
        self.inside = 0
        self.most_inside = 0
        self.twice = asyncio.Event()
        self.follower = LogFollower(database, name, KINDS, self.handle)

    async def handle(self, scope: TenantScope, batch: Sequence[Followed]) -> None:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        await asyncio.sleep(0)
        self.batches.append((scope, [one.evidence.leaf_index for one in batch]))
        self.predicates += [one.predicate["result"] for one in batch]
        self.inside -= 1
        if len(self.batches) > 1:
            self.twice.set()
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("not now")

    @property
    def leaves(self) -> list[int]:
        return [leaf for _, batch in self.batches for leaf in batch]


async def fill(appender: Appender, scope: TenantScope, number: int, prefix: str = "") -> None:
    for one in range(number):
        body = BODY + b" " * one  # another body each
        await appender.append(scope, checked(f"{prefix}{one}", body=body), ADMITTED)


async def test_each_piece_of_its_kinds_is_handed_over_once_in_order(
    appender: Appender, scope: TenantScope, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_log, "_AT_ONCE", 3)
    await fill(appender, scope, 4)
    await appender.append(scope, checked("other", kind="vulns"), ADMITTED)
    await appender.append(scope, checked("anybody's", verification=Unsigned(), body=BODY), ADMITTED)
    await fill(appender, scope, 2, "later")
    reader = Reader(database)
    assert [await reader.follower.turn(scope) for _ in range(4)] == [3, 3, 1, 0]  # what nobody signed is passed over
    assert reader.leaves == [0, 1, 2, 3, 6, 7]
    assert set(reader.predicates) == {"PASSED"}
    await fill(appender, scope, 1, "last")
    assert (await reader.follower.turn(scope), reader.leaves[-1]) == (1, 8)
    assert await LogFollower(database, "reader", KINDS, reader.handle).turn(scope) == 0  # after a restart


async def test_what_is_not_handled_is_handed_over_again(
    appender: Appender, scope: TenantScope, database: Database
) -> None:
    await fill(appender, scope, 2)
    reader = Reader(database, failures=1)
    with pytest.raises(StoreUnavailable):
        await reader.follower.turn(scope)
    assert await reader.follower.turn(scope) == 2
    assert reader.leaves == [0, 1, 0, 1]


async def test_a_process_that_is_not_heard_from_loses_its_turn(
    appender: Appender, scope: TenantScope, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction is ended by PostgreSQL, so its cursor does not move, and the next one is handed the same."""
    monkeypatch.setattr(followers, "_SILENCE", "50ms")
    await fill(appender, scope, 2)
    reader, ended = Reader(database), asyncio.Event()

    async def silent(_scope: TenantScope, _batch: Sequence[Followed]) -> None:
        while not ended.is_set():
            ended.set() if await reader.follower.turn(scope) else await asyncio.sleep(0.02)

    with pytest.raises(StoreUnavailable):
        await LogFollower(database, "reader", KINDS, silent).turn(scope)
    assert reader.leaves == [0, 1]
    assert await reader.follower.turn(scope) == 0


async def test_followers_have_places_of_their_own_and_tenants_too(
    appender: Appender, scope: TenantScope, other_scope: TenantScope, database: Database
) -> None:
    await fill(appender, scope, 2)
    await fill(appender, other_scope, 1)
    one, other = Reader(database, "one"), Reader(database, "other", failures=1)
    following = Following(database, (one.follower, other.follower))
    assert following.kinds == KINDS
    assert await following.sweep() == 3 + 1  # of `other` the first tenant failed
    assert await following.sweep() == 2
    assert sorted(one.batches, key=str) == sorted([(scope, [0, 1]), (other_scope, [0])], key=str)
    assert [batch for tenant, batch in other.batches if tenant == scope] == [[0, 1], [0, 1]]


async def test_a_fault_of_one_follower_does_not_end_the_others(
    appender: Appender, scope: TenantScope, database: Database
) -> None:
    async def broken(_scope: TenantScope, _batch: Sequence[Followed]) -> None:
        raise ZeroDivisionError

    await fill(appender, scope, 1)
    reader = Reader(database)
    following = Following(database, (LogFollower(database, "broken", KINDS, broken), reader.follower))
    assert await following.sweep() == 1
    assert reader.leaves == [0]


async def test_erased_and_unreadable_bodies_are_passed_over(
    appender: Appender, scope: TenantScope, database: Database
) -> None:
    await fill(appender, scope, 2)
    await appender.append(scope, checked("unreadable", body=b'{"payload": 1}'), ADMITTED)
    async with database.operator(scope) as connection:
        await connection.execute(
            "UPDATE body SET content = NULL WHERE digest = (SELECT body_digest FROM evidence WHERE leaf_index = 0)"
        )
    reader = Reader(database)
    assert await reader.follower.turn(scope) == 3
    assert reader.leaves == [1]


async def test_large_bodies_come_in_smaller_turns(
    appender: Appender, scope: TenantScope, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_log, "_BYTES_AT_ONCE", 2 * len(BODY))
    await fill(appender, scope, 4)
    reader = Reader(database)
    assert [await reader.follower.turn(scope) for _ in range(5)] == [1, 1, 1, 1, 0]


async def test_two_servers_never_handle_the_same_tenant_at_once(
    scope: TenantScope, database: Database, signer: TestSigner, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two appenders append while two followers of one name follow: nothing is missed, nothing comes twice."""
    monkeypatch.setattr(follow_log, "_AT_ONCE", 4)
    appenders = [Appender(database, signer, clock) for _ in range(2)]
    reader = Reader(database)
    followers = [reader.follower, LogFollower(database, "reader", KINDS, reader.handle)]
    writing = asyncio.gather(*(fill(one, scope, 20, str(number)) for number, one in enumerate(appenders)))
    turns = 0
    while not writing.done() or turns:
        turns = sum(await asyncio.gather(*(one.turn(scope) for one in followers)))
    await writing
    assert reader.leaves == list(range(40))
    assert all(before < after for before, after in pairwise(reader.leaves))
    assert reader.most_inside == 1
    for one in appenders:
        await one.close()


async def test_it_looks_when_woken_and_after_a_fault(
    appender: Appender, scope: TenantScope, database: Database
) -> None:
    reader = Reader(database, failures=1)
    following = Following(database, (reader.follower,))
    for kind in following.kinds:
        appender.watch(kind, following.wake)
    running = asyncio.create_task(following.run(0.02))
    await fill(appender, scope, 1)
    await asyncio.wait_for(reader.twice.wait(), 10)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert reader.leaves == [0, 0]
