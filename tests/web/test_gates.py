"""Every gate asks Rego: where policy says no to everything, nothing but what is public is let through."""

import re
from collections.abc import AsyncIterator

import pytest
from starlette.routing import Route

from evidence_api.bootstrap import Application, asgi_application
from tests.support import documents, statements
from tests.support.place import Place
from tests.web.conftest import Door
from tests.web.test_decision_logs import decision

PUBLIC = {"/.well-known/http-message-signatures-directory", "/", "/healthz", "/readyz", "/metrics", "/openapi.json"}
# What gets a CI job its first token; policy area `exchange` decides it, of a token that has been verified.
OWN_GATE = {"/v1/token-exchange", "/federation/acme/graphql"}
SHUT = """package evidence.policy.{area}

import rego.v1

decision := {{"allow": false, "rules": ["{area}.shut"], "reasons": ["{area} is shut"]}}
"""
DIGEST = "sha256:" + "ab" * 32
VALUES = {"tenant": "acme", "area": "residency", "release": "widget@1.0"}


@pytest.fixture
async def application(place: Place, shut: str) -> AsyncIterator[Application]:
    """The application whose policy of one area denies everything, with the reason that it does."""
    policy = place.policy({f"{shut}/{shut}.rego": SHUT.format(area=shut)})
    async with place.application(policy=policy) as opened:
        yield opened


def routes(door: Door) -> list[tuple[str, str]]:
    """Every route's path, its parameters filled in, with each of its methods."""
    found = []
    for route in asgi_application(door.application).routes:
        assert isinstance(route, Route)
        path = re.sub(r"\{(\w+)(:\w+)?\}", lambda name: VALUES.get(name[1], DIGEST), route.path)
        found += [(method, path) for method in sorted(route.methods or {"GET", "POST"})]
    return found


@pytest.mark.parametrize("shut", ["authorisation"])
async def test_nothing_but_what_is_public_is_let_through_without_authorisation(door: Door) -> None:
    asked = 0
    for method, path in routes(door):
        if path in PUBLIC | OWN_GATE:
            continue
        answer = await door.http.request(method, path, content=b"{}")
        assert answer.status_code == 403, (method, path)
        if method != "HEAD":
            assert answer.json()["rules"] == ["authorisation.shut"], (method, path)
        without = await door.http.request(method, path, content=b"{}", headers={"Authorization": ""})
        assert without.status_code == 401, (method, path)
        asked += 1
    assert asked > 20


@pytest.mark.parametrize("shut", ["admission"])
async def test_no_evidence_gets_in_by_any_door_without_admission(door: Door) -> None:
    http = door.http
    envelope = door.envelope(statements.test_result())
    raw = documents.every_document()["sarif"]
    batch = {"Content-Type": "application/x-ndjson"}
    for path, body in (
        ("/v1/evidence", envelope),
        (f"/v1/evidence?subject={DIGEST}", raw),
        ("/compat/archivista/acme/upload", envelope),
    ):
        answer = await http.post(path, content=body)
        assert (answer.status_code, answer.json()["rules"]) == (422, ["admission.shut"]), path
    line = (await http.post("/v1/evidence", content=envelope, headers=batch)).json()
    assert line["problem"]["rules"] == ["admission.shut"]
    logged = await http.post("/v1/decision-logs", json=[decision(1)])
    assert (logged.status_code, logged.json()["rules"]) == (422, ["admission.shut"])
    asked = await http.post("/v1/decide/residency", json={"country": "DE", "region": "eu-west"})
    assert (asked.status_code, asked.json()["rules"]) == (422, ["admission.shut"])
    assert (await http.get("/v1/log/acme/checkpoint")).text.splitlines()[1] == "0"
