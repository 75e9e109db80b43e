"""Decision logs: what the plugin of Open Policy Agent sends is kept decision by decision, and may be sent again."""

import gzip
import json
from typing import Any

import httpx

from evidence_api.web.decision_logs import MAX_DECISIONS
from tests.web.conftest import Door

QUERY = (
    "{ evidence(first: 10, filter: {status: [UNSIGNED]}) { edges { node { status predicateType body { digest } } } } }"
)


def decision(number: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    """One event as the plugin's documentation describes it."""
    return {
        "labels": {"app": "payments", "id": "1780d507-aea2-45cc-ae50-fa153c8e4a5a", "version": "v1.4.2"},
        "decision_id": f"4ca636c1-55e4-417a-b1d8-{number:012x}",
        "bundles": {"authz": {"revision": "W3sibCI6InN5cy9jYXRhbG9nIiwicyI6NDA3MX1d"}},
        "path": "http/example/authz/allow",
        "input": {"method": "GET", "path": "/salary/bob"},
        "result": True,
        "requested_by": "127.0.0.1:59943",
        "timestamp": "2026-01-01T00:00:00.000000Z",
        "metrics": {"timer_rego_query_eval_ns": 12345},
        **more,
    }


async def send(door: Door, events: Any, path: str = "/v1/decision-logs") -> httpx.Response:  # noqa: ANN401  any JSON
    """As the plugin does: gzip, JSON by name."""
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    return await door.http.post(path, content=gzip.compress(json.dumps(events).encode()), headers=headers)


async def test_each_decision_is_kept_once_however_often_a_chunk_comes(door: Door) -> None:
    events = [decision(number) for number in range(5)]
    first = await send(door, events)
    assert (first.status_code, first.json()) == (200, {"new": 5, "known": 0, "refused": []})
    assert (await send(door, events)).json() == {"new": 0, "known": 5, "refused": []}
    assert (await send(door, [*events, decision(9)], "/v1/decision-logs/eu")).json() == {
        "new": 1,
        "known": 5,
        "refused": [],
    }


async def test_a_decision_is_kept_byte_for_byte_as_unsigned(door: Door) -> None:
    written = json.dumps(decision(1, input={"amount": 1.50, "id": 12345678901234567890})).encode()
    await door.http.post("/v1/decision-logs", content=b"[ \n " + written + b" ]")
    edges = (await door.http.post("/graphql", json={"query": QUERY})).json()["data"]["evidence"]["edges"]
    (record,) = (edge["node"] for edge in edges)
    assert record["status"] == "UNSIGNED"
    assert record["predicateType"] == "urn:evidence-api:opa-decision:v1"
    assert (await door.http.get(f"/v1/blobs/{record['body']['digest']}")).content == written


async def test_what_is_no_decision_does_not_stop_the_others(door: Door) -> None:
    deep: Any = 1
    for _ in range(70):
        deep = [deep]
    events = [decision(0), 3, {"no": "id"}, decision(1, input=deep), decision(2)]
    answer = await send(door, events)
    assert (answer.status_code, answer.json()["new"]) == (200, 2)
    refused = [(one["event"], one["problem"]["code"]) for one in answer.json()["refused"]]
    assert refused == [(1, "malformed"), (2, "malformed"), (3, "too_large")]


async def test_a_chunk_without_any_decision_is_refused(door: Door) -> None:
    answer = await send(door, [{"no": "id"}])
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
    assert (await send(door, [])).json() == {"new": 0, "known": 0, "refused": []}


async def test_what_is_no_array_is_refused_with_its_code(door: Door) -> None:
    for body in (b"", b"{}", b"[", b"[1,]", b"[1 2]", b"[1]2", b"\xff", b"[" * 5000):
        answer = await door.http.post("/v1/decision-logs", content=body)
        assert answer.status_code in {413, 422}, body
        assert answer.json()["code"] in {"malformed", "too_large"}


async def test_too_many_decisions_are_refused_before_any_is_stored(door: Door) -> None:
    answer = await send(door, [decision(0), *[1] * MAX_DECISIONS])
    assert (answer.status_code, answer.json()["limit"], answer.json()["value"]) == (
        413,
        MAX_DECISIONS,
        MAX_DECISIONS + 1,
    )
    assert (await door.http.get("/v1/log/acme/checkpoint")).text.splitlines()[1] == "0"


async def test_not_now_is_503_so_that_the_plugin_sends_it_again(door: Door) -> None:
    await door.application.database.close()
    answer = await send(door, [decision(0)])
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")


async def test_who_may_not_write_sends_no_log(door: Door) -> None:
    made = await door.application.tenancy.create_token(door.scope, "auditor", ["evidence:read"], None)
    headers = {"Authorization": f"Bearer {made.token}"}
    answer = await door.http.post("/v1/decision-logs", content=b"[]", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
