"""Decisions of which only the server can tell: ledgers kept, rules asked, artifacts awaited, results as evidence."""

from collections.abc import Mapping
from typing import Any

import pytest

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import EngineTimeout, StoreUnavailable
from evidence_api.domain.evidence import Evidence
from evidence_api.domain.trust_state import TrustState
from evidence_api.domain.verification import KeySigner, Verified
from evidence_api.formats.stored import stored_statement
from evidence_api.store import evidence, reperformances, trust, trust_ledger
from evidence_api.use_cases.decide import Gate
from evidence_api.use_cases.own_evidence import KEY_NAME
from evidence_api.use_cases.reperform import Reperforming
from evidence_api.use_cases.reperformance_record import ReperformanceRecord
from tests.support import decisions, statements
from tests.support.checked import SteppingClock
from tests.web.conftest import Door


async def upload(door: Door, *made: statements.Statement) -> list[str]:
    """Upload statements; their evidence ids."""
    answers = [await door.upload(one) for one in made]
    assert [one.status_code for one in answers] == [201] * len(answers), answers[-1].text
    return [one.json()["evidenceId"] for one in answers]


async def found(door: Door, decision: str) -> tuple[Evidence, Mapping[str, Any]]:
    """What stands of a decision, and its predicate."""
    async with door.application.database.reading(door.scope) as connection:
        one = (await reperformances.standing(connection, door.scope, [decision]))[decision]
        body = await evidence.body(connection, door.scope, one.body_digest)
    return one, stored_statement(body).predicate


async def leaves(door: Door) -> int:
    async with door.application.database.reading(door.scope) as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM evidence WHERE kind = 'reperformance'")
    return count


async def ledger(door: Door) -> TrustState:
    async with door.application.database.reading(door.scope) as connection:
        (state,) = await trust_ledger.ledgers(connection, door.scope, limit=10)
    return state


async def test_an_update_that_goes_on_where_the_ledger_stands_agrees(door: Door) -> None:
    first, second = await upload(door, decisions.trust_update((1, 1)), decisions.trust_update((2, 1), success=False))
    assert await door.application.following.sweep() == 2
    one, predicate = await found(door, second)
    assert isinstance(one.verification, Verified)
    assert isinstance(one.verification.signer, KeySigner)
    assert one.verification.signer.name == KEY_NAME
    assert (predicate["status"], predicate["differences"], predicate["of"]) == ("AGREES", [], second)
    context = '{"riskBand":"low"}'
    assert predicate["grounds"] == {
        "ledger": {"arm": "impl@small", "context": context, "prior": {"a": 2, "b": 1}, "posterior": {"a": 2, "b": 2}}
    }
    assert one.subjects == (await found(door, first))[0].subjects
    expected = {"of": second, "kind": "trust", "reperformance": "agrees", "disagreements": 0, "continuous": True}
    assert {path: one.facts.get(path) for path in expected} == expected
    assert one.facts["decision.arm"] == "impl@small"
    state = await ledger(door)
    assert (state.a, state.b, state.updates, state.discontinuities) == (2, 2, 2, 0)


async def test_a_prior_that_is_not_the_ledgers_is_a_difference_and_moves_nothing(door: Door) -> None:
    _, wrong, right = await upload(
        door,
        decisions.trust_update((1, 1)),
        decisions.trust_update((7, 1)),
        decisions.trust_update((2, 1), mean=0.9),
    )
    await door.application.following.sweep()
    one, predicate = await found(door, wrong)
    assert predicate["differences"] == [
        {"path": "prior", "claimed": {"a": 7, "b": 1}, "recomputed": {"a": 2, "b": 1}},
    ]
    assert (one.facts["continuous"], one.facts["disagreements"], one.facts["differing"]) == (False, 1, ("prior",))
    one, predicate = await found(door, right)  # its mean is wrong; the ledger moves to what it comes to
    assert [difference["path"] for difference in predicate["differences"]] == ["mean"]
    assert one.facts["continuous"] is True
    state = await ledger(door)
    assert (state.a, state.b, state.updates, state.discontinuities) == (3, 1, 2, 1)


async def test_doing_it_again_appends_nothing_and_moves_nothing(door: Door) -> None:
    """As after a crash between the append and the noting of it."""
    ids = await upload(door, decisions.trust_update((1, 1)), decisions.placement())
    await door.application.following.sweep()
    before = [(await found(door, one))[0].id for one in ids], await ledger(door), await leaves(door)
    async with door.application.database.tenant(door.scope) as connection:
        await connection.execute("UPDATE log_follower SET next_leaf = 0")
    assert await door.application.following.sweep() == 2
    assert ([(await found(door, one))[0].id for one in ids], await ledger(door), await leaves(door)) == before


async def test_followers_that_begin_anew_make_the_tables_again(door: Door) -> None:
    """What was found stands in the log, and is found again; ledgers, and who waits for an artifact, come from it."""
    ids = await upload(
        door,
        decisions.trust_update((1, 1)),
        decisions.trust_update((9, 9)),
        decisions.ope_report("sha256:" + "0" * 64, decisions.episodes()[1], deploy=True),
    )
    await door.application.following.sweep()
    before = [(await found(door, one))[0].id for one in ids], await ledger(door), await leaves(door)
    async with door.application.database.operator(door.scope) as connection:
        for table in ("trust_step", "trust_ledger", "waiting_decision", "log_follower"):
            await connection.execute(f"DELETE FROM {table}")  # noqa: S608  these
    door.application.following._followers[0]._begun.clear()  # as another process
    await door.application.following.sweep()
    assert ([(await found(door, one))[0].id for one in ids], await ledger(door), await leaves(door)) == before
    async with door.application.database.reading(door.scope) as connection:
        assert await connection.fetchval("SELECT count(*) FROM waiting_decision") == 1


async def test_a_crash_between_the_ledger_and_the_append_finds_the_same_step(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await upload(door, decisions.trust_update((1, 1)), decisions.trust_update((2, 1)))

    async def crash(*_: object) -> bool:
        raise StoreUnavailable("the process dies here")

    with monkeypatch.context() as dying:
        dying.setattr(ReperformanceRecord, "append", crash)
        assert await door.application.following.sweep() == 0
    assert (await ledger(door)).updates == 2
    assert await leaves(door) == 0
    assert await door.application.following.sweep() == 2
    assert [(await found(door, one))[0].facts["continuous"] for one in ids] == [True, True]
    assert (await ledger(door)).updates == 2


async def test_a_placement_is_held_against_the_rule_of_the_server(door: Door) -> None:
    right, wrong, nowhere = await upload(
        door,
        decisions.placement(),
        decisions.placement("us-east-1"),
        decisions.placement(None, reason=None, country="FR"),
    )
    await door.application.following.sweep()
    one, predicate = await found(door, right)
    assert predicate["status"] == "AGREES"
    assert predicate["grounds"] == {"policyBundle": door.application.policy.digest}
    assert one.facts["decision.chosen"] == "eu-west-1"
    _, predicate = await found(door, wrong)
    assert [difference["path"] for difference in predicate["differences"]] == ["chosen", "score"]
    assert (await found(door, nowhere))[1]["status"] == "DISAGREES"


async def test_a_rule_without_an_answer_holds_up_nobody_for_ever(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    placed, trusted = await upload(door, decisions.placement(), decisions.trust_update((1, 1)))

    answers = Gate._ask

    async def residency_fails(gate: Gate, question: tuple[str, bytes]) -> Any:  # noqa: ANN401  a decision
        if question[0] == "residency":
            raise EngineTimeout("the policy ran too long")
        return await answers(gate, question)

    with monkeypatch.context() as broken:
        broken.setattr(Gate, "_ask", residency_fails)
        assert [await door.application.following.sweep() for _ in range(5)] == [0, 0, 0, 0, 2]
    assert (await found(door, placed))[0].facts["reperformance"] == "not_reperformable"
    assert "disagreements" not in (await found(door, placed))[0].facts
    assert (await found(door, trusted))[0].facts["reperformance"] == "agrees"


async def test_what_needs_an_artifact_waits_for_it_and_is_done_again(door: Door) -> None:
    body, estimates = decisions.episodes()
    digest = digest_of(body)
    (report,) = await upload(door, decisions.ope_report(digest, estimates, deploy=True))
    await door.application.following.sweep()
    assert await door.application.waiting_decisions.sweep() == 0
    first, predicate = await found(door, report)
    assert (predicate["status"], predicate["grounds"]) == ("NOT_REPERFORMABLE", {"artifact": digest})
    assert digest in predicate["reason"]
    put = await door.http.put(f"/v1/artifacts/{digest}", content=body)
    assert put.status_code == 201, put.text
    assert await door.application.waiting_decisions.sweep() == 1
    second, predicate = await found(door, report)
    assert (predicate["status"], predicate["supersedes"]) == ("AGREES", first.id)
    assert second.facts["decision.eval_snips"] == 0.75
    assert await door.application.waiting_decisions.sweep() == 0


async def test_an_artifact_that_is_here_already_is_not_awaited(door: Door) -> None:
    body, estimates = decisions.episodes()
    other = b'{"name": "no episode"}\n'
    for one in (body, other):
        await door.http.put(f"/v1/artifacts/{digest_of(one)}", content=one)
    wrong = {**estimates, "effectiveSampleSize": 5.0}
    report, senseless = await upload(
        door,
        decisions.ope_report(digest_of(body), wrong, deploy=True),
        decisions.ope_report(digest_of(other), estimates, deploy=True),
    )
    assert await door.application.waiting_decisions.sweep() == 0  # nobody takes it before the follower is past it
    await door.application.following.sweep()
    assert await leaves(door) == 0
    assert await door.application.waiting_decisions.sweep() == 2
    _, predicate = await found(door, report)
    assert [difference["path"] for difference in predicate["differences"]] == ["estimates.effectiveSampleSize"]
    assert "supersedes" not in predicate
    assert (await found(door, senseless))[1]["status"] == "NOT_REPERFORMABLE"  # it holds something else


async def test_a_reader_without_an_answer_is_asked_again_and_then_no_more(
    door: Door, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, estimates = decisions.episodes()
    await door.http.put(f"/v1/artifacts/{digest_of(body)}", content=body)
    (report,) = await upload(door, decisions.ope_report(digest_of(body), estimates, deploy=True))
    await door.application.following.sweep()

    async def silent(*_: object) -> None:
        raise EngineTimeout("reading took too long")

    waiting = door.application.waiting_decisions
    with monkeypatch.context() as broken:
        broken.setattr(waiting, "_artifacts", silent)
        for done in (0, 0, 0, 0, 1):
            assert await waiting.sweep() == done
            assert await waiting.sweep() == 0  # it is not free before its lease has run out
            clock.advance(reperformances.LEASE)
    one, predicate = await found(door, report)
    assert (one.facts["reperformance"], one.facts.get("disagreements")) == ("not_reperformable", None)
    assert digest_of(body) in predicate["reason"]


async def test_a_fault_over_one_decision_keeps_no_other_waiting(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    placed, trusted = await upload(door, decisions.placement(), decisions.trust_update((1, 1)))
    of = Reperforming.of

    async def broken(each: Reperforming, predicate_type: str, predicate: Mapping[str, Any]) -> Any:  # noqa: ANN401  as it
        if "placement" in predicate_type:
            raise ZeroDivisionError
        return await of(each, predicate_type, predicate)

    monkeypatch.setattr(Reperforming, "of", broken)
    assert await door.application.following.sweep() == 2
    assert (await found(door, trusted))[0].facts["reperformance"] == "agrees"
    with pytest.raises(KeyError):
        await found(door, placed)


async def test_a_crash_after_the_append_finds_what_stands(door: Door) -> None:
    body, estimates = decisions.episodes()
    (report,) = await upload(door, decisions.ope_report(digest_of(body), estimates, deploy=True))
    await door.application.following.sweep()
    await door.http.put(f"/v1/artifacts/{digest_of(body)}", content=body)
    await door.application.waiting_decisions.sweep()
    one, _ = await found(door, report)
    async with door.application.database.tenant(door.scope) as connection:
        decision = await evidence.get(connection, door.scope, report)
        await reperformances.enlist(connection, door.scope, decision.leaf_index, digest_of(body))
    assert await door.application.waiting_decisions.sweep() == 1
    assert (await found(door, report))[0].id == one.id
    assert await leaves(door) == 2


async def test_what_tells_everything_by_itself_and_what_nobody_signed_is_not_looked_at(door: Door) -> None:
    payload = statements.statement_bytes(decisions.trust_update((1, 1)))
    media = {"content-type": "application/vnd.in-toto+json"}
    assert (await door.http.post("/v1/evidence", content=payload, headers=media)).status_code == 201
    assert await door.application.following.sweep() == 1  # read, and passed over
    assert await leaves(door) == 0
    made = decisions.ope_report("sha256:" + "0" * 64, decisions.episodes()[1], deploy=True)
    del made["predicate"]["episodesArtifact"]
    made["predicate"]["episodes"] = [{"eval": 0.75, "costUSD": 0.25, "pBehavior": 0.5, "pTarget": 0.5}] * 4
    (report,) = await upload(door, made)
    assert await door.application.following.sweep() == 1
    assert await leaves(door) == 0
    async with door.application.database.reading(door.scope) as connection:
        assert (await evidence.get(connection, door.scope, report)).facts["reperformance"] == "agrees"


async def test_what_the_server_finds_is_taken_from_nobody_else(door: Door) -> None:
    (update,) = await upload(door, decisions.trust_update((5, 1)))
    await door.application.following.sweep()
    _, predicate = await found(door, update)
    forged = {**predicate, "status": "AGREES", "differences": [], "facts": {"reperformance": "agrees"}}
    answer = await door.upload(statements.statement("urn:evidence-api:reperformance:v1", statements.ARTIFACT, forged))
    assert (answer.status_code, answer.json()["code"]) == (422, "inadmissible")
    assert "admission.derived_by_another" in answer.text


async def test_a_tenant_that_revokes_the_key_keeps_its_ledger_and_gets_no_statement(
    door: Door, clock: SteppingClock
) -> None:
    await upload(door, decisions.trust_update((1, 1)))
    await door.application.following.sweep()
    own = door.application.deriver._own
    async with door.application.database.tenant(door.scope) as connection:
        await trust.revoke_key(connection, door.scope, own.public_key.key_id, clock.now())
    own._trusted.forget(door.scope)
    await upload(door, decisions.trust_update((2, 1)))
    assert await door.application.following.sweep() == 1
    assert await leaves(door) == 1
    assert (await ledger(door)).updates == 2
