"""Mutations over HTTP: what each answers, what of it is in the log, and that a retry leaves one leaf."""

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from evidence_api.bootstrap import Application, asgi_application
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from evidence_api.formats.stored import stored_statement
from evidence_api.store import action_requests
from evidence_api.store.session import Database
from tests.support import statements
from tests.support.checked import SteppingClock
from tests.support.place import Place
from tests.web.conftest import Door

CONTROLS = """\
id: P-1
query: [{kind: provenance, where: verified==true}]
"""
REQUEST = "request { requestId action target justification actor evidenceId repeated evidence { kind facts status } }"
PROBLEM = "... on Problem { code message path }"
DENIED = "... on PolicyDeniedProblem { rules reasons decisionId evidenceId }"
ASK = f"""mutation Ask($input: RequestActionInput!) {{ requestAction(input: $input) {{ __typename {PROBLEM} {DENIED}
  ... on InvalidInputProblem {{ limit }} ... on NotRecordedProblem {{ refusal }}
  ... on ActionRequested {{ clientMutationId {REQUEST} }} }} }}"""
FILES = "files { mediaType digest size href }"
PACK = f"status releaseName redacted completeness requestedBy justification finishedAt code reason {FILES}"
ORDER = f"""mutation Order($input: RequestPackInput!) {{ requestPack(input: $input) {{ __typename {PROBLEM} {DENIED}
  ... on PackRequested {{ {REQUEST} pack {{ id {PACK} release {{ name }} request {{ kind }} }} }} }} }}"""
RECORD = f"""mutation Record($input: RecordOverrideInput!) {{ recordOverride(input: $input) {{ __typename {PROBLEM}
  {DENIED} ... on EvidenceRefusedProblem {{ refusal }}
  ... on OverrideRecorded {{ evidenceId created {REQUEST} override {{ kind facts }} }} }} }}"""
WHY = "Error rate doubled after the release."


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    async with place.application(max_body=2**20, catalog=place.catalog({"a.yaml": CONTROLS})) as opened:
        yield opened


async def post(door: Door, query: str, **variables: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON value
    answer = await door.http.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def done(door: Door, query: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401  members of the input
    """The result of the only field."""
    body = await post(door, query, input={"clientMutationId": "k-1", **given})
    assert "errors" not in body, body
    (result,) = body["data"].values()
    assert isinstance(result, dict)
    return result


async def size(database: Database, door: Door) -> int:
    async with database.reading(door.scope) as connection:
        found: int = await connection.fetchval("SELECT tree_size FROM log_head")
    return found


async def test_an_action_is_asked_for_once_and_is_on_record(door: Door) -> None:
    database = door.application.database
    await door.application.webhooks.put(door.scope, "https://hooks.test/evidence")
    await door.upload(statements.release())
    release = (await post(door, '{ release(name: "widget") { id evidenceId } }'))["data"]["release"]
    asked = {"action": "ROLLBACK", "target": "widget@1.0.0", "justification": WHY, "release": release["id"]}

    first = await done(door, ASK, **asked)
    assert first["__typename"] == "ActionRequested", first
    request = first["request"]
    assert (request["action"], request["target"], request["justification"]) == ("rollback", "widget@1.0.0", WHY)
    assert request["actor"].startswith("token:")
    assert (request["repeated"], request["evidence"]["status"]) == (False, "VERIFIED")
    assert request["evidence"]["kind"] == "action_request"
    assert request["evidence"]["facts"]["decided"] == "allow"

    # The statement itself: who, why, which request, policy's answer; about the release's own artifacts.
    async with database.reading(door.scope) as connection:
        row = await connection.fetchrow(
            "SELECT b.content, e.signer FROM evidence e JOIN body b ON b.digest = e.body_digest WHERE e.id = $1",
            bytes.fromhex(request["evidenceId"].removeprefix("sha256:")),
        )
        told = await connection.fetch("SELECT body FROM webhook_delivery")
    receipt = await door.http.get(f"/v1/evidence/{request['evidenceId']}/receipt")
    assert receipt.status_code == 200
    assert row is not None
    assert row["signer"] == "key evidence server"
    (message,) = [orjson.loads(one["body"]) for one in told]
    assert (message["type"], message["evidence"], message["decided"]) == (
        "action.requested", request["evidenceId"], "allow",
    )  # fmt: skip
    owned = "query Q($r: ID) { evidence(first: 9, filter: {release: $r}) { edges { node { kind } } } }"
    found = await post(door, owned, r=release["id"])
    assert "action_request" in {edge["node"]["kind"] for edge in found["data"]["evidence"]["edges"]}

    # Sent again it is answered alike, and nothing is added; another request under its key is refused.
    grown = await size(database, door)
    again = await done(door, ASK, **asked)
    assert again == {**first, "request": {**request, "repeated": True}}
    other = await done(door, ASK, **{**asked, "justification": "Something else altogether."})
    assert (other["__typename"], other["code"]) == ("KeyReusedProblem", "KEY_REUSED")
    assert await size(database, door) == grown


async def test_what_cannot_be_asked_for_is_a_problem(door: Door) -> None:
    database, good = door.application.database, {"action": "DOWNSHIFT", "target": "team-a", "justification": WHY}
    begun = await size(database, door)
    for change, path in (
        ({"target": ""}, ["input", "target"]),
        ({"justification": "x" * 1025}, ["input", "justification"]),
        ({"justification": "two\nlines"}, ["input", "justification"]),
        ({"clientMutationId": ""}, ["input", "clientMutationId"]),
        ({"action": "RAISE_BUDGET", "limitUsd": "1e3"}, ["input", "limitUsd"]),
        ({"release": "x", "evidence": "y"}, ["input", "evidence"]),
    ):
        problem = await done(door, ASK, **{**good, **change})
        assert (problem["__typename"], problem["code"], problem["path"]) == ("InvalidInputProblem", "BAD_INPUT", path)
    for absent in ("release", "evidence"):
        problem = await done(door, ASK, **good, **{absent: "sha256:" + "0" * 64})
        assert (problem["code"], problem["path"]) == ("NOT_FOUND", ["input", absent])
    assert await size(database, door) == begun

    # A denial is evidence too, and a retry of it is the same denial.
    asked = {"action": "RAISE_BUDGET", "target": "2026-11", "justification": WHY, "period": "2026-11"}
    first = await done(door, ASK, **asked, limitUsd="100000.01")
    assert (first["code"], first["rules"]) == ("POLICY_DENIED", ["action.limit_too_high"])
    assert await done(door, ASK, **asked, limitUsd="100000.01") == first
    assert await size(database, door) == begun + 1
    facts = await post(door, "query Q($id: ID!) { evidenceRecord(id: $id) { facts } }", id=first["evidenceId"])
    assert facts["data"]["evidenceRecord"]["facts"]["decided"] == "deny"
    assert facts["data"]["evidenceRecord"]["facts"]["rules"] == ["action.limit_too_high"]
    allowed = await done(door, ASK, **asked, limitUsd="750.50", clientMutationId="k-2")
    assert allowed["__typename"] == "ActionRequested"


async def test_rights_are_asked_for_at_the_top(door: Door) -> None:
    made = await door.application.tenancy.create_token(door.scope, "reader", ("evidence:read",), None)
    asked = {"clientMutationId": "k", "action": "DOWNSHIFT", "target": "t", "justification": WHY}
    order = {"clientMutationId": "k", "release": "widget", "justification": WHY}
    record = {"clientMutationId": "k", "envelope": ""}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(asgi_application(door.application)),
        base_url="http://evidence.test",
        headers={"Authorization": f"Bearer {made.token}"},
    ) as client:
        for query, given in ((ASK, asked), (ORDER, order), (RECORD, record)):
            answer = (await client.post("/graphql", json={"query": query, "variables": {"input": given}})).json()
            (error,) = answer["errors"]
            assert error["extensions"]["code"] == "forbidden"
            assert error["extensions"]["rules"] == ["authorisation.right_required"]
        gone = await client.get("/graphql", params={"query": ASK})
        assert (gone.status_code, gone.headers["allow"]) == (405, "POST")


async def test_mutations_run_one_after_the_other_and_see_each_other(door: Door) -> None:
    first, second = (
        {"clientMutationId": key, "action": "DOWNSHIFT", "target": key, "justification": WHY} for key in ("a", "b")
    )
    fields = "... on ActionRequested { request { repeated evidence { leafIndex } } }"
    query = f"""mutation Two($first: RequestActionInput!, $second: RequestActionInput!) {{
      one: requestAction(input: $first) {{ {fields} }}
      bad: requestAction(input: {{clientMutationId: "", action: ROLLBACK, target: "t", justification: "because"}}) {{
        {PROBLEM} }}
      two: requestAction(input: $second) {{ {fields} }}
      again: requestAction(input: $first) {{ {fields} }} }}"""
    data = (await post(door, query, first=first, second=second))["data"]
    leaves = [data[name]["request"]["evidence"]["leafIndex"] for name in ("one", "two", "again")]
    assert leaves[0] < leaves[1]
    assert leaves[2] == leaves[0]
    assert [data[name]["request"]["repeated"] for name in ("one", "two", "again")] == [False, False, True]
    assert data["bad"]["code"] == "BAD_INPUT"


async def test_a_request_that_was_left_is_completed(
    door: Door, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends between the row and the log: nobody was answered, and the next round puts it on record."""
    requests, database = door.application.writes.requests, door.application.database
    asked = {"action": "DOWNSHIFT", "target": "t", "justification": WHY}

    async def die(*_: object) -> str:
        raise RuntimeError("the process ended here")

    with monkeypatch.context() as patch:
        patch.setattr(requests, "_complete", die)
        body = await post(door, ASK, input={"clientMutationId": "k-1", **asked})
        assert body["errors"][0]["extensions"]["code"] == "internal_fault"
    assert await requests.sweep() == 0  # whoever asked may still be at it
    clock.advance(timedelta(minutes=2))
    assert await requests.sweep() == 1
    grown = await size(database, door)
    retried = await done(door, ASK, **asked)
    assert retried["request"]["repeated"] is True
    assert await size(database, door) == grown
    async with database.reading(door.scope) as connection:
        assert await action_requests.unsettled(connection, door.scope, clock.now(), 9) == ()


async def test_a_pack_is_ordered_rendered_and_found(door: Door) -> None:
    for statement in (statements.release(), statements.provenance()):
        assert (await door.upload(statement)).status_code == 201
    absent = await done(door, ORDER, release="nothing", justification=WHY)
    assert (absent["code"], absent["path"]) == ("NOT_FOUND", ["input", "release"])
    short = await done(door, ORDER, release="widget", justification="audit")
    assert (short["code"], short["rules"]) == ("POLICY_DENIED", ["action.justification_too_short"])

    ordered = await done(door, ORDER, release="widget@1.0.0", justification="The audit of 2026.", clientMutationId="p")
    pack = ordered["pack"]
    assert (pack["status"], pack["releaseName"], pack["files"]) == ("REQUESTED", "widget@1.0.0", [])
    assert (pack["release"], pack["request"]) == ({"name": "widget"}, {"kind": "action_request"})
    assert pack["requestedBy"] == ordered["request"]["actor"]
    assert (await done(door, ORDER, release="widget@1.0.0", justification="The audit of 2026.", clientMutationId="p"))[
        "pack"
    ]["id"] == pack["id"]

    assert await door.application.writes.packs.sweep() == 1
    shown = await post(
        door, f"query Q($id: ID!) {{ pack(id: $id) {{ {PACK} }} node(id: $id) {{ id }} }}", id=pack["id"]
    )
    ready = shown["data"]["pack"]
    assert (ready["status"], ready["completeness"], ready["code"]) == ("READY", "COMPLETE", None)
    assert shown["data"]["node"] == {"id": pack["id"]}
    for one in ready["files"]:
        content = (await door.http.get(one["href"])).content
        assert len(content) == one["size"]
    for states, found in (("READY", [{"node": {"id": pack["id"]}}]), ("FAILED", [])):
        listed = await post(door, f"{{ packs(last: 9, status: [{states}]) {{ edges {{ node {{ id }} }} }} }}")
        assert listed["data"]["packs"]["edges"] == found


async def test_a_pack_that_may_not_leave_fails_with_its_code(door: Door) -> None:
    await door.upload(statements.release())
    secret = statements.provenance(repository="https://github.com/example/AKIA" + "QYLPMN5HHHFPZAM2")
    await door.upload(secret)
    ordered = await done(door, ORDER, release="widget", justification="The audit of 2026.")
    assert await door.application.writes.packs.sweep() == 1
    shown = await post(door, "query Q($id: ID!) { pack(id: $id) { status code reason files { digest } } }",
                       id=ordered["pack"]["id"])  # fmt: skip
    assert shown["data"]["pack"]["status"] == "FAILED"
    assert shown["data"]["pack"]["code"] == "export_denied"
    assert shown["data"]["pack"]["files"] == []
    assert await door.application.writes.packs.sweep() == 0


def envelope(door: Door, **change: Any) -> str:  # noqa: ANN401  members of an override
    document = statements.override(**{"control": "P-1", "approver": "ci", **change})
    return base64.b64encode(encode_envelope(door.signer.sign(IN_TOTO, statements.statement_bytes(document)))).decode()


async def test_an_override_needs_the_approvers_own_signature(door: Door) -> None:
    database = door.application.database
    signed = envelope(door)
    recorded = await done(door, RECORD, envelope=signed)
    assert recorded["__typename"] == "OverrideRecorded", recorded
    assert (recorded["created"], recorded["override"]["kind"]) == (True, "override")
    facts = recorded["request"]["evidence"]["facts"]
    assert (facts["action"], facts["about"]) == ("record_override", recorded["evidenceId"])
    assert facts["justification"] == recorded["override"]["facts"]["reason"]
    grown = await size(database, door)
    again = await done(door, RECORD, envelope=signed)
    assert (again["__typename"], again["created"]) == ("OverrideRecorded", False)
    assert await size(database, door) == grown

    # A key that stands for another request hands in nothing.
    reused = await done(door, RECORD, envelope=envelope(door, reason="Another reason altogether."))
    assert (reused["__typename"], await size(database, door)) == ("KeyReusedProblem", grown)

    # Whoever asked for it cannot approve it, and that they tried is on record.
    own = await done(door, RECORD, envelope=envelope(door, requester="ci"), clientMutationId="own")
    assert (own["code"], own["rules"]) == ("POLICY_DENIED", ["override.self_approved"])
    tried = await post(door, "query Q($id: ID!) { evidenceRecord(id: $id) { facts body { content } } }",
                       id=own["evidenceId"])  # fmt: skip
    assert tried["data"]["evidenceRecord"]["facts"]["decided"] == "deny"
    said = stored_statement(base64.b64decode(tried["data"]["evidenceRecord"]["body"]["content"])).predicate
    assert (said["parameters"]["requester"], said["parameters"]["approver"]) == ("ci", "ci")
    assert said["decision"]["id"] == own["decisionId"]

    for given, expected in (
        ("not base64!", ("InvalidInputProblem", "BAD_INPUT", None)),
        (base64.b64encode(b"{").decode(), ("EvidenceRefusedProblem", "EVIDENCE_REFUSED", "malformed")),
        (
            base64.b64encode(door.envelope(statements.release())).decode(),
            ("EvidenceRefusedProblem", "EVIDENCE_REFUSED", "not_an_override"),
        ),
        (
            base64.b64encode(statements.statement_bytes(statements.override(control="P-1"))).decode(),
            ("PolicyDeniedProblem", "POLICY_DENIED", None),
        ),
        (envelope(door, control="P-9"), ("EvidenceRefusedProblem", "EVIDENCE_REFUSED", "unknown_control")),
    ):
        problem = await done(door, RECORD, envelope=given, clientMutationId=str(expected) + given[:9])
        assert (problem["__typename"], problem["code"], problem.get("refusal")) == expected
