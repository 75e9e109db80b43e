import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import asyncpg
import pytest

from evidence_api.domain.errors import EvidenceError, Malformed, Overloaded, StoreUnavailable, VerificationFailed
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.merkle import grow, leaf_hash, verify_inclusion
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.verification import Failed, Unsigned
from evidence_api.formats.checkpoint import NoteVerifier, verify_checkpoint
from evidence_api.formats.receipt import receipt_to_json, verify_receipt
from evidence_api.store import decisions, due, evidence, releases
from evidence_api.store import log as store_log
from evidence_api.store.batch import prepare
from evidence_api.store.embedded import EmbeddedPostgres
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases import append
from evidence_api.use_cases.append import Appender, signed_checkpoint
from evidence_api.use_cases.tlog import TransparencyLog
from tests.support.checked import ADMITTED, SteppingClock, TestSigner, checked, envelope_body, release, sha256_of


def verifier(scope: TenantScope, signer: TestSigner) -> NoteVerifier:
    return NoteVerifier(f"log.test/{scope.name}", signer.public_key)


async def kinds_due(database: Database, scope: TenantScope, clock: SteppingClock) -> dict[str, tuple[str, ...]]:
    """What is owed by release name; takes the claims."""
    owed = {}
    async with database.tenant(scope) as connection:
        while (one := await due.claim(connection, scope, clock.now())) is not None:
            owed[(await releases.get(connection, scope, one.release)).name] = one.kinds
    return owed


async def test_a_receipt_proves_itself_with_the_logs_key_alone(
    appender: Appender, scope: TenantScope, signer: TestSigner
) -> None:
    receipt = await appender.append(scope, checked("one"), ADMITTED)
    assert (receipt.leaf_index, receipt.tree_size, receipt.created) == (0, 1, True)
    assert verify_receipt(receipt_to_json(receipt), verifier(scope, signer)) == receipt


async def test_concurrent_appends_are_gapless_and_all_prove(
    appender: Appender, scope: TenantScope, signer: TestSigner, log: TransparencyLog
) -> None:
    receipts: list[Receipt] = []
    for turn in range(12):
        receipts += await asyncio.gather(
            *(appender.append(scope, checked(f"{turn}-{number}"), ADMITTED) for number in range(64))
        )
    assert sorted(receipt.leaf_index for receipt in receipts) == list(range(12 * 64))
    newest = verify_checkpoint(await log.checkpoint(scope), verifier(scope, signer))
    assert newest.size == 12 * 64
    for receipt in receipts:
        verify_receipt(receipt_to_json(receipt), verifier(scope, signer))
        found = await log.inclusion_proof(scope, receipt.leaf_index)
        assert found.leaf == receipt.leaf
        verify_inclusion(leaf_hash(receipt.leaf), receipt.leaf_index, newest.size, found.proof, newest.root)


async def test_proofs_hold_across_full_tiles_of_two_levels(
    scope: TenantScope, signer: TestSigner, log: TransparencyLog, database: Database, clock: SteppingClock
) -> None:
    """65,536 leaves make the first tile of level 1; the heads between have every shape of right edge."""
    total = 256 * 256 + 300
    async with database.tenant(scope) as connection:
        await connection.execute("SET LOCAL synchronous_commit = off")
        sent, first = 0, 0
        while sent < total:
            count = min(8192 - 57, total - sent)
            batch = [prepare(checked(str(sent + n), body=b"{}"), clock.now(), "d") for n in range(count)]
            locked = await store_log.lock(connection, scope, [])
            first = locked.frontier.size
            growth = grow(locked.frontier, [record.leaf_hash for record in batch])
            note = signed_checkpoint(signer, locked.origin, growth.frontier)
            await store_log.append(connection, scope, first, batch, growth, note)
            sent += count
    newest = verify_checkpoint(await log.checkpoint(scope), verifier(scope, signer))
    for index in (0, 255, 256, 65_279, 65_535, 65_536, total - 1):
        found = await log.inclusion_proof(scope, index)
        verify_inclusion(leaf_hash(found.leaf), index, total, found.proof, newest.root)
    for size in (1, 255, 256, 257, 65_535, 65_536, 65_537):
        found = await log.inclusion_proof(scope, size - 1, size)
        verify_inclusion(leaf_hash(found.leaf), size - 1, size, found.proof, found.root)


async def test_the_same_evidence_again_keeps_its_first_leaf(
    appender: Appender, scope: TenantScope, signer: TestSigner
) -> None:
    first = await appender.append(scope, checked("one"), ADMITTED)
    await appender.append(scope, checked("two"), ADMITTED)
    again = await appender.append(scope, replace(checked("one"), body=b'{"other": "bytes"}'), ADMITTED)
    assert (again.created, again.leaf_index, again.leaf, again.tree_size) == (False, 0, first.leaf, 2)
    verify_receipt(receipt_to_json(again), verifier(scope, signer))


async def test_the_same_evidence_twice_in_one_batch_is_one_leaf(appender: Appender, scope: TenantScope) -> None:
    names = ["a", "b", "a", "c", "b", "a"]
    receipts = await asyncio.gather(*(appender.append(scope, checked(name), ADMITTED) for name in names))
    assert [receipt.leaf_index for receipt in receipts] == [0, 1, 0, 2, 1, 0]
    assert [receipt.created for receipt in receipts] == [True, True, False, True, False, False]


async def test_tenants_have_their_own_logs(
    appender: Appender, scope: TenantScope, other_scope: TenantScope, log: TransparencyLog
) -> None:
    mine, theirs = await asyncio.gather(
        appender.append(scope, checked("one"), ADMITTED), appender.append(other_scope, checked("one"), ADMITTED)
    )
    assert (mine.leaf_index, theirs.leaf_index) == (0, 0)
    with pytest.raises(EvidenceError) as refused:
        await log.inclusion_proof(other_scope, 1)
    assert refused.value.code == "not_found"


async def test_two_processes_share_one_log(
    database: Database, scope: TenantScope, signer: TestSigner, clock: SteppingClock
) -> None:
    """Two appenders know nothing of each other, as in two processes: the head's lock orders them."""
    pair = [Appender(database, signer, clock), Appender(database, signer, clock)]
    receipts = await asyncio.gather(
        *(pair[number % 2].append(scope, checked(str(number // 2)), ADMITTED) for number in range(200))
    )
    created = [receipt.leaf_index for receipt in receipts if receipt.created]
    assert sorted(created) == list(range(100))
    assert [r.leaf_index for r in receipts[::2]] == [r.leaf_index for r in receipts[1::2]]


async def test_what_is_stored_comes_back_as_it_was_given(
    appender: Appender, scope: TenantScope, database: Database
) -> None:
    given = checked(
        "one", facts={"result": "passed", "passed": 3, "names": ("a", "b"), "rate": 0.5}, body=envelope_body()
    )
    receipt = await appender.append(scope, given, ADMITTED)
    async with database.reading(scope) as connection:
        stored = await evidence.get(connection, scope, receipt.evidence_id)
        assert await evidence.body(connection, scope, stored.body_digest) == given.body
        decision = await decisions.get(connection, scope, ADMITTED.id)
    assert stored.facts == given.normalised.facts
    assert stored.verification == given.verification
    assert stored.subjects == given.subjects
    assert (stored.body_size, stored.leaf_index, stored.erased) == (4096, 0, False)
    assert (decision.allow, decision.input_digest) == (True, ADMITTED.input_digest)


async def test_an_erased_body_is_gone_and_its_leaf_still_proves(
    appender: Appender, scope: TenantScope, database: Database, log: TransparencyLog, signer: TestSigner
) -> None:
    receipt = await appender.append(scope, checked("one"), ADMITTED)
    async with database.tenant(scope) as connection:
        await connection.execute("UPDATE body SET content = NULL")
    async with database.reading(scope) as connection:
        stored = await evidence.get(connection, scope, receipt.evidence_id)
        assert stored.erased
        with pytest.raises(EvidenceError) as refused:
            await evidence.body(connection, scope, stored.body_digest)
    assert refused.value.code == "not_found"
    verify_receipt(receipt_to_json(await log.receipt(scope, receipt.evidence_id)), verifier(scope, signer))


async def test_changed_stored_bytes_are_noticed(appender: Appender, scope: TenantScope, database: Database) -> None:
    await appender.append(scope, checked("one"), ADMITTED)
    async with database.tenant(scope) as connection:
        await connection.execute("UPDATE body SET content = 'x'::bytea")
    async with database.reading(scope) as connection:
        stored = await evidence.get(connection, scope, checked("one").id)
        with pytest.raises(VerificationFailed) as refused:
            await evidence.body(connection, scope, stored.body_digest)
    assert refused.value.code == "stored_bytes"


async def test_evidence_makes_due_the_releases_that_own_it(
    appender: Appender, scope: TenantScope, database: Database, clock: SteppingClock
) -> None:
    await appender.append(scope, release("app", "artifact"), ADMITTED)
    await appender.append(scope, release("bystander", "elsewhere"), ADMITTED)
    assert await kinds_due(database, scope, clock) == {"app": ("*",), "bystander": ("*",)}
    async with database.tenant(scope) as connection:
        await connection.execute("DELETE FROM due")
    await appender.append(scope, checked("tests"), ADMITTED)
    assert await kinds_due(database, scope, clock) == {"app": ("test_result",)}


async def test_due_and_ownership_follow_provenance_three_steps_and_no_further(
    appender: Appender, scope: TenantScope, database: Database, clock: SteppingClock
) -> None:
    await appender.append(scope, release("app", "step0"), ADMITTED)
    chain = [
        checked(f"built {step}", kind="provenance", subjects=(f"step{step}",), sources=(f"step{step + 1}",))
        for step in range(4)
    ]
    for one in chain:
        await appender.append(scope, one, ADMITTED)
    async with database.tenant(scope) as connection:
        await connection.execute("DELETE FROM due")
    for step in range(5):
        await appender.append(scope, checked(f"about {step}", kind=f"kind{step}", subjects=(f"step{step}",)), ADMITTED)
    assert await kinds_due(database, scope, clock) == {"app": ("kind0", "kind1", "kind2", "kind3")}
    async with database.reading(scope) as connection:
        app = await releases.find(connection, scope, "app@1.0")
        owned = await evidence.owned(connection, scope, app.id, 100)
        earlier = await evidence.owned(connection, scope, app.id, 2)
        affected = await releases.affected(connection, scope, [f"sha256:{sha256_of('step3')}"])
    assert [one.kind for one in owned] == ["release", *["provenance"] * 4, "kind0", "kind1", "kind2", "kind3"]
    assert [one.kind for one in earlier] == ["release", "provenance"]
    assert affected == (app,)


async def test_unverified_provenance_links_nothing(
    appender: Appender, scope: TenantScope, database: Database, clock: SteppingClock
) -> None:
    await appender.append(scope, release("app", "artifact"), ADMITTED)
    claim = checked("claim", kind="provenance", sources=("commit",), verification=Unsigned())
    await appender.append(scope, claim, ADMITTED)
    async with database.tenant(scope) as connection:
        await connection.execute("DELETE FROM due")
    await appender.append(scope, checked("checks", kind="github_checks", subjects=("commit",)), ADMITTED)
    assert await kinds_due(database, scope, clock) == {}


async def test_a_release_and_its_evidence_may_arrive_together(
    appender: Appender, scope: TenantScope, database: Database, clock: SteppingClock
) -> None:
    given = [
        checked("checks", kind="github_checks", subjects=("commit",)),
        checked("built", kind="provenance", sources=("commit",)),
        release("app", "artifact"),
    ]
    await asyncio.gather(*(appender.append(scope, one, ADMITTED) for one in given))
    assert await kinds_due(database, scope, clock) == {"app": ("*", "github_checks")}


async def test_failed_checks_are_never_stored(appender: Appender, scope: TenantScope) -> None:
    with pytest.raises(VerificationFailed) as refused:
        await appender.append(scope, checked("bad", verification=Failed("bad_signature", "no")), ADMITTED)
    assert refused.value.code == "bad_signature"


async def test_one_impossible_row_does_not_hold_up_its_batch(appender: Appender, scope: TenantScope) -> None:
    poison = replace(checked("poison"), media_type="text/\0plain")
    answers = await asyncio.gather(
        *(appender.append(scope, one, ADMITTED) for one in (checked("a"), poison, checked("b"))),
        return_exceptions=True,
    )
    assert isinstance(answers[1], EvidenceError)
    assert answers[1].code == "malformed"
    assert [answer.leaf_index for answer in answers if isinstance(answer, Receipt)] == [0, 1]


async def test_a_batch_ended_while_its_halves_are_appended_leaves_nobody_waiting(
    appender: Appender, scope: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ended(_: object, batch: Sequence[object]) -> None:
        raise Malformed("a row is at fault") if len(batch) > 1 else asyncio.CancelledError

    monkeypatch.setattr(appender, "_append", ended)
    waiting = asyncio.gather(
        *(appender.append(scope, checked(str(number)), ADMITTED) for number in range(4)), return_exceptions=True
    )
    answers = await asyncio.wait_for(waiting, 5)
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 4


async def test_a_full_queue_says_so(appender: Appender, scope: TenantScope, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append, "MAX_WAITING", 3)
    answers = await asyncio.gather(
        *(appender.append(scope, checked(str(number)), ADMITTED) for number in range(5)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, Overloaded)]
    assert len(refused) == 2
    assert refused[0].fields["limit"] == 3


async def test_who_knows_the_head_appends_in_one_statement(
    appender: Appender, scope: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    await appender.append(scope, checked("a"), ADMITTED)
    monkeypatch.setattr(store_log, "lock", None)
    assert (await appender.append(scope, checked("b"), ADMITTED)).leaf_index == 1


async def test_a_connection_lost_after_the_inserts_leaves_nothing(
    appender: Appender, scope: TenantScope, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = store_log.append

    async def cut_off(connection: Connection, *arguments: Any) -> None:  # noqa: ANN401  passed on
        await real(connection, *arguments)
        await terminate(postgres, await connection.fetchval("SELECT pg_backend_pid()"))

    monkeypatch.setattr(store_log, "append", cut_off)
    answers = await asyncio.gather(
        *(appender.append(scope, checked(str(number)), ADMITTED) for number in range(5)), return_exceptions=True
    )
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    monkeypatch.undo()
    receipts = await asyncio.gather(*(appender.append(scope, checked(str(number)), ADMITTED) for number in range(5)))
    assert [receipt.leaf_index for receipt in receipts] == [0, 1, 2, 3, 4]
    assert all(receipt.created for receipt in receipts)


@pytest.mark.parametrize("ending", ["terminate", "cancel"])
@pytest.mark.parametrize("knows_head", [True, False])
async def test_an_append_ended_while_it_waits_for_the_head_leaves_nothing(  # noqa: PLR0913  fixtures
    appender: Appender,
    scope: TenantScope,
    postgres: EmbeddedPostgres,
    database: Database,
    ending: str,
    *,
    knows_head: bool,
) -> None:
    await appender.append(scope, checked("before"), ADMITTED)
    if not knows_head:
        appender._heads.clear()
    async with database.tenant(scope) as holder:
        await store_log.lock(holder, scope, [])
        waiting = asyncio.gather(
            *(appender.append(scope, checked(str(number)), ADMITTED) for number in range(5)), return_exceptions=True
        )
        process = await blocked(postgres)
        if ending == "terminate":
            await terminate(postgres, process)
        else:
            writer = appender._lanes[scope.id].writer
            assert writer is not None
            writer.cancel()
        answers = await waiting
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 5
    again = await appender.append(scope, checked("0"), ADMITTED)
    assert (again.leaf_index, again.created) == (1, True)


async def blocked(postgres: EmbeddedPostgres) -> int:
    """The process of the connection that waits for a lock, as soon as there is one."""
    watcher = await asyncpg.connect(postgres.dsn())
    try:
        while True:
            process: int | None = await watcher.fetchval(
                "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' LIMIT 1"
            )
            if process is not None:
                return process
            await asyncio.sleep(0.01)
    finally:
        await watcher.close()


async def terminate(postgres: EmbeddedPostgres, process: int) -> None:
    """End a connection from the server's side."""
    killer = await asyncpg.connect(postgres.dsn())
    await killer.execute("SELECT pg_terminate_backend($1)", process)
    await killer.close()


async def test_a_caller_who_leaves_does_not_stop_the_others(appender: Appender, scope: TenantScope) -> None:
    leaving = asyncio.create_task(appender.append(scope, checked("a"), ADMITTED))
    staying = asyncio.create_task(appender.append(scope, checked("b"), ADMITTED))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).leaf_index == 1
    assert (await appender.append(scope, checked("a"), ADMITTED)).created is False


@pytest.mark.parametrize("fault", [asyncpg.DeadlockDetectedError, asyncpg.SerializationError])
async def test_who_got_in_the_way_of_another_is_appended_all_the_same(
    appender: Appender, scope: TenantScope, monkeypatch: pytest.MonkeyPatch, fault: type[asyncpg.PostgresError]
) -> None:
    given = [checked(str(number)) for number in range(5)]
    await appender.append(scope, given[0], ADMITTED)
    lock, append_at, faults = store_log.lock, store_log.append_at, iter(range(4))

    async def contended(write: Callable[..., Awaitable[Any]], *arguments: object) -> object:
        if next(faults, None) is not None:
            raise fault("two transactions waited for each other")
        return await write(*arguments)

    monkeypatch.setattr(append, "_TRY_AGAIN_SECONDS", 0.001)
    monkeypatch.setattr(store_log, "lock", partial(contended, lock))
    monkeypatch.setattr(store_log, "append_at", partial(contended, append_at))
    receipts = await asyncio.gather(*(appender.append(scope, one, ADMITTED) for one in given))
    assert next(faults, None) is None
    assert sorted(receipt.leaf_index for receipt in receipts) == list(range(5))
    assert [receipt.created for receipt in receipts] == [False, True, True, True, True]


async def test_contention_without_end_is_said_to_be_so(
    appender: Appender, scope: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        raise asyncpg.DeadlockDetectedError("two transactions waited for each other")

    monkeypatch.setattr(append, "_TRY_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(store_log, "lock", never)
    with pytest.raises(StoreUnavailable) as refused:
        await appender.append(scope, checked("one"), ADMITTED)
    assert refused.value.code == "contended"
    monkeypatch.undo()
    assert (await appender.append(scope, checked("one"), ADMITTED)).leaf_index == 0
