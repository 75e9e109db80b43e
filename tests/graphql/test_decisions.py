"""Decisions are computed again when they are read: status, differences and card, batched, bounded, gone once erased."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from evidence_api.domain.decisions.reperforming import Difference, Reperformance, Status
from evidence_api.domain.evidence import Checked
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from evidence_api.graphql import context
from evidence_api.store import evidence, reads
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.check import Trust, check_evidence
from evidence_api.use_cases.decision_readings import DecisionKey, DecisionReadings
from tests.support import decided, statements
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import append_all
from tests.support.statements import Statement, statement_bytes

SIGNER = EnvelopeSigner.generate("ed25519", "ci")
TRUST = Trust(keys=(SIGNER.public_key,))
CARD = {
    "taskId": "pr-512/implement",
    "chosenArm": "small",
    "alternatives": ["large"],
    "predictedEval": 0.9,
    "predictedCostUSD": 0.2,
    "uncertainty": 0.1,
    "rationale": "small it is",
}
DECISION = """decision {
  kind method explanation decidedAt producer { id version }
  reperformance { status reason sentence disagreements differences { path claimed recomputed }
    checkedBy { evidenceId kind } }
  card { taskId chosenArm alternatives predictedEval predictedCostUSD uncertainty probability rationale fallback } }"""
RECORD = f"query ($id: ID!, $asOf: Int) {{ evidenceRecord(id: $id, asOf: $asOf) {{ kind erased {DECISION} }} }}"


def signed(document: Statement) -> Checked:
    return check_evidence(encode_envelope(SIGNER.sign(IN_TOTO, statement_bytes(document))), TRUST)


def router() -> Statement:
    """Two arms in two dimensions; the second has the higher upper bound (identity matrices: mu = b.x, sigma = |x|)."""
    arms = [
        {"id": "large", "priceUSD": 0.2, "A": [[1.0, 0.0], [0.0, 1.0]], "b": [0.9, 0.0]},
        {"id": "small", "priceUSD": 0.1, "A": [[1.0, 0.0], [0.0, 1.0]], "b": [0.5, 0.0]},
    ]
    inputs = {"alpha": 0.1, "x": [1.0, 0.0], "arms": arms, "safety": {"maxUSD": 0.5, "minEval": 0.3}}
    return decided.decision("router-decision", {"method": "linucb", "inputs": inputs, "card": CARD})


@pytest.fixture
async def made(appender: Appender, scope: TenantScope) -> Mapping[str, str]:
    """Evidence ids: leaves 0 to 5."""
    items = {
        "tests": signed(statements.test_result()),
        "drift": signed(decided.drift()),
        "bad": signed(decided.rollout(2900, action="promote", verdict="accept")),
        "good": signed(decided.rollout(3000, stage=0.5)),
        "router": signed(router()),
        "trust": signed(decided.trust()),
    }
    receipts = await append_all(appender, scope, *items.values())
    return {name: receipt.evidence_id for name, receipt in zip(items, receipts, strict=True)}


async def record(client: GraphQLClient, key: str, as_of: int | None = None) -> dict[str, Any]:
    found: dict[str, Any] = (await client.data(RECORD, id=key, asOf=as_of))["evidenceRecord"]
    return found


async def test_a_decision_is_computed_again_and_other_evidence_has_none(
    client: GraphQLClient, rival: GraphQLClient, made: Mapping[str, str]
) -> None:
    assert (await record(client, made["tests"]))["decision"] is None
    drift = (await record(client, made["drift"]))["decision"]
    assert drift == {
        "kind": "drift-watch",
        "method": None,
        "explanation": "prompt_tokens moved by PSI 0.053 over 3 bins: none",
        "decidedAt": "2026-01-31T12:00:00Z",
        "producer": {"id": "maestro", "version": "1.6.0"},
        "reperformance": {
            "status": "AGREES",
            "reason": "prompt_tokens moved by PSI 0.053 over 3 bins: none",
            "sentence": "Recomputed and agrees: prompt_tokens moved by PSI 0.053 over 3 bins: none.",
            "disagreements": 0,
            "differences": [],
            "checkedBy": None,
        },
        "card": None,
    }
    bad = (await record(client, made["bad"]))["decision"]
    assert (bad["method"], bad["reperformance"]["status"]) == ("wald", "DISAGREES")
    assert bad["reperformance"]["differences"] == [
        {"path": "action", "claimed": "promote", "recomputed": "rollback"},
        {"path": "verdict", "claimed": "accept", "recomputed": "reject"},
    ]
    assert bad["reperformance"]["disagreements"] == 2
    assert (await rival.data(RECORD, id=made["drift"]))["evidenceRecord"] is None


async def test_a_routers_card_is_shown_as_claimed_with_what_it_comes_to(
    client: GraphQLClient, made: Mapping[str, str]
) -> None:
    found = (await record(client, made["router"]))["decision"]
    assert found["method"] == "linucb"
    assert found["card"] == {**CARD, "probability": None, "fallback": None}
    differences = {one["path"]: one["recomputed"] for one in found["reperformance"]["differences"]}
    assert differences["card.chosenArm"] == "large"
    assert differences["card.alternatives"] == ["small"]


async def test_inputs_and_the_predicate_are_those_signed_and_bounded(
    client: GraphQLClient, made: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "query ($id: ID!) { evidenceRecord(id: $id) { decision { inputs predicate } } }"
    of_router = (await client.data(query, id=made["router"]))["evidenceRecord"]["decision"]
    assert of_router["inputs"]["alpha"] == 0.1
    assert of_router["predicate"]["card"] == CARD
    of_drift = (await client.data(query, id=made["drift"]))["evidenceRecord"]["decision"]
    assert of_drift["inputs"] == {"feature": "prompt_tokens", "expected": [10, 20, 30], "observed": [12, 25, 23]}
    monkeypatch.setattr(context, "MAX_BODY_BYTES", 100)
    assert "bodies_too_large" in {
        error["extensions"]["code"] for error in await client.errors(query, id=made["router"])
    }
    monkeypatch.setattr(context, "MAX_DECISION_BYTES", 100)
    assert await client.code(RECORD, id=made["router"]) == "decisions_too_large"


async def test_an_erased_decision_is_null_and_the_record_says_why(
    client: GraphQLClient, made: Mapping[str, str], database: Database, scope: TenantScope
) -> None:
    assert (await record(client, made["drift"]))["decision"] is not None  # kept now, and not told any more
    await erase(database, scope, made["drift"])
    assert await record(client, made["drift"]) == {"kind": "drift", "erased": True, "decision": None}


async def erase(database: Database, scope: TenantScope, evidence_id: str) -> None:
    async with database.tenant(scope) as connection:
        key = await connection.fetchval(
            "SELECT body_digest FROM evidence WHERE id = $1", reads.digest_bytes(evidence_id)
        )
        await connection.execute("UPDATE body SET content = NULL WHERE digest = $1", key)


async def test_of_deferred_kinds_the_servers_statement_counts_at_its_tree_size(
    client: GraphQLClient, made: Mapping[str, str], appender: Appender, database: Database, scope: TenantScope
) -> None:
    before = (await record(client, made["trust"]))["decision"]
    assert before["reperformance"]["status"] == "PENDING"
    assert before["reperformance"]["disagreements"] is None
    assert before["explanation"].startswith("impl@small met its contract")
    async with database.reading(scope) as connection:
        trust = await evidence.get(connection, scope, made["trust"])
    found = Reperformance(
        Status.DISAGREES,
        "the ledger stands elsewhere",
        (Difference("prior", {"a": 1, "b": 1}, {"a": 4, "b": 2}),),
        facts={"reperformance": "disagrees", "disagreements": 1, "differing": ("prior",)},
    )
    (told,) = await append_all(appender, scope, signed(decided.found_by_the_server(trust, found)))
    after = (await record(client, made["trust"]))["decision"]["reperformance"]
    assert (after["status"], after["disagreements"]) == ("DISAGREES", 1)
    assert after["differences"] == [{"path": "prior", "claimed": {"a": 1, "b": 1}, "recomputed": {"a": 4, "b": 2}}]
    assert after["checkedBy"] == {"evidenceId": told.evidence_id, "kind": "reperformance"}
    assert (await record(client, made["trust"], as_of=6))["decision"] == before
    assert await kinds(client, 'status: [DISAGREES], differing: "prior"') == ["trust"]
    assert await kinds(client, "status: [PENDING]") == []
    await erase(database, scope, told.evidence_id)
    assert (await record(client, made["trust"]))["decision"] == before
    assert await kinds(client, "status: [PENDING]") == ["trust"]
    assert await kinds(client, 'differing: "prior"') == []


async def kinds(client: GraphQLClient, arguments: str) -> Sequence[str]:
    query = f"{{ decisions(first: 20, {arguments}) {{ edges {{ node {{ kind }} }} }} }}"
    return [edge["node"]["kind"] for edge in (await client.data(query))["decisions"]["edges"]]


async def test_lists_are_narrowed_by_what_came_of_decisions(
    client: GraphQLClient, rival: GraphQLClient, made: Mapping[str, str]
) -> None:
    assert len(made) == 6
    assert await kinds(client, "kind: null") == ["drift", "rollout", "rollout", "router", "trust"]
    assert await kinds(client, 'kind: ["rollout", "drift"], status: [AGREES]') == ["drift", "rollout"]
    assert await kinds(client, "status: [DISAGREES]") == ["rollout", "router"]
    assert await kinds(client, "status: [PENDING, AGREES]") == ["drift", "rollout", "trust"]
    assert await kinds(client, 'differing: "verdict"') == ["rollout"]
    assert await kinds(client, 'differing: "nothing"') == []
    assert await kinds(rival, "kind: null") == []
    query = "query ($filter: EvidenceFilter) { evidence(first: 9, filter: $filter) { edges { node { leafIndex } } } }"
    found = await client.data(query, filter={"reperformance": ["DISAGREES"], "differing": "card.chosenArm"})
    assert [edge["node"]["leafIndex"] for edge in found["evidence"]["edges"]] == [4]
    assert await client.code('{ decisions(first: 1, kind: ["sbom"]) { edges { cursor } } }') == "unknown_kind"
    assert await client.code("{ decisions(first: 101) { edges { cursor } } }") == "page_size"


async def test_pages_go_on_where_they_ended_with_the_same_filter_alone(
    client: GraphQLClient, made: Mapping[str, str]
) -> None:
    assert len(made) == 6
    query = """query ($after: String, $status: [ReperformanceStatus!]) {
      decisions(first: 1, after: $after, status: $status) {
        edges { node { leafIndex } } pageInfo { hasNextPage endCursor } } }"""
    seen, after = [], None
    while True:
        page = (await client.data(query, after=after, status=["DISAGREES"]))["decisions"]
        seen += [edge["node"]["leafIndex"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [2, 4]
    assert await client.code(query, after=after, status=["AGREES"]) == "cursor_of_another_list"


async def test_a_page_is_computed_with_one_statement_and_then_kept(
    client: GraphQLClient, made: Mapping[str, str], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    reading = database.reading

    @asynccontextmanager
    async def counted(scope: TenantScope) -> AsyncIterator[Connection]:
        async with reading(scope) as connection:
            with connection.query_logger(lambda record: seen.append(record.query)):
                yield connection

    monkeypatch.setattr(database, "reading", counted)
    query = f"{{ evidence(first: 20) {{ edges {{ node {{ kind {DECISION} }} }} }} }}"
    first = await client.data(query)
    assert len([one for one in seen if "FROM body " in one and "content IS NOT NULL" in one]) == 1
    assert len([one for one in seen if "FROM evidence" in one]) == 2  # the page, and what the server says of the last
    seen.clear()
    assert await client.data(query) == first
    assert not [one for one in seen if "content IS NOT NULL" in one]
    assert len(made) == 6


async def test_rollouts_are_listed_with_what_the_server_computed(
    client: GraphQLClient, rival: GraphQLClient, made: Mapping[str, str]
) -> None:
    query = """{ rollouts(first: 5) { edges { node { rollout stage design trials logLikelihoodRatio verdict breached
      action agrees decidedAt evidence { evidenceId subjects { digests } } } } } }"""
    bad, good = (edge["node"] for edge in (await client.data(query))["rollouts"]["edges"])
    assert (bad["verdict"], bad["action"], bad["agrees"], bad["stage"]) == ("reject", "rollback", False, 0.1)
    assert (good["verdict"], good["action"], good["agrees"], good["trials"]) == ("accept", "promote", True, 3005)
    assert bad["logLikelihoodRatio"] == pytest.approx(-58.17, abs=0.01)
    assert good["evidence"] == {"evidenceId": made["good"], "subjects": [{"digests": [statements.ARTIFACT]}]}
    assert (await rival.data(query))["rollouts"]["edges"] == []
    assert (await client.data('{ rollouts(last: 5, rollout: "x") { edges { cursor } } }'))["rollouts"]["edges"] == []


async def test_what_is_kept_is_bounded_by_entries_and_by_bytes() -> None:
    bodies = {f"b{number}": signed(decided.drift(f"f{number}")).body for number in range(6)}
    keys = [DecisionKey(f"e{number}", f"b{number}", 1_000_000) for number in range(6)]
    kept = DecisionReadings(entries=4)
    assert len(await kept.read(keys, bodies)) == 6
    assert set(kept.known(keys)) == {"e2", "e3", "e4", "e5"}
    small = DecisionReadings(size=2_100_000)
    await small.read(keys, bodies)
    assert set(small.known(keys)) == {"e4", "e5"}
    broken = {**bodies, "b0": b"{}", "b1": signed(statements.test_result()).body}
    assert set(await DecisionReadings().read(keys, broken)) == {"e2", "e3", "e4", "e5"}
