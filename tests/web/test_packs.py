from collections.abc import AsyncIterator

import pytest

from evidence_api.bootstrap import Application
from evidence_api.use_cases.verify_pack import verify_pack
from tests.support import statements
from tests.support.place import Place
from tests.web.conftest import Door

CONTROLS = """\
id: P-1
query: [{kind: provenance, where: verified==true}]
---
id: P-2
query: [{kind: test_result, where: result==passed}]
---
id: P-3
query: [{kind: sbom, where: components>=1}]
"""


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    """Under three controls: what is printed of a hundred takes seconds, and is looked at elsewhere."""
    async with place.application(max_body=2**20, catalog=place.catalog({"a.yaml": CONTROLS})) as opened:
        yield opened


async def test_a_pack_is_built_kept_listed_and_verifies(door: Door) -> None:
    for statement in (statements.release(), statements.provenance(), statements.sbom(), statements.test_result()):
        assert (await door.upload(statement)).status_code == 201
    built = await door.http.post("/v1/packs", json={"release": "widget"})
    assert built.status_code == 201, built.text
    assert built.json()["release"] == "widget@1.0.0"
    listed = (await door.http.get("/v1/packs")).json()["packs"]
    assert {f"/v1/packs/{pack['digest']}" for pack in listed} == {built.json()["pdf"], built.json()["json"]}
    asked = {"query": "{ packs(last: 2) { edges { node { status requestedBy files { href } } } } }"}
    (shown,) = (await door.http.post("/graphql", json=asked)).json()["data"]["packs"]["edges"]
    assert shown["node"]["status"] == "READY"
    assert shown["node"]["requestedBy"].startswith("token:")
    assert {one["href"] for one in shown["node"]["files"]} == {built.json()["pdf"], built.json()["json"]}
    for form in ("pdf", "json"):
        content = await door.http.get(built.json()[form])
        report = await verify_pack(content.content, rego=door.application.rego)
        assert report.ok, report


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 422, "malformed"),
        (b"[]", 422, "malformed"),
        (b'{"release": 3}', 422, "malformed"),
        (b'{"release": "widget", "redact": 1}', 422, "malformed"),
        (b'{"release": "nothing"}', 404, "not_found"),
    ],
)
async def test_a_request_for_no_release_is_refused(door: Door, body: bytes, status: int, code: str) -> None:
    answer = await door.http.post("/v1/packs", content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_pack_of_another_tenant_is_not_found(door: Door, rival: Door) -> None:
    await door.upload(statements.release())
    built = await door.http.post("/v1/packs", json={"release": "widget"})
    assert (await rival.http.get(built.json()["pdf"])).status_code == 404


async def test_a_pack_with_a_secret_in_it_is_stopped_or_redacted(door: Door) -> None:
    key = "AKIAIOSFODNN7EXAMPLQ"
    tests = statements.test_result()
    tests["predicate"]["url"] = f"https://ci.example/run?key={key}"
    for statement in (statements.release(), statements.provenance(), tests):
        assert (await door.upload(statement)).status_code == 201
    stopped = await door.http.post("/v1/packs", json={"release": "widget"})
    assert (stopped.status_code, stopped.json().get("code")) == (422, "export_denied"), stopped.text
    assert key not in stopped.text
    assert any("predicate.url: secret" in place for place in stopped.json()["places"])
    built = await door.http.post("/v1/packs", json={"release": "widget", "redact": True})
    assert (built.status_code, built.json()["status"]) == (201, "partial")
    content = (await door.http.get(built.json()["json"])).content
    assert key.encode() not in content
    assert (await verify_pack(content, rego=door.application.rego)).ok


async def test_redacting_makes_no_verdict_better(door: Door) -> None:
    """Two suites that differ in a secret alone: once it is replaced, the one that passed would supersede the other."""
    suites = [("AKIAIOSFODNN7EXAMPLQ", "FAILED"), ("AKIAIOSFODNN7EXAMPLR", "PASSED")]
    tests = [statements.test_result(result=result, configuration=f"ci?key={key}") for key, result in suites]
    for statement in (statements.release(), statements.provenance(), *tests):
        assert (await door.upload(statement)).status_code == 201
    answer = await door.http.post("/v1/packs", json={"release": "widget", "redact": True})
    assert (answer.status_code, answer.json().get("code")) == (422, "redaction_helps"), answer.text
    assert "AKIA" not in answer.text
    assert answer.json()["controls"]
    assert (await door.http.get("/v1/packs")).json()["packs"] == []
