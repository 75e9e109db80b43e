"""The log commits to who read what: what is said is fixed by the rows, and a changed or missing row is found."""

from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from evidence_api.bootstrap import Application
from evidence_api.domain.access_entry import AccessEntry, AccessNotes
from evidence_api.domain.errors import VerificationFailed
from evidence_api.domain.merkle import leaf_hash, verify_inclusion
from evidence_api.domain.principal import TenantScope
from evidence_api.formats.access_audit import batch_of, row_leaf, verify_row
from evidence_api.formats.stored import stored_statement
from evidence_api.store import access_audit, evidence, read_log
from evidence_api.store.migrate import login_dsn
from evidence_api.use_cases.access_batches import access_proofs
from evidence_api.use_cases.access_records import AccessRecords
from tests.support import statements
from tests.support.checked import SteppingClock
from tests.support.place import Place
from tests.web.conftest import Door, door_of

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    async with place.application(access_rows=3) as opened:
        yield opened


@pytest.fixture
async def scope(application: Application) -> TenantScope:
    return await application.tenancy.create("acme")


async def read(application: Application, scope: TenantScope, *paths: str, code: str = "", at: datetime = AT) -> None:
    for number, path in enumerate(paths):
        moment = at + timedelta(milliseconds=number)
        notes = AccessNotes(action="evidence:read", code=code)
        entry = AccessEntry(moment, f"r-{number}", "token", "t-1", "GET", path, 404 if code else 200, notes)
        await application.access_audit.record(scope, entry)


async def size(application: Application, scope: TenantScope) -> int:
    async with application.database.reading(scope) as connection:
        return (await read_log.head(connection, scope)).tree_size


async def said(application: Application, scope: TenantScope) -> list[dict[str, Any]]:
    """The predicates of all that is in the log."""
    async with application.database.reading(scope) as connection:
        found = await connection.fetch("SELECT kind, body_digest FROM evidence ORDER BY leaf_index")
        assert {row["kind"] for row in found} <= {"access_audit"}
        digests = ["sha256:" + row["body_digest"].hex() for row in found]
        bodies = await evidence.bodies(connection, scope, digests)
    return [dict(stored_statement(bodies[digest]).predicate) for digest in digests]


async def test_a_minute_after_a_read_the_log_commits_to_it(application: Application, scope: TenantScope) -> None:
    batches = application.access_batches
    assert await batches.say(scope, AT) == 0
    await read(application, scope, "/graphql")
    await read(application, scope, "/v1/blobs/{digest}", code="not_found", at=AT + timedelta(seconds=5))
    assert await batches.say(scope, AT + timedelta(seconds=59)) == 0
    assert await batches.say(scope, AT + timedelta(seconds=60)) == 1
    assert await batches.say(scope, AT + timedelta(days=1)) == 0  # its own statement is no read
    (predicate,) = await said(application, scope)
    async with application.database.tenant(scope) as connection:
        rows = await access_audit.rows_between(connection, scope, 1, 2)
    assert predicate == {
        "producer": {"id": "evidence-api/access-audit", "version": "1"},
        "first": 1,
        "last": 2,
        "rows": 2,
        "refusals": 1,
        "since": "2026-01-31T12:00:00Z",
        "until": "2026-01-31T12:00:05Z",
        "root": f"sha256:{batch_of(rows).root.hex()}",
    }


async def test_many_rows_do_not_wait_and_reads_of_the_log_alone_do(
    application: Application, scope: TenantScope
) -> None:
    batches = application.access_batches
    await read(application, scope, "/v1/log/{tenant}/checkpoint")
    assert await batches.say(scope, AT + timedelta(minutes=59)) == 0
    assert await batches.say(scope, AT + timedelta(minutes=61)) == 1
    await read(application, scope, *["/graphql"] * 7)
    assert await batches.say(scope, AT) == 2  # three rows each; the seventh waits
    checked = await AccessRecords(application.database).check(scope)
    assert (checked.rows, checked.statements, checked.waiting, checked.faults) == (7, 3, 1, ())
    assert [(one["first"], one["last"]) for one in await said(application, scope)] == [(1, 1), (2, 4), (5, 7)]


async def test_a_crash_between_the_append_and_its_note_says_nothing_twice(
    application: Application, scope: TenantScope, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(Exception):
        pass

    async def dies(*_: object) -> None:
        raise Crash

    await read(application, scope, "/graphql")
    with monkeypatch.context() as crashing:
        crashing.setattr(access_audit, "appended", dies)
        with pytest.raises(Crash):
            await application.access_batches.say(scope)
    assert await size(application, scope) == 1
    await read(application, scope, "/graphql")  # comes meanwhile, and belongs to the next
    assert await application.access_batches.say(scope) == 2
    assert [(one["first"], one["last"]) for one in await said(application, scope)] == [(1, 1), (2, 2)]


async def test_a_row_that_was_changed_is_found(application: Application, scope: TenantScope, place: Place) -> None:
    await read(application, scope, "/graphql", "/v1/packs", "/graphql")
    await application.access_batches.say(scope)
    async with application.database.tenant(scope) as connection:
        proofs = await access_proofs(connection, scope, [1, 2, 3])
        before = await access_audit.rows_between(connection, scope, 1, 3)
    for row in before:
        verify_row(row_leaf(row), proofs[row.sequence])
    await read(application, scope, "/graphql")
    await tamper(place, "UPDATE access_audit SET principal_id = 'somebody else' WHERE sequence IN (2, 4)")
    async with application.database.tenant(scope) as connection:
        after = await access_audit.rows_between(connection, scope, 1, 3)
    verify_row(row_leaf(after[0]), proofs[1])
    with pytest.raises(VerificationFailed) as found:
        verify_row(row_leaf(after[1]), proofs[2])
    assert found.value.code == "inclusion_proof"
    records = AccessRecords(application.database)
    (fault,) = (await records.check(scope)).faults
    assert (fault.first, fault.last, fault.code) == (1, 3, "access_changed")
    await tamper(place, "DELETE FROM access_audit WHERE sequence = 1")
    (fault,) = (await records.check(scope)).faults
    assert fault.code == "access_gap"


async def test_rows_changed_or_missing_before_they_are_said_are_not_vouched_for(
    application: Application, scope: TenantScope, place: Place, clock: SteppingClock
) -> None:
    await read(application, scope, "/graphql", "/graphql", "/graphql")
    async with application.database.tenant(scope) as connection:
        rows = await access_audit.next_rows(connection, scope, 3)
        await access_audit.plan(connection, scope, batch_of(rows))
    await tamper(place, "UPDATE access_audit SET path = '/' WHERE sequence = 2")
    with pytest.raises(VerificationFailed) as found:
        await application.access_batches.say(scope)
    assert found.value.code == "access_changed"
    with pytest.raises(VerificationFailed) as found:
        batch_of((rows[0], rows[2]))
    assert found.value.code == "access_gap"
    other = await application.tenancy.create("beta")  # which is not kept from its own
    await read(application, other, "/graphql", at=clock.now() - timedelta(hours=2))
    assert await application.access_batches.sweep() == 1
    assert (await size(application, scope), await size(application, other)) == (0, 1)


async def tamper(place: Place, statement: str) -> None:
    owner = await asyncpg.connect(login_dsn(place.login.owner_dsn, "postgres"))
    try:
        await owner.execute("ALTER TABLE access_audit DISABLE TRIGGER only_added_to")
        await owner.execute(statement)
        await owner.execute("ALTER TABLE access_audit ENABLE TRIGGER only_added_to")
    finally:
        await owner.close()


async def test_no_release_is_assessed_again_for_what_was_read(application: Application) -> None:
    door: Door = await door_of(application, "read")
    async with door.http:
        assert (await door.upload(statements.release())).status_code == 201
        await door.http.get("/v1/evidence-key")
    owed = "SELECT release_id, kind, leaf_index FROM due ORDER BY kind"
    async with application.database.tenant(door.scope) as connection:
        before = await connection.fetch(owed)
    assert await application.access_batches.say(door.scope) == 1
    async with application.database.tenant(door.scope) as connection:
        assert await connection.fetch(owed) == before != []


async def test_readers_get_proofs_that_lead_to_what_the_log_says(application: Application) -> None:
    door: Door = await door_of(application, "proved")
    async with door.http:
        for _ in range(4):
            await door.http.get("/v1/blobs/nonsense")
        assert await application.access_batches.say(door.scope) == 2
        query = """{ accessAudit(first: 5) { edges { node { sequence proof {
            evidenceId position rows leaf leafHash rootHash hashes } } } } }"""
        answer = (await door.http.post("/graphql", json={"query": query})).json()
    assert "errors" not in answer, answer
    predicates = {one["first"]: one for one in await said(application, door.scope)}
    proofs = [edge["node"]["proof"] for edge in answer["data"]["accessAudit"]["edges"]]
    assert [(proof["position"], proof["rows"]) for proof in proofs] == [(0, 3), (1, 3), (2, 3), (0, 1)]
    for number, proof in enumerate(proofs, 1):
        root = bytes.fromhex(predicates[1 if number < 4 else 4]["root"].removeprefix("sha256:"))
        leaf = b64decode(proof["leaf"])
        hashes = [b64decode(one) for one in proof["hashes"]]
        verify_inclusion(leaf_hash(leaf), proof["position"], proof["rows"], hashes, root)
        assert orjson.loads(leaf)["sequence"] == number
