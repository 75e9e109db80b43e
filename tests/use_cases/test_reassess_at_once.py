"""Several things arriving for one release at once: whatever the order they are assessed in, no verdict is lost."""

import asyncio
from datetime import timedelta

import pytest

from evidence_api.domain.evidence import Release
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.replay import Factor
from evidence_api.store import due
from evidence_api.use_cases.derive import Deriver
from evidence_api.use_cases.replay import Question, Replayer
from evidence_api.use_cases.replay_trials import Rules
from tests.support import statements
from tests.support.checked import SteppingClock
from tests.web.conftest import Door


async def differing(door: Door) -> list[tuple[str, str, str]]:
    """Where the newest recorded verdicts are others than those their own inputs give: (control, recorded, given)."""
    application = door.application
    now = application.clock.now()
    rules = Rules(application.catalog, application.policy)
    question = Question(rules, now - timedelta(days=1), now, frozenset({Factor.TIME}))
    found = [flips async for flips in Replayer(application.database, application.rego).run(door.scope, question)]
    assert found
    return [(flip.control, flip.before, flip.after) for flips in found for flip in flips]


async def test_what_arrives_while_a_release_is_assessed_waits_for_it(door: Door) -> None:
    reassessor = door.application.reassessor
    await door.upload(statements.release())
    await reassessor.sweep()
    await door.upload(statements.vulns())
    first = await reassessor._claim(door.scope)
    assert first is not None
    await door.upload(statements.policy_decision(statements.ARTIFACT))
    assert await reassessor._claim(door.scope) is None  # the release is taken, whatever arrived for it since
    await reassessor._settle(door.scope, first)
    second = await reassessor._claim(door.scope)
    assert second is not None
    assert second.kinds == ("opa",)
    await reassessor._settle(door.scope, second)
    assert await differing(door) == []


async def test_an_assessment_that_was_overtaken_is_made_again(door: Door) -> None:
    reassessor = door.application.reassessor
    await door.upload(statements.release())
    await reassessor.sweep()
    await door.upload(statements.vulns())
    first = await reassessor._claim(door.scope)
    assert first is not None
    await door.upload(statements.policy_decision(statements.ARTIFACT))
    await asyncio.gather(
        reassessor._settle(door.scope, first), *(reassessor.assess_now(door.scope, "widget") for _ in range(3))
    )
    await reassessor.sweep()
    assert await differing(door) == []


async def test_many_things_at_once(door: Door, clock: SteppingClock) -> None:
    everything = [
        statements.provenance(),
        statements.sbom(),
        statements.vulns(),
        statements.test_result(statements.ARTIFACT),
        statements.github_checks(statements.ARTIFACT),
        *(statements.policy_decision(statements.ARTIFACT, rule=f"data.rule{number}") for number in range(8)),
    ]
    reassessor = door.application.reassessor
    await reassessor._assessing.warm_up()
    running = asyncio.create_task(reassessor.run(0.01))
    await door.upload(statements.release())
    for statement in everything:
        assert (await door.upload(statement)).status_code == 201
        reassessor.wake(door.scope)
    running.cancel()
    clock.advance(due.LEASE + timedelta(seconds=1))  # what was under way is free to be taken
    await reassessor.sweep()
    assert await differing(door) == []


async def test_an_assessment_is_of_all_evidence_in_its_tree(door: Door) -> None:
    reassessor = door.application.reassessor
    await door.upload(statements.release())
    await reassessor.sweep()
    await door.upload(statements.vulns())
    first = await reassessor._claim(door.scope)
    assert first is not None
    await door.upload(statements.github_checks(statements.ARTIFACT))
    await reassessor._settle(door.scope, first)  # nobody has settled the checks, yet they are in its tree
    assert await differing(door) == []


@pytest.mark.parametrize("at_once", [True, False])
async def test_what_arrives_during_a_derivation_stays_due(
    door: Door, monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    reassessor = door.application.reassessor
    derive = Deriver.derive

    async def interrupted(self: Deriver, scope: TenantScope, release: Release) -> int:
        new = await derive(self, scope, release)
        await door.upload(statements.sbom(criticals=2))
        return new

    await door.upload(statements.release())
    await reassessor.sweep()
    await door.upload(statements.sbom(criticals=0))
    owed = await reassessor._claim(door.scope)
    assert owed is not None
    with monkeypatch.context() as patched:
        patched.setattr(Deriver, "derive", interrupted)
        await reassessor._settle(door.scope, owed, at_once=at_once)
    left = await reassessor._claim(door.scope)
    assert left is not None
    assert "sbom" in left.kinds
    await reassessor._settle(door.scope, left, at_once=at_once)
    assert await differing(door) == []
