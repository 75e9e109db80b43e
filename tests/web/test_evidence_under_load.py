"""Many uploads at once, read in processes of their own: whatever becomes of these, nothing else changes."""

import asyncio
import os
import signal

import httpx
import orjson

from evidence_api.formats.receipt import verify_receipt
from tests.support import statements
from tests.web.conftest import Door


def spoilt(envelope: bytes) -> bytes:
    """The same signature around another payload."""
    document = orjson.loads(envelope)
    document["payload"] = document["payload"].replace("A", "B", 1)
    return orjson.dumps(document)


def bodies(door: Door, count: int) -> list[bytes]:
    """Envelopes, every third of them spoilt."""
    made = [door.envelope(statements.test_result(f"sha256:{number:064x}")) for number in range(count)]
    return [spoilt(body) if number % 3 == 0 else body for number, body in enumerate(made)]


async def send(door: Door, body: bytes) -> httpx.Response:
    return await door.http.post("/v1/evidence", content=body)


def assert_only_the_good_are_in(answers: list[httpx.Response]) -> None:
    for number, answer in enumerate(answers):
        if number % 3 == 0:
            assert (answer.status_code, answer.json()["code"]) == (422, "bad_signature")
        else:
            assert answer.status_code == 201
    indexes = sorted(answer.json()["leafIndex"] for answer in answers if answer.status_code == 201)
    assert indexes == list(range(len(indexes)))


async def test_only_good_signatures_get_in(door: Door) -> None:
    answers = await asyncio.gather(*(send(door, body) for body in bodies(door, 60)))
    assert_only_the_good_are_in(answers)
    verifier = door.application.tenancy.log_verifier(door.scope)
    for answer in answers:
        if answer.status_code == 201:
            verify_receipt(answer.json(), verifier)


async def test_workers_that_are_killed_change_no_answer(door: Door) -> None:
    """All of them at once, in the middle of the work: each question has one worker's end to its name, and no more."""
    await send(door, door.envelope(statements.test_result(f"sha256:{'f' * 64}")))
    lane = door.application.ingest._drafts.workers.small
    sending = [asyncio.create_task(send(door, body)) for body in bodies(door, 90)]
    await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
    pids = lane.pids
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    answers = await asyncio.gather(*sending)
    assert not set(pids) & set(lane.pids)
    refused = [answer.json()["code"] for answer in answers if answer.status_code != 201]
    assert refused == ["bad_signature"] * 30
    assert sorted(answer.json()["leafIndex"] for answer in answers if answer.status_code == 201) == list(range(1, 61))
