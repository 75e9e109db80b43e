"""Batches: a result for each line, nothing stored when a bound is passed, poison stays alone."""

import json
from typing import Any

import orjson

from evidence_api.formats.receipt import verify_receipt
from evidence_api.web.batches import MAX_LINES
from tests.support import statements
from tests.web.conftest import Door

NDJSON = {"Content-Type": "application/x-ndjson"}
POISON = [
    b"{",
    b"[]",
    b"\xff\xfe\x00",
    b"null",
    b'{"a":1,"a":2}',
    b'{"x":"\\u0000"}',
    b'{"a":' * 70 + b"1" + b"}" * 70,
    b'{"payloadType":"x","payload":"","signatures":[]}',
    b'{"attestations":[]}',
    b'{"attestations":[{"bundle_url":"https://ci.example/1"}]}',
]


async def send(door: Door, lines: list[bytes], **headers: str) -> list[dict[str, Any]]:
    answer = await door.http.post("/v1/evidence", content=b"\n".join(lines), headers={**NDJSON, **headers})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


async def tree_size(door: Door) -> int:
    return int((await door.http.get("/v1/log/acme/checkpoint")).text.splitlines()[1])


def envelopes(door: Door, count: int) -> list[bytes]:
    return [door.envelope(statements.test_result(f"sha256:{number:064x}")) for number in range(count)]


async def test_every_line_is_answered_in_order_with_a_receipt_that_proves_itself(door: Door) -> None:
    lines = envelopes(door, 20)
    results = await send(door, lines)
    assert [result["line"] for result in results] == list(range(1, 21))
    assert {result["status"] for result in results} == {201}
    verifier = door.application.tenancy.log_verifier(door.scope)
    for result in results:
        verify_receipt(result["receipt"], verifier)
    assert sorted(result["receipt"]["leafIndex"] for result in results) == list(range(20))


async def test_a_batch_sent_again_is_known_line_by_line(door: Door) -> None:
    lines = envelopes(door, 5)
    first = await send(door, lines)
    again = await send(door, [*lines, *envelopes(door, 1)])
    assert [result["status"] for result in again] == [200] * 5 + [201]
    assert [one["receipt"]["leafIndex"] for one in again[:5]] == [one["receipt"]["leafIndex"] for one in first]


async def test_no_poison_line_stops_the_others(door: Door) -> None:
    good = envelopes(door, len(POISON) + 1)
    lines = [line for pair in zip(good, POISON, strict=False) for line in pair] + [good[-1]]
    results = await send(door, lines)
    assert [result["status"] for result in results[::2]] == [201] * len(good)
    for refused in results[1::2]:
        assert refused["status"] in {413, 422}
        assert refused["problem"]["code"] in {"malformed", "too_large", "zero_signatures"}
        assert refused["problem"]["requestId"]
    assert await tree_size(door) == len(good)


async def test_blank_lines_are_no_uploads_and_keep_the_numbers(door: Door) -> None:
    one, two = envelopes(door, 2)
    results = await send(door, [b"", one, b"  ", two, b"", b""])
    assert [(result["line"], result["status"]) for result in results] == [(2, 201), (4, 201)]


async def test_a_container_on_a_line_is_answered_for_each_member(door: Door) -> None:
    one, two = (orjson.loads(line) for line in envelopes(door, 2))
    listed = orjson.dumps({"attestations": [{"bundle": one}, {"bundle": two}]})
    results = await send(door, [listed, orjson.dumps({"bundle": one})])
    assert [(result["line"], result.get("member"), result["status"]) for result in results[:2]] == [
        (1, 1, 201),
        (1, 2, 201),
    ]
    assert results[2]["status"] in {200, 201}  # the same evidence in the same batch, whichever came first
    assert await tree_size(door) == 2


async def test_a_batch_of_too_many_is_refused_whole(door: Door) -> None:
    members = b'{"attestations":[%s{"bundle":{}}]}' % (b'{"bundle":{}},' * MAX_LINES)
    for body in (b"\n".join([*envelopes(door, 1), *[b"{}"] * MAX_LINES]), members):
        answer = await door.http.post("/v1/evidence", content=body, headers=NDJSON)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert (answer.json()["limit"], answer.json()["value"]) == (MAX_LINES, MAX_LINES + 1)
        assert await tree_size(door) == 0


async def test_lines_may_end_as_on_windows(door: Door) -> None:
    document = b'{"decision_id":"d-1","labels":{"id":"1","version":"1"},"path":"a","timestamp":"2026-01-01T00:00:00Z"}'
    (one,) = await send(door, [document + b"\r", b"\r"])
    (same,) = await send(door, [document])
    assert (one["status"], same["status"]) == (201, 200)


async def test_an_empty_batch_is_malformed(door: Door) -> None:
    answer = await door.http.post("/v1/evidence", content=b"\n\n", headers=NDJSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
