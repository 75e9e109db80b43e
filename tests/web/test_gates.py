"""Every gate asks Rego: where policy says no to everything, nothing but what is public is let through."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.routing import Route

from evidence_api.bootstrap import asgi_application, open_application
from evidence_api.engines.files import shipped
from evidence_api.engines.worker_nursery import Nursery
from evidence_api.settings import Settings
from evidence_api.store.migrate import Login, login_dsn
from tests.support import documents, statements
from tests.support.checked import SteppingClock
from tests.web.conftest import Door, door_of
from tests.web.test_decision_logs import decision

PUBLIC = {"/", "/healthz", "/readyz", "/metrics", "/openapi.json"}
# What gets a CI job its first token; policy area `exchange` decides it, of a token that has been verified.
OWN_GATE = {"/v1/token-exchange"}
SHUT = """package evidence.policy.{area}

import rego.v1

decision := {{"allow": false, "rules": ["{area}.shut"], "reasons": ["{area} is shut"]}}
"""
DIGEST = "sha256:" + "ab" * 32
VALUES = {"tenant": "acme", "area": "residency", "release": "widget@1.0"}


async def shut(area: str, login: Login, tmp_path: Path, clock: SteppingClock, nursery: Nursery) -> AsyncIterator[Door]:
    """A server whose policy of one area denies everything, with the reason that it does."""
    folder = tmp_path / "policy"
    shutil.copytree(shipped("policy"), folder)
    (folder / area / f"{area}.rego").write_text(SHUT.format(area=area))
    settings = Settings.from_environment(
        home=tmp_path / "home", database_url=login_dsn(login.app_dsn, "postgres"), policy=folder
    )
    async with open_application(settings, clock, nursery) as application:
        made = await door_of(application, "acme")
        async with made.http:
            yield made


@pytest.fixture
async def unauthorised(login: Login, tmp_path: Path, clock: SteppingClock, nursery: Nursery) -> AsyncIterator[Door]:
    async for door in shut("authorisation", login, tmp_path, clock, nursery):
        yield door


@pytest.fixture
async def inadmissible(login: Login, tmp_path: Path, clock: SteppingClock, nursery: Nursery) -> AsyncIterator[Door]:
    async for door in shut("admission", login, tmp_path, clock, nursery):
        yield door


def routes(door: Door) -> list[tuple[str, str]]:
    """Every route's path, its parameters filled in, with each of its methods."""
    found = []
    for route in asgi_application(door.application).routes:
        assert isinstance(route, Route)
        path = re.sub(r"\{(\w+)(:\w+)?\}", lambda name: VALUES.get(name[1], DIGEST), route.path)
        found += [(method, path) for method in sorted(route.methods or {"GET", "POST"})]
    return found


async def test_nothing_but_what_is_public_is_let_through_without_authorisation(unauthorised: Door) -> None:
    asked = 0
    for method, path in routes(unauthorised):
        if path in PUBLIC | OWN_GATE:
            continue
        answer = await unauthorised.http.request(method, path, content=b"{}")
        assert answer.status_code == 403, (method, path)
        if method != "HEAD":
            assert answer.json()["rules"] == ["authorisation.shut"], (method, path)
        without = await unauthorised.http.request(method, path, content=b"{}", headers={"Authorization": ""})
        assert without.status_code == 401, (method, path)
        asked += 1
    assert asked > 20


async def test_no_evidence_gets_in_by_any_door_without_admission(inadmissible: Door) -> None:
    http = inadmissible.http
    envelope = inadmissible.envelope(statements.test_result())
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
