"""Every authenticated read and refusal leaves a row, and nothing is answered without one."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
from prometheus_client import REGISTRY
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from evidence_api.bootstrap import asgi_application
from evidence_api.domain.access_entry import AccessFilter, AccessRow
from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import Overloaded
from evidence_api.domain.page import Window
from evidence_api.domain.token import RIGHTS
from evidence_api.store import access_audit
from evidence_api.web.parts import parts_of
from evidence_api.web.requests import require
from tests.support import statements
from tests.web.conftest import Door

PAGE = "query Page($n: Int!) { evidence(first: $n) { edges { node { id } } } }"


async def rows(door: Door) -> list[AccessRow]:
    async with door.application.database.tenant(door.scope) as connection:
        page = await access_audit.page(connection, door.scope, AccessFilter(), Window(1000))
    return list(page.items)


async def ask(door: Door, query: str, **more: Any) -> Any:  # noqa: ANN401  any JSON value
    return (await door.http.post("/graphql", json={"query": query, **more})).json()


async def seeded(door: Door) -> tuple[str, str]:
    """The evidence id and body digest of one piece of evidence."""
    assert (await door.upload(statements.release())).status_code == 201
    (edge,) = (await ask(door, "{ evidence(first: 1) { edges { node { evidenceId body { digest } } } } }"))["data"][
        "evidence"
    ]["edges"]
    return edge["node"]["evidenceId"], edge["node"]["body"]["digest"]


async def test_a_query_is_on_record_with_everything_that_was_asked(door: Door) -> None:
    await door.upload(statements.test_result())
    answer = await door.http.post("/graphql", json={"query": PAGE, "variables": {"n": 3}})
    (row,) = await rows(door)
    entry, notes = row.entry, row.entry.notes
    assert (row.sequence, entry.method, entry.path, entry.status) == (1, "POST", "/graphql", 200)
    assert entry.request_id == answer.headers["x-request-id"]
    assert (entry.principal_kind, len(entry.principal_id)) == ("token", 36)
    assert (notes.action, notes.operation, notes.code) == ("evidence:read", "Page", "")
    assert notes.document == digest_of(PAGE.encode())
    assert notes.variables == digest_of(canonical({"n": 3}))
    assert notes.result == digest_of(answer.content)
    assert notes.tree_size == 1


async def test_every_read_leaves_a_row_by_its_route_and_no_upload_does(door: Door) -> None:
    evidence, body = await seeded(door)
    artifact = f"/v1/artifacts/sha256:{hashlib.sha256(b'file').hexdigest()}"
    assert (await door.http.put(artifact, content=b"file")).status_code == 201
    asked = (
        (f"/v1/evidence/{evidence}/receipt", "/v1/evidence/{evidence_id}/receipt"),
        (f"/v1/blobs/{body}", "/v1/blobs/{digest}"),
        (artifact, "/v1/artifacts/{digest}"),
        ("/v1/decide", "/v1/decide"),
        ("/v1/packs", "/v1/packs"),
        ("/v1/evidence-key", "/v1/evidence-key"),
        ("/v1/policy-bundles/key.pem", "/v1/policy-bundles/key.pem"),
        ("/v1/policy-bundles/acme.tar.gz", "/v1/policy-bundles/{tenant}.tar.gz"),
        ("/v1/log/acme/checkpoint", "/v1/log/{tenant}/checkpoint"),
    )
    before = len(await rows(door))
    answers = [await door.http.get(path) for path, _ in asked]
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    left = (await rows(door))[before:]
    assert [row.entry.path for row in left] == [route for _, route in asked]
    assert [row.entry.notes.result for row in left] == [digest_of(answer.content) for answer in answers]
    assert left[0].entry.notes.variables == digest_of(canonical({"evidence_id": evidence}))
    assert [row.sequence for row in await rows(door)] == list(range(1, before + len(asked) + 1))


async def test_a_streamed_answer_and_one_that_changed_nothing_are_told_by_their_digest(door: Door) -> None:
    digest = digest_of(b"x" * 300_000)
    await door.http.put(f"/v1/artifacts/{digest}", content=b"x" * 300_000)
    whole = await door.http.get(f"/v1/artifacts/{digest}")
    unchanged = await door.http.get(f"/v1/artifacts/{digest}", headers={"If-None-Match": f'"{digest}"'})
    there = await door.http.head(f"/v1/artifacts/{digest}")
    assert (len(whole.content), unchanged.status_code, there.status_code) == (300_000, 304, 200)
    left = [(row.entry.method, row.entry.status, row.entry.notes.result) for row in await rows(door)]
    assert left == [("GET", 200, digest), ("GET", 304, digest), ("HEAD", 200, digest)]


async def test_a_pinned_page_that_is_known_already_is_told_by_its_tag(door: Door) -> None:
    await door.upload(statements.release())
    text = b"{evidence(first: 1, asOf: 1) {edges {cursor}}}"
    asked = {"documentId": digest_of(text)}
    await door.http.put(f"/v1/documents/{digest_of(text)}", content=text)
    tag = (await door.http.get("/graphql", params=asked)).headers["etag"]
    unchanged = await door.http.get("/graphql", params=asked, headers={"If-None-Match": tag})
    left = (await rows(door))[-1].entry
    assert (unchanged.status_code, left.status, f'W/"{left.notes.result}"') == (304, 304, tag)


async def test_refusals_are_on_record_with_their_codes(door: Door) -> None:
    made = await door.application.tenancy.create_token(door.scope, "little", ["policy:read"], None)
    little = {"Authorization": f"Bearer {made.token}"}
    gone = "sha256:" + "0" * 64
    assert (await door.http.get("/v1/packs", headers=little)).status_code == 403
    assert (await door.http.get(f"/v1/blobs/{gone}")).status_code == 404
    assert (await door.http.get("/v1/blobs/nonsense")).status_code == 422
    assert (await door.http.get(f"/v1/packs/{gone}")).status_code == 404
    assert (await door.http.get("/v1/releases/widget/svr")).status_code == 404
    assert (await door.http.get("/v1/log/rival/checkpoint")).status_code == 404
    assert (await door.http.post("/v1/evidence", content=b"{}")).status_code == 422
    await ask(door, "{ nonsense }")
    await ask(door, "{ evidence(")
    await ask(door, "{ evidence { edges { node { id } } } viewer { kind } }")
    left = [(row.entry.path, row.entry.notes.action, row.entry.notes.code) for row in await rows(door)]
    assert left == [
        ("/v1/packs", "pack:read", "forbidden"),
        ("/v1/blobs/{digest}", "evidence:read", "not_found"),
        ("/v1/blobs/{digest}", "evidence:read", "malformed"),
        ("/v1/packs/{digest}", "pack:read", "not_found"),
        ("/v1/releases/{release}/svr", "release:read", "not_found"),
        ("/v1/log/{tenant}/checkpoint", "evidence:read", "not_found"),
        ("/v1/evidence", "evidence:write", "malformed"),
        ("/graphql", "evidence:read", "validation_failed"),
        ("/graphql", "evidence:read", "syntax_error"),
        ("/graphql", "evidence:read", "page_size_missing"),
    ]


async def test_nobody_is_on_record_who_was_not_authenticated(door: Door) -> None:
    labels = {"code": "unauthenticated"}
    before = REGISTRY.get_sample_value("evidence_unauthenticated_total", labels) or 0.0
    for path in ("/v1/packs", "/graphql", "/healthz", "/metrics", "/nowhere"):
        await door.http.get(path, headers={"Authorization": "Bearer evs_api_wrong"})
    assert await rows(door) == []
    assert REGISTRY.get_sample_value("evidence_unauthenticated_total", labels) == before + 2


async def owner(door: Door, statement: str) -> None:
    connection = await asyncpg.connect(door.application.database._owner_dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_no_audit_no_answer(door: Door) -> None:
    _evidence, body = await seeded(door)
    digest = digest_of(b"y" * 300_000)
    await door.http.put(f"/v1/artifacts/{digest}", content=b"y" * 300_000)
    kept = len(await rows(door))
    await owner(door, "ALTER TABLE access_audit RENAME TO elsewhere")
    for path in (f"/v1/blobs/{body}", "/v1/log/acme/checkpoint", f"/v1/artifacts/{digest}", "/v1/blobs/nonsense"):
        answer = await door.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "audit_unavailable"), path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "1"
    answer = await door.http.post("/graphql", json={"query": PAGE, "variables": {"n": 1}})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (503, "audit_unavailable")
    assert "data" not in answer.json()
    assert (await door.upload(statements.test_result())).status_code == 201  # in the log itself
    await owner(door, "ALTER TABLE elsewhere RENAME TO access_audit")
    assert (await door.http.get(f"/v1/blobs/{body}")).status_code == 200
    assert len(await rows(door)) == kept + 1


async def test_answers_of_unknown_length_begin_after_their_row_and_faults_have_one(door: Door) -> None:
    seen: list[Sequence[str]] = []

    async def events(request: Request) -> Response:
        await require(request, parts_of(request).access, "evidence:read")

        async def stream() -> AsyncIterator[bytes]:
            seen.append([row.entry.path for row in await rows(door)])
            yield b"data: 1\n\n"
            yield b"data: 2\n\n"

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def broken(request: Request) -> Response:
        await require(request, parts_of(request).access, "evidence:read")
        raise RuntimeError("a secret")

    async def full(request: Request) -> Response:
        await require(request, parts_of(request).access, "evidence:read")
        raise Overloaded("no room", code="lane_full")

    more = [Route("/events/{name}", events), Route("/broken", broken), Route("/full", full)]
    door.http._transport.app = asgi_application(door.application, more)  # type: ignore[attr-defined]
    assert (await door.http.get("/events/mine")).content == b"data: 1\n\ndata: 2\n\n"
    assert (await door.http.get("/broken")).status_code == 500
    left = [(row.entry.path, row.entry.status, row.entry.notes.code) for row in await rows(door)]
    assert left == [("/events/{name}", 200, ""), ("/broken", 500, "internal_fault")]
    assert len(seen) == 1
    assert [(await door.http.get("/full")).status_code for _ in range(5)] == [503] * 5
    await door.application.access_audit.tell_denials()
    counts = [(row.entry.path, row.entry.notes.code, row.entry.count) for row in (await rows(door))[2:]]
    assert counts == [("/full", "lane_full", 1), ("/full", "lane_full", 4)]


async def test_a_tenant_reads_its_own_audit_alone_and_only_with_the_right(door: Door, rival: Door) -> None:
    await ask(rival, PAGE, variables={"n": 1})
    listed = "{ accessAudit(last: 10) { edges { node { sequence } } totalCount { value } } }"
    assert (await ask(door, listed))["data"]["accessAudit"] == {"edges": [], "totalCount": {"value": 0}}
    plain = [right for right in RIGHTS if right != "access:read"]
    made = await door.application.tenancy.create_token(door.scope, "plain", plain, None)
    answer = await door.http.post("/graphql", json={"query": listed}, headers={"Authorization": f"Bearer {made.token}"})
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "forbidden"
    assert [row.entry.notes.code for row in await rows(door)] == ["", "forbidden"]


async def test_the_list_is_read_by_filters_forward_and_backward(door: Door) -> None:
    for _ in range(2):
        await ask(door, PAGE, variables={"n": 1})
        await door.http.get("/v1/blobs/nonsense")
    query = """query List($first: Int, $last: Int, $after: String, $before: String, $refused: Boolean, $action: String,
      $principal: String, $since: DateTime, $until: DateTime) {
      accessAudit(first: $first, last: $last, after: $after, before: $before, refused: $refused, action: $action,
        principal: $principal, since: $since, until: $until) {
        edges { cursor node { sequence at principal { kind id } status code document count proof { rows } } }
        pageInfo { hasNextPage hasPreviousPage endCursor } } }"""

    async def page(**variables: Any) -> Any:  # noqa: ANN401  any JSON value
        answer = await ask(door, query, variables=variables)
        assert "errors" not in answer, answer
        return answer["data"]["accessAudit"]

    async def numbers(**variables: Any) -> list[str]:  # noqa: ANN401  any JSON value
        return [edge["node"]["sequence"] for edge in (await page(**variables))["edges"]]

    first = await page(first=2)
    assert [edge["node"]["sequence"] for edge in first["edges"]] == ["1", "2"]
    assert await numbers(first=2, after=first["pageInfo"]["endCursor"]) == ["3", "4"]
    assert await numbers(first=10, refused=True) == ["2", "4"]
    assert await numbers(last=1, refused=False) == ["7"]
    node = first["edges"][0]["node"]
    assert (node["code"], node["count"], node["proof"], node["document"]) == (None, 1, None, digest_of(PAGE.encode()))
    assert await numbers(first=1, principal=node["principal"]["id"]) == ["1"]
    assert await numbers(first=1, principal="nobody") == []
    assert await numbers(first=1, action="pack:read") == []
    assert await numbers(first=1, until=node["at"]) == []
    assert await numbers(first=1, since=node["at"]) == ["1"]


async def test_the_path_kept_is_never_what_somebody_chose(door: Door) -> None:
    await door.http.get("/v1/releases/secret-name/vsa")
    (row,) = await rows(door)
    assert "secret-name" not in str(row)
