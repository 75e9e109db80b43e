"""Telemetry end to end: gates, decisions that were asked for and agents' logs are counted, each once."""

import gzip
import json
from datetime import timedelta
from typing import Any

from evidence_api.domain.policy_telemetry import RuleUse, Telemetry
from evidence_api.use_cases.policy_telemetry import PolicyTelemetry
from tests.support import statements
from tests.web.conftest import Door
from tests.web.test_decision_logs import decision

DENIED = {"country": "DE", "region": "us-east"}


async def read(door: Door) -> Telemetry:
    await door.application.hits.flush()
    now = door.application.clock.now()
    reader = PolicyTelemetry(door.application.database, door.application.policy)
    return await reader.read(door.scope, now - timedelta(days=7), now)


def uses(told: Telemetry) -> dict[str, RuleUse]:
    return {use.rule or use.area: use for use in (*told.areas, *told.rules)}


async def override(door: Door, rule: str) -> dict[str, Any]:
    now = door.application.clock.now()
    predicate = {
        "producer": {"id": "overrides", "version": "1"},
        "decidedAt": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "rule": rule,
        "scope": "",
        "reason": "The region was certified last week",
        "owner": "ann@example.org",
        "requester": "ann@example.org",
        "approver": "key ci",
        "from": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "until": f"{now + timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}",
    }
    answer = await door.upload(statements.statement("urn:evidence-api:override:v1", statements.COMMIT, predicate))
    told: dict[str, Any] = answer.json()
    assert answer.status_code == 201, told
    return told


async def test_what_is_asked_is_counted_once_and_exactly(door: Door) -> None:
    for _ in range(3):
        await door.http.post("/v1/decide/residency", json=DENIED)
    await door.http.post("/v1/decide/residency", json={"country": "DE", "region": "eu-west-1"})
    found = uses(await read(door))
    assert (found["residency"].allows, found["residency"].denies) == (1, 3)
    (rule,) = [use for use in found.values() if use.rule.startswith("residency.")]
    assert (rule.denies, rule.share) == (3, 0.75)


async def test_the_gates_are_counted_however_often_their_answer_was_kept(door: Door) -> None:
    for number in range(4):
        await door.upload(statements.test_result(f"sha256:{number:064x}"))
    made = await door.application.tenancy.create_token(door.scope, "reader", ["evidence:read"], None)
    refused = await door.http.post("/v1/evidence", headers={"Authorization": f"Bearer {made.token}"}, content=b"{}")
    assert refused.status_code == 403
    told = await read(door)
    found = uses(told)
    assert found["admission"].allows == 4
    assert (found["authorisation"].allows, found["authorisation"].denies) == (4, 1)
    assert found["authorisation.right_required"].denies == 1
    assert "evidence:write needs the right evidence:write" in [one.reason for one in told.reasons]


async def test_decision_logs_of_agents_count_by_the_rules_of_our_bundle(door: Door) -> None:
    result = {"allow": False, "rules": ["residency.region"], "reasons": ["not there"]}
    events = [decision(number, path="evidence/policy/residency/decision", result=result) for number in range(2)]
    events.append(decision(7))
    body = gzip.compress(json.dumps(events).encode())
    answer = await door.http.post("/v1/decision-logs", content=body, headers={"Content-Encoding": "gzip"})
    assert answer.json()["new"] == 3
    found = uses(await read(door))
    assert (found["residency"].denies, found["residency.region"].denies) == (2, 2)
    assert found["http/example/authz"].allows == 1


async def test_a_denial_overridden_later_is_noise_and_a_rule_that_never_spoke_is_told(door: Door) -> None:
    answer = await door.http.post("/v1/decide/residency", json=DENIED)
    (rule,) = answer.json()["rules"]
    evidence = (await override(door, rule))["evidenceId"]
    told = await read(door)
    (noisy,) = told.noisy
    assert (noisy.rule, [one.evidence for one in noisy.overrides]) == (rule, [evidence])
    assert noisy.overrides[0].approver == "key ci"
    silent = {one.rule for one in told.never_fired}
    assert rule not in silent
    assert {"rollout.freeze", "marketplace.unreviewed"} & silent


async def test_nothing_of_another_tenant_is_counted(door: Door, rival: Door) -> None:
    await rival.http.post("/v1/decide/residency", json=DENIED)
    assert "residency" not in uses(await read(door))
    assert uses(await read(rival))["residency"].denies == 1
