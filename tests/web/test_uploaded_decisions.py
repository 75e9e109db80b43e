"""Whoever uploads a decision is told at once whether it comes out as it claims; it is stored either way."""

import orjson

from evidence_api.formats.receipt import verify_receipt
from tests.support import decided, statements
from tests.web.conftest import Door

CASES = [
    (decided.drift(), {"status": "AGREES", "differing": []}),
    (
        decided.rollout(2900, action="promote", verdict="accept"),
        {"status": "DISAGREES", "differing": ["action", "verdict"]},
    ),
    (decided.trust(), {"status": "PENDING", "differing": []}),
    (statements.test_result(), None),
]


async def test_the_receipt_of_a_decision_says_what_came_of_it(door: Door) -> None:
    for document, told in CASES:
        body = door.envelope(document)
        answer = await door.http.post("/v1/evidence", content=body)
        assert answer.status_code == 201, answer.text
        assert answer.json().get("reperformance") == told
        verify_receipt(answer.json(), door.application.tenancy.log_verifier(door.scope))
        again = await door.http.post("/v1/evidence", content=body)
        assert (again.status_code, again.json().get("reperformance")) == (200, told)


async def test_each_line_of_a_batch_says_it(door: Door) -> None:
    body = b"\n".join(door.envelope(document) for document, _ in CASES)
    answer = await door.http.post("/v1/evidence", content=body, headers={"content-type": "application/x-ndjson"})
    results = [orjson.loads(line)["receipt"].get("reperformance") for line in answer.content.splitlines()]
    assert results == [told for _, told in CASES]


async def test_inputs_out_of_domain_are_refused_with_their_path(door: Door) -> None:
    broken = decided.drift(expected=[-1, 2, 3])
    answer = await door.http.post("/v1/evidence", content=door.envelope(broken))
    assert answer.status_code == 422, answer.text
    assert answer.json()["path"] == "predicate.expected.0"


async def test_openapi_describes_it(door: Door) -> None:
    described = (await door.http.get("/openapi.json")).json()["components"]["schemas"]["Receipt"]["properties"]
    assert described["reperformance"]["properties"]["status"]["enum"] == [
        "AGREES",
        "DISAGREES",
        "NOT_REPERFORMABLE",
        "PENDING",
    ]
