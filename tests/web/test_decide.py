"""Agents and CI ask policies over HTTP: each answer is evidence, and only an answer allows."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from evidence_api.bootstrap import Application
from evidence_api.domain.digest import canonical, digest_of
from evidence_api.store import decisions, evidence
from evidence_api.use_cases import ask as ask_module
from evidence_api.use_cases.registry import Registry
from tests.support import statements
from tests.support.place import Place
from tests.web.conftest import Door

PLUGIN = "sha256:" + "ab" * 32
LUNCH = """package evidence.policy.lunch

import rego.v1

decision := {"allow": input.people <= 3, "rules": rules, "reasons": reasons}

rules := ["lunch.crowd"] if input.people > 3

rules := [] if input.people <= 3

reasons := ["too many people", sprintf("asked at %v", [object.get(input, "at", "")])] if input.people > 3

reasons := [] if input.people <= 3

decision := {"allow": 1 / input.zero == 1, "rules": [], "reasons": []} if input.people == 0
"""
LUNCH_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["people"],
    "properties": {
        "people": {"type": "integer", "maximum": 100},
        "zero": {"const": 0},
        "dish": {"type": "string", "maxLength": 8},
        "at": {"type": "string", "x-server": True},
    },
}
PLUGINS = """package evidence.policy.plugins

import rego.v1

decision := {
	"allow": count(input.evidence.reviews) > 0,
	"rules": [],
	"reasons": [json.marshal(input.evidence)],
}
"""
PLUGINS_SCHEMA = {
    "type": "object",
    "required": ["digest", "evidence"],
    "properties": {"digest": {"type": "string"}, "evidence": {"readOnly": True}},
}


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    """The shipped policies and two areas of the operator's own."""
    files: dict[str, str] = {}
    for name, rego, schema in (("lunch", LUNCH, LUNCH_SCHEMA), ("plugins", PLUGINS, PLUGINS_SCHEMA)):
        files |= {f"{name}/{name}.rego": rego, f"{name}/input.schema.json": json.dumps(schema)}
    async with place.application(policy=place.policy(files)) as opened:
        yield opened


async def ask(door: Door, area: str, asked: Any, **query: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401  any JSON
    answer = await door.http.post(f"/v1/decide/{area}", json=asked, params=query)
    return answer.status_code, answer.json()


async def facts_of(door: Door, evidence_id: str) -> dict[str, Any]:
    async with door.application.database.reading(door.scope) as connection:
        record = await evidence.get(connection, door.scope, evidence_id)
    return {**record.facts, "subjects": [digest for subject in record.subjects for digest in subject.digests]}


async def test_a_denial_is_an_answer_and_evidence(door: Door) -> None:
    status, told = await ask(door, "lunch", {"people": 4})
    assert (status, told["allow"], told["rules"], told["reasons"][0]) == (
        200,
        False,
        ["lunch.crowd"],
        "too many people",
    )
    facts = await facts_of(door, told["evidence"])
    assert (facts["area"], facts["rule"], facts["rules"], facts["denies"]) == (
        "lunch",
        "lunch.crowd",
        ("lunch.crowd",),
        1,
    )
    assert facts["subjects"] == [facts["input_digest"]]
    async with door.application.database.reading(door.scope) as connection:
        kept = await decisions.get(connection, door.scope, told["decision"])
    assert (kept.input_digest, kept.policy_digest) == (facts["input_digest"], facts["policy_bundle"])
    assert digest_of(canonical(json.loads(kept.input))) == facts["input_digest"]


async def test_an_answer_is_signed_by_the_server_and_its_receipt_proves_it(door: Door) -> None:
    _, told = await ask(door, "lunch", {"people": 1}, subject=[PLUGIN, "sha1:" + "0" * 40])
    facts = await facts_of(door, told["evidence"])
    assert (facts["rule"], facts["rules"], facts["subjects"]) == ("lunch", (), [PLUGIN, "sha1:" + "0" * 40])
    again = (await door.http.get(f"/v1/evidence/{told['evidence']}/receipt")).json()
    assert again["leaf"] == told["receipt"]["leaf"]
    assert told["evidence"] in base64.b64decode(again["leaf"]).decode()
    async with door.application.database.reading(door.scope) as connection:
        record = await evidence.get(connection, door.scope, told["evidence"])
    assert record.verification.status == "verified"


async def test_the_same_question_is_the_same_decision_and_new_evidence(door: Door) -> None:
    asked = {"country": "US", "region": "us-east"}
    first, second = [(await ask(door, "residency", asked))[1] for _ in range(2)]
    assert first["decision"] == second["decision"]
    assert first["evidence"] != second["evidence"]
    head = (await door.http.get("/v1/log/acme/checkpoint")).text.splitlines()[1]
    assert head == "2"


async def test_what_the_server_fills_may_not_be_sent(door: Door) -> None:
    status, told = await ask(door, "lunch", {"people": 4, "at": "2020-01-01T00:00:00Z"})
    assert (status, told["code"], told["path"]) == (422, "server_fills", "at")
    _, told = await ask(door, "lunch", {"people": 4})
    assert told["reasons"][1].startswith("asked at 20")
    for member in ("at", "evidence"):
        status, told = await ask(door, "marketplace", {"plugin": "x", member: {}})
        assert (status, told["code"], told["path"]) == (422, "server_fills", member)


@pytest.mark.parametrize(
    ("asked", "path", "limit"),
    [
        ({"people": 101}, "people", 100),
        ({"people": "3"}, "people", None),
        ({}, "people", None),
        ({"people": 1, "dish": "spaghetti"}, "dish", 8),
        ({"people": 1, "wine": True}, "wine", None),
    ],
)
async def test_input_is_held_against_the_schema(
    door: Door, asked: dict[str, Any], path: str, limit: int | None
) -> None:
    status, told = await ask(door, "lunch", asked)
    assert (status, told["code"], told["path"], told.get("limit")) == (422, "invalid_input", path, limit)
    assert "value" in told


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[]", 422, "malformed"),
        (b"{", 422, "malformed"),
        (b'{"people": 1, "people": 9}', 422, "malformed"),
        (b'{"people": 1, "dish": "' + b"x" * 65536 + b'"}', 413, "too_large"),
        (b'{"people": ' + b"[" * 100 + b"]" * 100 + b"}", 413, "too_large"),
    ],
)
async def test_what_is_no_small_object_is_refused(door: Door, body: bytes, status: int, code: str) -> None:
    answer = await door.http.post("/v1/decide/lunch", content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_area_nobody_may_ask_is_not_found(door: Door) -> None:
    status, told = await ask(door, "lunhc", {})
    assert (status, told["code"], told["nearest"]) == (404, "unknown_area", "lunch")
    assert {"lunch", "residency", "write_paths"} <= set(told["areas"])
    for gate in ("admission", "authorisation", "exchange", "trust"):
        status, told = await ask(door, gate, {})
        assert (status, told["code"], gate in told["areas"]) == (404, "unknown_area", False)


async def test_what_cannot_be_decided_allows_nothing_and_leaves_nothing(door: Door) -> None:
    status, told = await ask(door, "lunch", {"people": 0, "zero": 0})
    assert (status, told["code"]) == (503, "policy_failed")
    assert "allow" not in told
    assert (await door.http.get("/v1/log/acme/checkpoint")).text.splitlines()[1] == "0"


async def test_the_server_gives_what_it_verified_about_a_digest(door: Door) -> None:
    asked = {"digest": PLUGIN}
    _, told = await ask(door, "plugins", asked)
    assert (told["allow"], json.loads(told["reasons"][0])) == (False, {"incidents": [], "reviews": [], "sboms": []})
    reviewed = statements.statement(
        "urn:evidence-api:plugin-review:v1",
        PLUGIN,
        {
            "producer": {"id": "reviews", "version": "1"},
            "decidedAt": "2026-01-01T00:00:00Z",
            "plugin": "linter",
            "version": "1.0.0",
            "rubric": "security-2",
            "stars": 4,
            "verdict": "approve",
            "permissions": ["network"],
            "reviewer": "somebody else",
        },
    )
    review = (await door.upload(reviewed)).json()["evidenceId"]
    await door.http.post("/v1/evidence", content=statements.statement_bytes(reviewed))  # unsigned: counts for nothing
    sbom = (await door.upload(statements.sbom(PLUGIN))).json()["evidenceId"]
    _, told = await ask(door, "plugins", asked)
    given = json.loads(told["reasons"][0])
    assert told["allow"]
    assert [one["evidence"] for one in given["sboms"]] == [sbom]
    (shown,) = given["reviews"]
    assert (shown["evidence"], shown["reviewer"]) == (review, "key ci")
    assert (await facts_of(door, told["evidence"]))["subjects"] == [PLUGIN]


async def test_what_nobody_signed_does_not_crowd_out_what_counts(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_module, "MAX_EVIDENCE", 1)
    await door.upload(statements.sbom(PLUGIN))
    for version in (1, 2):
        unsigned = statements.sbom(PLUGIN)
        unsigned["predicate"]["version"] = version
        answer = await door.http.post("/v1/evidence", content=statements.statement_bytes(unsigned))
        assert answer.status_code == 201
    assert (await ask(door, "plugins", {"digest": PLUGIN}))[0] == 200
    monkeypatch.setattr(ask_module, "MAX_EVIDENCE_BYTES", 100)
    status, told = await ask(door, "plugins", {"digest": PLUGIN})
    assert (status, told["code"], told["path"], told["limit"]) == (413, "too_large", "digest", 100)


async def test_an_answer_about_a_plugin_replaces_the_one_before(door: Door) -> None:
    series = []
    for _ in range(2):
        _, told = await ask(door, "plugins", {"digest": PLUGIN})
        async with door.application.database.reading(door.scope) as connection:
            series.append((await evidence.get(connection, door.scope, told["evidence"])).series)
        await door.upload(statements.sbom(PLUGIN))
    assert series[0] == series[1]


async def test_asking_needs_its_right(door: Door) -> None:
    made = await door.application.tenancy.create_token(door.scope, "reader", ["evidence:read", "evidence:write"], None)
    headers = {"Authorization": f"Bearer {made.token}"}
    for method, path in (("POST", "/v1/decide/lunch"), ("GET", "/v1/decide")):
        answer = await door.http.request(method, path, content=b'{"people": 1}', headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    made = await door.application.tenancy.create_token(door.scope, "agent", ["decide"], None)
    headers = {"Authorization": f"Bearer {made.token}"}
    answer = await door.http.post("/v1/decide/lunch", json={"people": 1}, headers=headers)
    assert answer.json()["allow"] is True


async def test_the_areas_are_listed_with_what_they_take(door: Door) -> None:
    listed = {one["area"]: one["schema"] for one in (await door.http.get("/v1/decide")).json()["areas"]}
    assert list(listed["lunch"]["properties"]) == ["people", "zero", "dish"]
    assert "evidence" not in listed["marketplace"]["properties"]


async def test_nothing_is_recorded_once_the_tenant_has_revoked_the_server_s_key(door: Door) -> None:
    _, told = await ask(door, "lunch", {"people": 1})
    registry = Registry(door.application.database, door.application.clock)
    (key,) = [key for key in await registry.keys(door.scope) if key.name == "evidence server"]
    await registry.revoke_key(door.scope, key.key_id)
    door.application.asking._own._registered.clear()
    status, told = await ask(door, "lunch", {"people": 2})
    assert (status, told["code"]) == (422, "inadmissible")
