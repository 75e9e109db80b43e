"""A decision whose artifact is not here, or is being read, says so: how far it is, as it is now."""

from typing import Any

import pytest

from evidence_api.domain.digest import digest_of
from evidence_api.store.reading_progress import progressed
from tests.support import decisions
from tests.web.conftest import Door, application, door

__all__ = ["application", "door"]

WAITS = """query ($id: ID!) { evidenceRecord(id: $id) { decision {
  kind waitsFor { digest begun rows share } reperformance { status reason } } } }"""


async def decision(door: Door, evidence_id: str) -> dict[str, Any]:
    answer = await door.http.post("/graphql", json={"query": WAITS, "variables": {"id": evidence_id}})
    assert "errors" not in answer.json(), answer.text
    found: dict[str, Any] = answer.json()["data"]["evidenceRecord"]["decision"]
    return found


async def test_how_far_an_artifact_is_read_is_seen_until_it_is_computed(door: Door) -> None:
    body, estimates = decisions.episodes()
    digest = digest_of(body)
    uploaded = await door.upload(decisions.ope_report(digest, estimates, deploy=True))
    report = uploaded.json()["evidenceId"]
    assert (await decision(door, report))["reperformance"]["status"] == "PENDING"
    await door.application.following.sweep()
    waiting = await decision(door, report)
    assert waiting["reperformance"]["status"] == "NOT_REPERFORMABLE"
    assert waiting["waitsFor"] == {"digest": digest, "begun": False, "rows": 0, "share": 0.0}
    async with door.application.database.tenant(door.scope) as connection:
        await progressed(connection, door.scope, digest, 3, 0.75)
    assert (await decision(door, report))["waitsFor"] == {"digest": digest, "begun": False, "rows": 3, "share": 0.75}
    await door.http.put(f"/v1/artifacts/{digest}", content=body)
    assert await door.application.waiting_decisions.sweep() == 1
    computed = await decision(door, report)
    assert (computed["waitsFor"], computed["reperformance"]["status"]) == (None, "AGREES")


@pytest.mark.parametrize("made", [decisions.trust_update((1, 1)), decisions.placement()])
async def test_other_decisions_wait_for_no_artifact(door: Door, made: dict[str, Any]) -> None:
    uploaded = await door.upload(made)
    await door.application.following.sweep()
    assert (await decision(door, uploaded.json()["evidenceId"]))["waitsFor"] is None
