"""`asOf` pins a reading: the same query at the same size answers the same bytes, whatever arrives later."""

from datetime import timedelta

import pytest

from evidence_api.domain.principal import TenantScope
from evidence_api.store import assessments
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from tests.support.checked import checked, release
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import SIGNED_AT, Seeded, append_all, example_assessment

QUERY = """query ($size: Int) {
  evidence(first: 50, filter: {status: []}, asOf: $size) { edges { cursor node { id received facts
    verification { status } body { digest content } proof { treeSize rootHash hashes } } } }
  releases(first: 5, asOf: $size) { edges { node { name version
    evidence(first: 20) { edges { node { id } } }
    assessment { id treeSize evaluatedAt findings(first: 5) { edges { node { outcome
      evidence(first: 5) { edges { node { id } } } } } } }
    assessments(first: 5) { edges { node { id } } } } } }
  release(name: "app", asOf: $size) { version }
}"""


async def test_the_same_size_answers_the_same_bytes(
    client: GraphQLClient, seeded: Seeded, database: Database, appender: Appender, scope: TenantScope
) -> None:
    before = {size: (await client.post(QUERY, {"size": size})).content for size in (0, 1, 3, 5, 7)}
    await append_all(appender, scope, checked("later"), release("app", "artifact", version="3.0"))
    later = example_assessment(seeded.catalog, seeded.receipts, at=SIGNED_AT + timedelta(days=1))
    newest = example_assessment(seeded.catalog, seeded.receipts, tree_size=9, at=SIGNED_AT + timedelta(days=2))
    async with database.tenant(scope) as connection:
        await assessments.save(connection, scope, newest)
    for size, content in before.items():
        assert (await client.post(QUERY, {"size": size})).content == content
    # Made again at five leaves on another day: the one in force changes, the first made at that size does not.
    async with database.tenant(scope) as connection:
        again = await assessments.save(connection, scope, later)
    pinned = await client.data('{release(name: "app", version: "1.0", asOf: 5) {assessment {evaluatedAt}}}')
    assert pinned == {"release": {"assessment": {"evaluatedAt": "2026-01-30T09:30:00Z"}}}
    unpinned = await client.data('{release(name: "app", version: "1.0") {assessment {evaluatedAt treeSize}}}')
    assert unpinned == {"release": {"assessment": {"evaluatedAt": "2026-02-01T09:30:00Z", "treeSize": 9}}}
    assert again != seeded.assessment


async def test_a_size_hides_everything_after_it(client: GraphQLClient, seeded: Seeded) -> None:
    data = await client.data(QUERY, size=3)
    assert len(data["evidence"]["edges"]) == 3
    assert {edge["node"]["proof"]["treeSize"] for edge in data["evidence"]["edges"]} == {3}
    assert data["release"] == {"version": "1.0"}
    assert data["releases"]["edges"][0]["node"]["assessment"] is None
    empty = await client.data(QUERY, size=0)
    assert empty == {"evidence": {"edges": []}, "releases": {"edges": []}, "release": None}
    late = seeded.evidence_id("unrelated")
    node = "query ($id: ID!) {a: evidenceRecord(id: $id, asOf: 5) {kind} b: evidenceRecord(id: $id, asOf: 6) {kind}}"
    assert await client.data(node, id=late) == {"a": None, "b": {"kind": "test_result"}}


async def test_nested_readings_take_the_size_of_their_parent(client: GraphQLClient, seeded: Seeded) -> None:
    query = """query ($id: ID!) { old: node(id: $id, asOf: 4) { ... on Release { assessment { treeSize }
      newer: assessment(asOf: 5) { treeSize } } } new: node(id: $id) { ... on Release { assessment { treeSize }
      older: assessment(asOf: 4) { treeSize } } } }"""
    assert await client.data(
        query, id=(await client.data('{release(name: "app", version: "1.0") {id}}'))["release"]["id"]
    ) == {
        "old": {"assessment": None, "newer": {"treeSize": 5}},
        "new": {"assessment": {"treeSize": 5}, "older": None},
    }
    assert len(seeded.receipts) == 7


@pytest.mark.parametrize("size", [8, 2**31 - 1])
async def test_a_size_beyond_the_head_is_an_error(client: GraphQLClient, seeded: Seeded, size: int) -> None:
    for query in (
        "query ($s: Int) {evidence(first: 1, asOf: $s) {edges {cursor}}}",
        'query ($s: Int) {release(name: "app", asOf: $s) {id}}',
        'query ($s: Int) {node(id: "x", asOf: $s) {id}}',
        "query ($s: Int) {inclusionProof(leafIndex: 0, treeSize: $s) {leaf}}",
    ):
        error = (await client.errors(query, s=size))[0]
        assert error["extensions"] == {
            "code": "as_of_beyond_head",
            "path": "asOf",
            "limit": 7,
            "value": size,
            "requestId": "test-request",
        }
    assert await client.code("{evidence(first: 1, asOf: -1) {edges {cursor}}}") == "as_of_negative"
    assert len(seeded.receipts) == 7
