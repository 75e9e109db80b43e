import httpx
import pytest
from starlette.routing import Route

from evidence_api.bootstrap import asgi_application
from evidence_api.web.openapi import openapi_document
from tests.support import statements
from tests.web.conftest import Door


async def test_every_route_is_described_and_every_description_is_a_route(door: Door) -> None:
    served = {
        (route.path, method)
        for route in asgi_application(door.application).routes
        if isinstance(route, Route)
        for method in (route.methods or ())
        if method != "HEAD"
    }
    described = {
        (path, method.upper()) for path, operations in openapi_document()["paths"].items() for method in operations
    }
    assert served == described
    assert (await door.http.get("/openapi.json")).json() == openapi_document()


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/openapi.json"])
async def test_public_paths_answer_without_a_token(door: Door, path: str) -> None:
    transport = door.http._transport
    async with httpx.AsyncClient(transport=transport, base_url="http://evidence.test") as client:
        assert (await client.get(path)).status_code == 200


async def test_not_ready_is_503_when_the_database_is_gone(door: Door) -> None:
    await door.application.database.close()
    answer = await door.http.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/v1/evidence", 405), ("PUT", "/v1/packs", 405)]
)
async def test_the_router_s_refusals_are_problems_too(door: Door, method: str, path: str, status: int) -> None:
    answer = await door.http.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


async def test_a_fault_of_ours_is_masked_and_has_an_id(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the secret is xylophone")

    monkeypatch.setattr(type(door.application.packs), "newest", broken)
    answer = await door.http.get("/v1/packs")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_fault")
    assert "xylophone" not in answer.text
    assert answer.json()["requestId"]


async def test_metrics_count_and_name_no_tenant(door: Door) -> None:
    await door.upload(statements.test_result())
    text = (await door.http.get("/metrics")).text
    assert 'evidence_requests_total{method="POST",status="201"}' in text
    assert "acme" not in text
