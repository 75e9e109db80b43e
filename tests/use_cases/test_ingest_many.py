"""Batches of uploads: an answer for each line in its order, one transaction, and nothing that one line can spoil."""

import asyncio
from dataclasses import replace
from datetime import datetime

import orjson
import pytest

from evidence_api.domain.errors import EvidenceError, Overloaded
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.principal import Principal
from evidence_api.domain.token import RIGHTS
from evidence_api.formats.receipt import receipt_to_json, verify_receipt
from evidence_api.store import refusals
from evidence_api.store.batch import Draft, Record, complete
from evidence_api.use_cases import append
from evidence_api.use_cases.room import Room
from tests.support import statements
from tests.web.conftest import Door


@pytest.fixture
def principal(door: Door) -> Principal:
    return Principal("token", "00000000-0000-0000-0000-000000000001", door.scope, frozenset(RIGHTS))


def good(door: Door, number: int) -> bytes:
    return door.envelope(statements.test_result(f"sha256:{number:064x}"))


def spoilt(envelope: bytes) -> bytes:
    document = orjson.loads(envelope)
    document["payload"] = document["payload"].replace("A", "B", 1)
    return orjson.dumps(document)


def codes(answers: list[Receipt | EvidenceError]) -> list[str]:
    return ["" if isinstance(one, Receipt) else one.code for one in answers]


async def test_each_line_is_answered_in_its_order(door: Door, principal: Principal) -> None:
    bodies = [good(door, number) for number in range(200)]
    bodies[3] = b"{"
    bodies[70] = spoilt(bodies[70])
    bodies[150] = b'{"payloadType":"x","payload":"","signatures":[]}'
    bodies[151] = bodies[150]
    bodies[199] = bodies[0]
    ingest = door.application.ingest
    answers = await ingest.accept_many(principal, bodies)
    refused = {number: code for number, code in enumerate(codes(answers)) if code}
    assert refused == {3: "malformed", 70: "bad_signature", 150: "zero_signatures", 151: "zero_signatures"}
    receipts = [one for one in answers if isinstance(one, Receipt)]
    assert [one.leaf_index for one in receipts] == [*range(195), 0]
    assert [one.created for one in receipts] == [True] * 195 + [False]
    assert {one.tree_size for one in receipts} == {195}, "one transaction"
    verifier = door.application.tenancy.log_verifier(door.scope)
    for one in receipts:
        verify_receipt(receipt_to_json(one), verifier)
    async with door.application.database.reading(door.scope) as connection:
        lines = await refusals.newest(connection, door.scope)
    assert [line.code for line in reversed(lines)] == [
        "malformed",
        "bad_signature",
        "zero_signatures",
        "zero_signatures",
    ]


async def test_batches_at_once_and_again_agree_on_every_leaf(door: Door, principal: Principal) -> None:
    bodies = [good(door, number) for number in range(300)]
    ingest = door.application.ingest
    turns = await asyncio.gather(
        ingest.accept_many(principal, bodies[:200]),
        ingest.accept_many(principal, bodies[100:][::-1]),
        ingest.accept(principal, bodies[150]),
        ingest.accept_many(principal, []),
    )
    first, second, single = turns[0], turns[1][::-1], turns[2]
    assert not any(codes(first) + codes(second))
    again = await ingest.accept_many(principal, bodies)
    leaves = [one.leaf_index for one in again if isinstance(one, Receipt)]
    assert sorted(leaves) == list(range(300))
    assert not any(one.created for one in again if isinstance(one, Receipt))
    assert [one.leaf_index for one in first if isinstance(one, Receipt)] == leaves[:200]
    assert [one.leaf_index for one in second if isinstance(one, Receipt)] == leaves[100:]
    assert single.leaf_index == leaves[150]


async def test_a_row_that_cannot_be_stored_is_refused_alone(
    door: Door, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever PostgreSQL itself refuses: here a text with a NUL in it."""
    bodies = [good(door, number) for number in range(40)]
    ingest = door.application.ingest

    def crooked(made: Draft, received: datetime, decision_id: str) -> Record:
        record = complete(made, received, decision_id)
        if made.subjects[0].digest["sha256"] == f"{7:064x}":
            return replace(record, row=(*record.row[:6], "no\0text", *record.row[7:]))
        return record

    monkeypatch.setattr(append, "complete", crooked)
    answers = await ingest.accept_many(principal, bodies)
    assert [number for number, code in enumerate(codes(answers)) if code] == [7]
    assert codes(answers)[7] == "malformed"
    assert sorted(one.leaf_index for one in answers if isinstance(one, Receipt)) == list(range(39))


async def test_more_than_the_server_holds_waits_and_is_then_refused(door: Door, principal: Principal) -> None:
    body = good(door, 1)
    ingest = door.application.ingest
    ingest._room = Room(limit=len(body), wait=0.01)
    await ingest._room.take(len(body))
    for upload in (ingest.accept(principal, body), ingest.accept_many(principal, [body])):
        with pytest.raises(Overloaded) as refused:
            await upload
        assert refused.value.fields == {"limit": len(body), "value": 2 * len(body)}
    ingest._room.give_back(len(body))
    assert (await ingest.accept(principal, body)).leaf_index == 0
    assert ingest._room.taken == 0
