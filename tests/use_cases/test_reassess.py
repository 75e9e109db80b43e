import asyncio
from datetime import timedelta

import pytest

from evidence_api.domain.assessment import Outcome
from evidence_api.domain.evidence import Release
from evidence_api.domain.principal import TenantScope
from evidence_api.store import due
from evidence_api.use_cases import lease
from evidence_api.use_cases.derive import Deriver
from tests.support import statements
from tests.support.checked import SteppingClock
from tests.support.place import newest, outcomes_of
from tests.web.conftest import Door


async def outcomes(door: Door) -> dict[str, Outcome]:
    return outcomes_of(await newest(door.application, door.scope))


async def test_what_an_append_made_due_is_assessed_once(door: Door) -> None:
    await door.upload(statements.release())
    assert await door.application.reassessor.sweep() == 1
    assert await door.application.reassessor.sweep() == 0
    found = await outcomes(door)
    assert set(found) == {control.id for control in door.application.catalog.controls}
    assert found["IG-SC-5"] is Outcome.MISSING


async def test_later_evidence_moves_only_what_reads_it(door: Door) -> None:
    for statement in (statements.release(), statements.provenance(), statements.sbom(criticals=0)):
        await door.upload(statement)
    await door.application.reassessor.sweep()
    before = await outcomes(door)
    await door.upload(statements.github_checks())
    assert await door.application.reassessor.sweep() == 1
    after = await outcomes(door)
    changed = {control for control in after if after[control] is not before[control]}
    reading = {c.id for c in door.application.catalog.controls if c.kinds() & {"github_checks", "attest"}}
    assert changed
    assert changed <= reading


async def test_evidence_of_the_commit_counts_for_the_artifact_built_from_it(door: Door) -> None:
    await door.upload(statements.release())
    await door.upload(statements.github_checks(statements.COMMIT))
    await door.application.reassessor.sweep()
    assert (await outcomes(door))["IG-CHG-1"] is Outcome.MISSING
    await door.upload(statements.provenance(statements.ARTIFACT, statements.COMMIT))
    await door.application.reassessor.sweep()
    assert (await outcomes(door))["IG-CHG-1"] is Outcome.PASS


async def test_due_that_was_claimed_by_a_process_that_died_is_done_after_the_lease(
    door: Door, clock: SteppingClock
) -> None:
    await door.upload(statements.release())
    reassessor = door.application.reassessor
    assert await reassessor._claim(door.scope) is not None
    assert await reassessor.sweep() == 0
    clock.advance(due.LEASE + timedelta(seconds=1))
    assert await reassessor.sweep() == 1


async def test_a_release_that_takes_longer_than_a_lease_is_begun_once(
    door: Door, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, derive = asyncio.Event(), Deriver.derive

    async def slow(self: Deriver, scope: TenantScope, release: Release) -> int:
        begun.set()
        for _ in range(4):
            clock.advance(due.LEASE / 2)
            await asyncio.sleep(0.2)
        return await derive(self, scope, release)

    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.02)
    monkeypatch.setattr(Deriver, "derive", slow)
    await door.upload(statements.release())
    reassessor = door.application.reassessor
    working = asyncio.create_task(reassessor.sweep())
    await begun.wait()
    while not working.done():
        assert await reassessor._claim(door.scope) is None or working.done()
        await asyncio.sleep(0.1)
    assert await working == 1
