"""Many uploads at once: signatures are checked in another process, and nothing else changes."""

import asyncio
import os
import signal

import httpx
import orjson

from evidence_api.engines.signature_process import usable_cores
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


async def test_a_signature_process_that_dies_changes_no_answer(door: Door) -> None:
    process = door.application.ingest._signatures
    assert bool(process.pid) == (usable_cores() > 1)
    sending = [asyncio.create_task(send(door, body)) for body in bodies(door, 90)]
    for _ in range(20):
        await asyncio.sleep(0)
    if process.pid:
        os.kill(process.pid, signal.SIGKILL)
    assert_only_the_good_are_in(await asyncio.gather(*sending))
