"""Persisted documents over HTTP, and from the command line's use case: their own right, their own tenant."""

import httpx

from evidence_api.domain.digest import digest_of
from tests.web.conftest import Door

TEXT = b"query Kinds {viewer {kind}}"
PATH = f"/v1/documents/{digest_of(TEXT)}"


async def asked(door: Door, path: str, text: bytes) -> httpx.Response:
    return await door.http.put(path, content=text, headers={"content-type": "application/graphql"})


async def test_a_document_is_registered_run_listed_and_taken_out(door: Door, rival: Door) -> None:
    made = await asked(door, f"{PATH}?name=kinds", TEXT)
    assert (made.status_code, made.headers["location"]) == (201, PATH)
    assert (made.json()["digest"], made.json()["name"]) == (digest_of(TEXT), "kinds")
    assert (await asked(door, PATH, TEXT)).status_code == 200
    listed = (await door.http.get("/v1/documents")).json()["documents"]
    assert [one["name"] for one in listed] == ["kinds"]
    assert (await rival.http.get("/v1/documents")).json() == {"documents": []}
    text = await door.http.get(PATH)
    assert (text.content, text.headers["content-type"]) == (TEXT, "application/graphql; charset=utf-8")
    ran = await door.http.get("/graphql", params={"documentId": digest_of(TEXT)})
    assert ran.json()["data"] == {"viewer": {"kind": "token"}}
    other = await rival.http.get("/graphql", params={"documentId": digest_of(TEXT)})
    assert other.json()["errors"][0]["extensions"]["code"] == "unknown_document"
    for answer in (await rival.http.get(PATH), await rival.http.delete(PATH)):
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_document")
    assert (await door.http.delete(PATH)).status_code == 204
    assert (await door.http.get(PATH)).status_code == 404


async def test_what_may_not_be_registered_says_why(door: Door) -> None:
    for text, path, code in (
        (b"{", "", "syntax_error"),
        (b"{nothing}", "", "validation_failed"),
        (b"{viewer {kind}}\xff", "", "malformed"),
        (b"{" * 900, "", "syntax_error"),
        (b"x" * 70_000, "", "too_large"),
        (b"{viewer {kind}}", PATH, "document_digest"),
        (b"{viewer {kind}}", "/v1/documents/sha1:00", "malformed"),
        (b"# \x00\n{viewer {kind}}", "", "malformed"),
        (b"{viewer {kind}}", f"/v1/documents/{digest_of(b'{viewer {kind}}')}?name={'n' * 201}", "document_name"),
    ):
        refused = await asked(door, path or f"/v1/documents/{digest_of(text)}", text)
        assert (refused.status_code in {400, 413, 422}, refused.json()["code"]) == (True, code), text[:20]
    reader = await door.application.tenancy.create_token(door.scope, "reader", ["evidence:read"], None)
    door.http.headers["authorization"] = f"Bearer {reader.token}"
    assert (await asked(door, PATH, TEXT)).status_code == 403
