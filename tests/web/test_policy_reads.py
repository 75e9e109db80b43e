"""What policy said, as readers see it: the decisions on record and what their counts say."""

from typing import Any

from tests.support import statements
from tests.web.conftest import Door

DECISIONS = """query D($first: Int, $after: String, $area: String, $allow: Boolean, $rule: String, $since: DateTime) {
  policyDecisions(first: $first, after: $after, area: $area, allow: $allow, rule: $rule, since: $since) {
    edges { node { decisionId area allow rules reasons inputDigest policyDigest decidedAt input } }
    pageInfo { endCursor hasNextPage } } }"""
TELEMETRY = """query T($since: DateTime!, $until: DateTime) { policyTelemetry(since: $since, until: $until) {
  since until policyDigest lookAt areas { area rule allows denies } rules { rule denies share overrides }
  noisy { rule } neverFired(first: 100) { area rule } reasons { reason hits } } }"""
ASK = """mutation($key: String!, $why: String!) { requestAction(input: {clientMutationId: $key, action: DOWNSHIFT,
  target: "team-a", justification: $why}) { __typename ... on PolicyDeniedProblem { decisionId } } }"""


async def data(door: Door, query: str, **variables: Any) -> Any:  # noqa: ANN401  any JSON value
    body = (await door.http.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in body, body
    return body["data"]


async def code(door: Door, query: str, **variables: Any) -> str:  # noqa: ANN401  any JSON value
    body = (await door.http.post("/graphql", json={"query": query, "variables": variables})).json()
    return str(body["errors"][0]["extensions"]["code"])


async def test_decisions_are_listed_and_counted(door: Door) -> None:
    await door.upload(statements.release())
    denied = (await data(door, ASK, key="a", why="short"))["requestAction"]
    await data(door, ASK, key="b", why="The budget of the month is nearly spent.")
    page = (await data(door, DECISIONS, first=1))["policyDecisions"]
    assert page["edges"][0]["node"]["area"] == "admission"
    rest = await data(door, DECISIONS, first=9, after=page["pageInfo"]["endCursor"])
    found = [edge["node"] for edge in (page["edges"] + rest["policyDecisions"]["edges"])]
    assert len({one["decisionId"] for one in found}) == len(found)
    refusals = await data(door, DECISIONS, first=9, area="action", allow=False, rule="action.justification_too_short")
    (only,) = [edge["node"] for edge in refusals["policyDecisions"]["edges"]]
    assert only["decisionId"] == denied["decisionId"]
    assert (only["input"]["justification"], only["input"]["actor"]["kind"]) == ("short", "token")
    assert (await data(door, DECISIONS, first=9, since="2099-01-01T00:00:00Z"))["policyDecisions"]["edges"] == []
    one = await data(door, "query($id: String!) { policyDecision(id: $id) { allow input } }", id=only["decisionId"])
    assert one["policyDecision"] == {"allow": False, "input": only["input"]}
    assert (await data(door, '{ policyDecision(id: "sha256:0") { allow } }'))["policyDecision"] is None
    assert await code(door, DECISIONS, first=1, after="x") == "bad_cursor"

    await door.application.hits.flush()
    told = (await data(door, TELEMETRY, since="2026-01-31T12:00:00Z", until="2026-01-31T12:59:00Z"))["policyTelemetry"]
    assert (told["since"], told["until"]) == ("2026-01-31T12:00:00Z", "2026-01-31T13:00:00Z")
    (area,) = [one for one in told["areas"] if one["area"] == "action"]
    assert (area["rule"], area["allows"], area["denies"]) == (None, 1, 1)
    assert told["rules"][0]["rule"] == "action.justification_too_short"
    assert told["noisy"] == []
    assert {"area": "action", "rule": "action.limit_too_high"} in told["neverFired"]
    assert told["reasons"][0]["hits"] == 1
    for since in ("2026-02-01T00:00:00Z", "2025-01-01T00:00:00Z"):
        assert await code(door, TELEMETRY, since=since, until="2026-01-31T00:00:00Z") == "bad_period"


async def test_another_right_is_needed_and_another_tenant_sees_nothing(door: Door, rival: Door) -> None:
    await door.upload(statements.release())
    assert (await data(rival, DECISIONS, first=9))["policyDecisions"]["edges"] == []
    made = await door.application.tenancy.create_token(door.scope, "reader", ("evidence:read",), None)
    door.http.headers["Authorization"] = f"Bearer {made.token}"
    assert await code(door, DECISIONS, first=9) == "forbidden"
    assert await code(door, TELEMETRY, since="2026-01-31T12:00:00Z") == "forbidden"
    assert await code(door, "{ packs(first: 1) { edges { node { id } } } }") == "forbidden"
