"""From an agent's update of trust to a verdict: uploaded, reperformed, assessed, packed, and verified by an auditor."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from evidence_api.bootstrap import Application, asgi_application
from evidence_api.domain.assessment import Outcome
from evidence_api.domain.decisions.trust_update import Beta
from evidence_api.domain.digest import digest_of
from evidence_api.domain.trust_state import TrustState, step
from evidence_api.formats.stored import stored_statement
from evidence_api.store import evidence, reperformances, trust_ledger
from evidence_api.use_cases.verify_pack import verify_pack
from tests.support import decisions, statements
from tests.support.place import Place, newest, outcomes_of
from tests.web.conftest import Door, door_of

CONTROLS = """\
id: A-TRUST
query: [{kind: trust, where: "disagreements==0 && continuous==true"}]
---
id: A-PLACE
query: [{kind: placement, where: "disagreements==0 && chosen==eu-west-1"}]
---
id: A-OPE
query: [{kind: ope, where: "disagreements==0 && deploy==true"}]
"""
MISSING = {"A-TRUST": Outcome.MISSING, "A-PLACE": Outcome.MISSING, "A-OPE": Outcome.MISSING}


@pytest.fixture
async def application(place: Place) -> AsyncIterator[Application]:
    async with place.application(catalog=place.catalog({"a.yaml": CONTROLS})) as opened:
        yield opened


async def outcomes(door: Door) -> dict[str, Outcome]:
    await door.application.reassessor.sweep()
    return outcomes_of(await newest(door.application, door.scope))


async def check_pack(door: Door) -> None:
    """An auditor derives the same from a pack, offline."""
    built = await door.http.post("/v1/packs", json={"release": "widget"})
    assert built.status_code == 201, built.text
    content = (await door.http.get(built.json()["json"])).content
    report = await verify_pack(content, rego=door.application.rego)
    assert report.ok, report


async def test_a_decision_becomes_a_verdict_when_the_server_has_reperformed_it(door: Door) -> None:
    body, estimates = decisions.episodes()
    digest = digest_of(body)
    report = decisions.ope_report(digest, estimates, deploy=True)
    for one in (statements.release(), decisions.trust_update((1, 1)), decisions.placement(), report):
        answer = await door.upload(one)
        assert answer.status_code == 201, answer.text
    assert await outcomes(door) == MISSING
    assert await door.application.following.sweep() == 3
    assert await outcomes(door) == {**MISSING, "A-TRUST": Outcome.PASS, "A-PLACE": Outcome.PASS}
    await door.http.put(f"/v1/artifacts/{digest}", content=body)
    assert await door.application.waiting_decisions.sweep() == 1
    assert await outcomes(door) == dict.fromkeys(MISSING, Outcome.PASS)

    for one in (decisions.trust_update((1, 1), success=False), decisions.placement("us-east-1")):
        await door.upload(one)
    assert (await outcomes(door))["A-TRUST"] is Outcome.MISSING  # it supersedes, and nobody has looked at it yet
    await door.application.following.sweep()
    expected = {"A-TRUST": Outcome.FAIL, "A-PLACE": Outcome.FAIL, "A-OPE": Outcome.PASS}
    assert await outcomes(door) == expected
    await check_pack(door)

    async with door.application.database.operator(door.scope) as connection:  # what was found is erased: no better
        found = "SELECT body_digest FROM evidence WHERE kind = 'reperformance'"
        await connection.execute(f"UPDATE body SET content = NULL WHERE digest IN ({found})")  # noqa: S608  constants
        await connection.execute("INSERT INTO due SELECT tenant_id, id, '*', 0 FROM release")
    assert await outcomes(door) == MISSING


async def test_two_servers_on_one_database_never_fork_a_ledger(place: Place) -> None:
    """Forty updates of one arm sent at once to two servers, most of them from the same few priors."""
    async with place.application() as one, place.application() as other:
        door = await door_of(one, "acme")
        made = [
            decisions.trust_update((1 + number % 4, 1 + number % 3), success=number % 5 > 0) for number in range(40)
        ]
        bodies = [door.envelope(statement) for statement in made]
        transport = httpx.ASGITransport(asgi_application(other), raise_app_exceptions=False)
        second = httpx.AsyncClient(transport=transport, base_url="http://other.test", headers=door.http.headers)
        running = [asyncio.create_task(each.following.run(0.01)) for each in (one, other)]
        answers = await asyncio.gather(
            *((door.http, second)[number % 2].post("/v1/evidence", content=body) for number, body in enumerate(bodies))
        )
        assert {answer.status_code for answer in answers} == {201}
        await asyncio.gather(one.following.sweep(), other.following.sweep())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await one.following.sweep()
        await _check_fold(door)
        await asyncio.gather(door.http.aclose(), second.aclose())


async def _check_fold(door: Door) -> None:
    """The ledger is the fold of the log, one statement was made of each update, and each says its own step."""
    async with door.application.database.reading(door.scope) as connection:
        ids = await connection.fetch("SELECT id FROM evidence WHERE kind = 'trust' ORDER BY leaf_index")
        (kept,) = await trust_ledger.ledgers(connection, door.scope, limit=5)
        found = await reperformances.standing(connection, door.scope, [f"sha256:{row['id'].hex()}" for row in ids])
        assert len(ids) == len(found) == 40
        assert await connection.fetchval("SELECT count(*) FROM evidence WHERE kind = 'reperformance'") == 40
        state = TrustState(kept.arm, kept.context)
        for row in ids:
            told = found[f"sha256:{row['id'].hex()}"]
            update = await evidence.get(connection, door.scope, f"sha256:{row['id'].hex()}")
            body = await evidence.body(connection, door.scope, update.body_digest)
            before = state.beta
            state, made = step(state, decisions.read_trust(stored_statement(body).predicate))
            assert told.facts["continuous"] is made.continuous
            assert (made.claimed == before) is made.continuous
    assert kept == state
    assert (kept.updates + kept.discontinuities, kept.updates > 0, kept.beta != Beta(1, 1)) == (40, True, True)
