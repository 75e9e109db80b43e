"""Overrides over the whole application: what the door takes and refuses, what is put on record, how verdicts move."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from evidence_api.domain.assessment import Assessment, Finding
from evidence_api.domain.errors import Inadmissible
from evidence_api.domain.verdict import Outcome
from evidence_api.store import decisions, refusals
from evidence_api.use_cases.overrides import check_control
from tests.support import statements
from tests.support.catalogs import catalog_of
from tests.support.checked import SteppingClock
from tests.support.place import newest
from tests.web.conftest import Door

# The key of these tests is called "ci": so is whoever approves.
GOOD: dict[str, Any] = {"control": "IG-SC-5", "approver": "ci", "requester": "r.equester"}


async def send(door: Door, **change: Any) -> httpx.Response:  # noqa: ANN401  members of an override
    return await door.upload(statements.override(**{**GOOD, **change}))


async def put_on_record(door: Door, decision: str) -> tuple[bool, tuple[str, ...], dict[str, Any]]:
    async with door.application.database.reading(door.scope) as connection:
        found = await decisions.get(connection, door.scope, decision)
    assert found.area == "override"
    return found.allow, found.rules, json.loads(found.input)


async def decided(door: Door) -> list[str]:
    async with door.application.database.reading(door.scope) as connection:
        rows = await connection.fetch("SELECT id FROM decision WHERE area = 'override' ORDER BY decided_at")
    return [row["id"] for row in rows]


async def test_a_good_override_is_taken_with_its_decision(door: Door) -> None:
    answer = await send(door)
    assert answer.status_code == 201, answer.text
    (decision,) = await decided(door)
    allow, rules, asked = await put_on_record(door, decision)
    assert (allow, rules) == (True, ())
    assert asked == {
        "control": "IG-SC-5",
        "scope": "",
        "reason": "Only in the test image.",
        "owner": "o.wner",
        "requester": "r.equester",
        "approver": "ci",
        "from": "2026-01-01T00:00:00Z",
        "until": "2026-03-01T00:00:00Z",
        "decided": "2026-01-31T12:00:00Z",
        "signer": "key ci",
        "key_id": door.signer.public_key.key_id,
        "at": asked["at"],
    }
    assert asked["at"].startswith("2026-01-31T12:00:00")


async def test_an_override_of_a_rule_is_asked_about_too(door: Door) -> None:
    assert (await send(door, rule="write_paths.review_required")).status_code == 201
    refused = await send(door, rule="write_paths.review_required", requester="CI")
    assert refused.json()["rules"] == ["override.self_approved"]


async def test_nothing_else_is_asked_about(door: Door) -> None:
    assert (await door.upload(statements.test_result())).status_code == 201
    assert (await door.upload(statements.action())).status_code == 201
    assert await decided(door) == []


@pytest.mark.parametrize(
    ("change", "rule", "reason"),
    [
        ({"requester": " Ci "}, "override.self_approved", "ci asked for it and approves it"),
        ({"approver": "a.smith"}, "override.not_signed_by_approver", "signed by key ci, not by the approver a.smith"),
        ({"until": "2027-01-01T00:00:01Z"}, "override.too_long", "it lasts 366 days, 365 are allowed"),
        ({"decided": "2026-01-31T12:06:00Z"}, "override.ahead", "ahead of the server's clock"),
        ({"rule": "authorisation.right_required"}, "override.never", "may not be overridden"),
    ],
)
async def test_what_policy_denies_is_refused_with_its_reasons(
    door: Door, change: dict[str, Any], rule: str, reason: str
) -> None:
    answer = await send(door, **change)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["rules"]) == (422, "inadmissible", [rule])
    assert reason in problem["detail"]
    allow, rules, _ = await put_on_record(door, problem["decision"])
    assert (allow, rules) == (False, (rule,))
    async with door.application.database.reading(door.scope) as connection:
        (line,) = await refusals.newest(connection, door.scope)
        assert line.code == "inadmissible"
        assert reason in line.message
        assert await connection.fetchval("SELECT count(*) FROM evidence") == 0


async def test_an_unsigned_override_is_refused(door: Door) -> None:
    bare = json.dumps(statements.override(**GOOD)).encode()
    problem = (await door.http.post("/v1/evidence", content=bare)).json()
    assert problem["rules"] == ["override.unsigned"]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"until": "2025-12-31"}, "predicate"),
        ({"reason": " "}, "predicate.reason"),
        ({"starts": "x"}, "predicate.from"),
    ],
)
async def test_what_says_too_little_is_malformed(door: Door, change: dict[str, Any], path: str) -> None:
    answer = await send(door, **change)
    assert (answer.status_code, answer.json()["code"], answer.json()["path"]) == (422, "malformed", path)


async def test_a_control_that_is_not_there_is_refused_with_the_nearest_name(door: Door) -> None:
    problem = (await send(door, control="IG-SC-55")).json()
    assert (problem["status"], problem["code"], problem["path"]) == (422, "unknown_control", "predicate.control")
    assert problem["nearest"] == "IG-SC-5"
    assert "there is no control 'IG-SC-55'; the nearest is IG-SC-5" in problem["detail"]
    assert await decided(door) == []


@pytest.mark.parametrize("state", ["draft", "retired"])
def test_a_control_that_is_not_run_is_refused(state: str) -> None:
    text = f"id: IG-A\nstate: {state}\nreplaced_by: IG-B\nquery: [{{kind: opa, where: denies==0}}]\n"
    catalog = catalog_of(text + "---\nid: IG-B\nquery: [{kind: opa, where: denies==0}]\n")
    controls = {control.id: control for control in catalog.controls}
    check_control("IG-B", controls)
    check_control("", controls)
    with pytest.raises(Inadmissible) as caught:
        check_control("IG-A", controls)
    assert (caught.value.code, caught.value.fields["nearest"]) == ("control_not_run", "IG-B")
    assert f"control IG-A is {state}, so it is not run; it was replaced by IG-B" in caught.value.message


async def test_a_batch_takes_the_good_and_refuses_the_others(door: Door) -> None:
    lines = [
        statements.override(**GOOD),
        statements.override(**{**GOOD, "requester": "ci"}),
        statements.test_result(),
        statements.override(**{**GOOD, "control": "IG-NONE"}),
    ]
    body = b"\n".join(door.envelope(line) for line in lines)
    answer = await door.http.post("/v1/evidence", content=body, headers={"Content-Type": "application/x-ndjson"})
    said = [json.loads(line) for line in answer.text.splitlines()]
    assert [one["status"] for one in said] == [201, 422, 201, 422]
    assert [one["problem"]["code"] for one in said if "problem" in one] == ["inadmissible", "unknown_control"]
    assert sorted([(await put_on_record(door, one))[0] for one in await decided(door)]) == [False, True]


async def _release(door: Door) -> None:
    assert (await door.upload(statements.release())).status_code == 201
    assert (
        await door.upload(statements.github_checks(statements.ARTIFACT, conclusions=("failure",)))
    ).status_code == 201


def _of(assessment: Assessment, control: str = "IG-SC-5") -> Finding:
    return next(finding for finding in assessment.findings if finding.control == control)


async def _latest(door: Door) -> Finding:
    return _of(await door.application.reassessor.assess_now(door.scope, "widget@1.0.0"))


async def test_an_override_waives_until_it_ends(door: Door, clock: SteppingClock) -> None:
    await _release(door)
    raw = await _latest(door)
    receipt = (await send(door)).json()
    waived = await _latest(door)
    assert (waived.outcome, waived.raw, waived.waiver) == (Outcome.WAIVED, raw.outcome, receipt["evidenceId"])
    assert "requested by r.equester, approved by ci" in waived.because
    clock.advance(timedelta(days=29))
    reopened = await _latest(door)
    assert (reopened.outcome, reopened.waiver) == (raw.outcome, "")
    assert "ended on 2026-02-28 and no longer counts" in reopened.because


async def _swept(door: Door) -> Finding:
    """The newest finding after the background has done what was due."""
    await door.application.reassessor.sweep()
    await door.application.backlog.sweep()  # what time alone has made due
    return _of(await newest(door.application, door.scope))


async def test_the_background_waives_what_an_override_names(door: Door, clock: SteppingClock) -> None:
    """The append makes kind `override` due; the control it names reads other kinds. Then time alone reopens it."""
    await _release(door)
    raw = await _swept(door)
    await send(door, until="2026-03-15")
    waived = await _swept(door)
    assert (raw.outcome, waived.outcome) == (waived.raw, Outcome.WAIVED)
    assert "within 30 days" not in waived.because
    clock.advance(timedelta(days=14))
    assert "It ends within 30 days." in (await _swept(door)).because
    clock.advance(timedelta(days=29, hours=12))
    reopened = await _swept(door)
    assert (reopened.outcome, reopened.waiver) == (raw.outcome, "")
    assert "ended on 2026-03-15 and no longer counts" in reopened.because


async def test_a_later_override_ends_the_earlier(door: Door) -> None:
    await _release(door)
    await send(door)
    assert (await _latest(door)).outcome is Outcome.WAIVED
    ended = await send(door, until="2026-01-31T12:00:00Z", decided="2026-01-31T12:00:01Z", reason="Repaired.")
    assert ended.status_code == 201, ended.text
    assert (await _latest(door)).outcome is not Outcome.WAIVED


async def test_two_overrides_of_other_scopes_stand_side_by_side(door: Door) -> None:
    await _release(door)
    await send(door, scope="gadget")
    assert (await _latest(door)).outcome is not Outcome.WAIVED
    await send(door, scope="widget@1.0.0")
    assert (await _latest(door)).outcome is Outcome.WAIVED
