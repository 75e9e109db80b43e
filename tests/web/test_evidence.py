import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import httpx
import pytest

from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from evidence_api.formats.receipt import verify_receipt
from evidence_api.store import refusals
from tests.support import statements
from tests.web.conftest import Door


async def test_an_upload_is_answered_with_a_receipt_that_proves_itself(door: Door) -> None:
    answer = await door.upload(statements.test_result())
    assert answer.status_code == 201, answer.text
    verifier = door.application.tenancy.log_verifier(door.scope)
    receipt = verify_receipt(answer.json(), verifier)
    assert (receipt.leaf_index, receipt.tree_size) == (0, 1)
    assert answer.headers["location"] == f"/v1/evidence/{receipt.evidence_id}/receipt"


async def test_the_same_evidence_again_is_200_with_the_first_leaf(door: Door) -> None:
    first = await door.upload(statements.test_result())
    body = door.envelope(statements.test_result())
    await door.upload(statements.vulns())
    again = await door.http.post("/v1/evidence", content=body)
    assert again.status_code in {200, 201}  # a fresh P-256 signature is other evidence
    same = await door.http.post("/v1/evidence", content=body)
    assert same.status_code == 200
    assert same.json()["leafIndex"] == again.json()["leafIndex"]
    assert first.json()["leafIndex"] == 0


async def test_the_same_envelope_in_other_json_is_the_same_evidence(door: Door) -> None:
    body = door.envelope(statements.test_result())
    first = await door.http.post("/v1/evidence", content=body)
    spaced = json.dumps(json.loads(body), indent=3, sort_keys=True).encode()
    again = await door.http.post("/v1/evidence", content=spaced)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["evidenceId"] == again.json()["evidenceId"]


async def test_the_bytes_received_come_back_unchanged(door: Door) -> None:
    body = json.dumps(json.loads(door.envelope(statements.sbom())), indent=2).encode() + b"\n \n"
    assert (await door.http.post("/v1/evidence", content=body)).status_code == 201
    query = "{ evidence(first: 1) { edges { node { body { digest } } } } }"
    edges = (await door.http.post("/graphql", json={"query": query})).json()["data"]["evidence"]["edges"]
    digest = edges[0]["node"]["body"]["digest"]
    blob = await door.http.get(f"/v1/blobs/{digest}")
    assert blob.content == body
    unchanged = await door.http.get(f"/v1/blobs/{digest}", headers={"If-None-Match": blob.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def _no_signatures(body: bytes) -> bytes:
    return json.dumps({**json.loads(body), "signatures": []}).encode()


def _other_payload(body: bytes) -> bytes:
    return json.dumps({**json.loads(body), "payload": "e30="}).encode()


def _not_json(body: bytes) -> bytes:
    return body[:-1]


def _deep(_body: bytes) -> bytes:
    return b"[" * 100 + b"]" * 100


def _empty(_body: bytes) -> bytes:
    return b""


@pytest.mark.parametrize(
    ("damage", "status", "code"),
    [
        (_no_signatures, 422, "zero_signatures"),
        (_other_payload, 422, "malformed"),
        (_not_json, 422, "malformed"),
        (_deep, 413, "too_large"),
        (_empty, 422, "malformed"),
    ],
)
async def test_what_cannot_be_evidence_is_refused_with_its_code(
    door: Door, damage: Callable[[bytes], bytes], status: int, code: str
) -> None:
    answer = await door.http.post("/v1/evidence", content=damage(door.envelope(statements.test_result())))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["requestId"] == answer.headers["x-request-id"]


async def test_a_stranger_s_signature_is_an_unknown_key(door: Door) -> None:
    stranger = EnvelopeSigner.generate("ecdsa-p256")
    body = encode_envelope(stranger.sign(IN_TOTO, statements.statement_bytes(statements.test_result())))
    answer = await door.http.post("/v1/evidence", content=body)
    assert answer.status_code == 422
    assert answer.json()["code"] in {"unknown_key", "bad_signature"}
    assert answer.json()["rules"] == ["admission.failed_check"]


async def test_a_signature_over_other_bytes_is_bad(door: Door) -> None:
    envelope = door.signer.sign(IN_TOTO, statements.statement_bytes(statements.test_result()))
    swapped = replace(envelope, payload=statements.statement_bytes(statements.vulns()))
    answer = await door.http.post("/v1/evidence", content=encode_envelope(swapped))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_signature")


async def test_a_refusal_leaves_a_line_on_record_and_no_evidence(door: Door) -> None:
    await door.http.post("/v1/evidence", content=b"{}")
    async with door.application.database.reading(door.scope) as connection:
        lines = await refusals.newest(connection, door.scope)
    assert [line.code for line in lines] == ["malformed"]
    checkpoint = await door.http.get("/v1/log/acme/checkpoint")
    assert checkpoint.text.splitlines()[1] == "0"


async def test_a_body_over_the_limit_is_refused_with_limit_and_value(door: Door) -> None:
    answer = await door.http.post("/v1/evidence", content=b"x" * (2**20 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert (answer.json()["limit"], answer.json()["value"]) == (2**20, 2**20 + 1)


async def test_a_streamed_body_is_cut_off_at_the_limit(door: Door) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 4096

    answer = await door.http.post("/v1/evidence", content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_receipt_can_be_had_again_and_proves_in_the_newest_tree(door: Door) -> None:
    first = (await door.upload(statements.test_result())).json()
    for number in range(5):
        await door.upload(statements.test_result(passed=[f"case-{number}"]))
    again = await door.http.get(f"/v1/evidence/{first['evidenceId']}/receipt")
    receipt = verify_receipt(again.json(), door.application.tenancy.log_verifier(door.scope))
    assert (receipt.leaf_index, receipt.tree_size) == (0, 6)


async def test_another_tenant_sees_nothing_and_cannot_tell(door: Door, rival: Door) -> None:
    evidence_id = (await door.upload(statements.test_result())).json()["evidenceId"]
    absent = f"sha256:{'0' * 64}"
    mine = await rival.http.get(f"/v1/evidence/{evidence_id}/receipt")
    nobody = await rival.http.get(f"/v1/evidence/{absent}/receipt")
    assert (mine.status_code, nobody.status_code) == (404, 404)
    assert mine.json()["detail"].replace(evidence_id, absent) == nobody.json()["detail"]
    assert (await rival.http.get("/v1/log/acme/checkpoint")).status_code == 404


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer nonsense", "Basic eDp5", f"Bearer evs_api_{'0' * 36}"])
async def test_without_a_good_token_nothing_is_read_or_written(door: Door, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    transport = door.http._transport
    async with httpx.AsyncClient(transport=transport, base_url="http://evidence.test", headers=headers) as client:
        for method, path in (("POST", "/v1/evidence"), ("POST", "/graphql"), ("GET", "/v1/packs")):
            answer = await client.request(method, path, content=b"{}")
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_that_may_only_read_cannot_write(door: Door) -> None:
    made = await door.application.tenancy.create_token(door.scope, "auditor", ["evidence:read"], None)
    headers = {"Authorization": f"Bearer {made.token}"}
    refused = await door.http.post("/v1/evidence", content=b"{}", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    allowed = await door.http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert allowed.status_code == 200
