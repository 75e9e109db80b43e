"""The log as readers see it: its leaves, also of what was erased, and proofs that it only grew."""

import base64
from typing import Any

import pytest

from evidence_api.domain.merkle import leaf_hash, verify_consistency
from evidence_api.domain.principal import TenantScope
from evidence_api.store.session import Database
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import Seeded

LEAVES = """query L($first: Int, $after: String, $last: Int, $size: Int) { log(asOf: $size) { treeSize origin
  checkpoint { treeSize } leaves(first: $first, after: $after, last: $last) { totalCount { value relation }
    edges { node { index evidenceId kind leaf leafHash erased evidence { leafIndex status } } }
    pageInfo { hasNextPage endCursor } } } }"""
PROOF = """query P($from: Int!, $to: Int) { log { consistencyProof(from: $from, to: $to) {
  fromSize toSize fromRootHash toRootHash hashes } } }"""


def nodes(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in answer["log"]["leaves"]["edges"]]


async def test_leaves_of_every_status_in_order_and_what_was_erased_among_them(
    client: GraphQLClient, rival: GraphQLClient, seeded: Seeded, database: Database, scope: TenantScope
) -> None:
    async with database.tenant(scope) as connection:  # what erasing a body does
        await connection.execute(
            "UPDATE body SET content = NULL WHERE digest = (SELECT body_digest FROM evidence WHERE leaf_index = 1)"
        )
    first = await client.data(LEAVES, first=4)
    rest = await client.data(LEAVES, first=9, after=first["log"]["leaves"]["pageInfo"]["endCursor"])
    every = nodes(first) + nodes(rest)
    assert [one["index"] for one in every] == list(range(seeded.tree_size))
    assert [one["erased"] for one in every] == [number == 1 for number in range(seeded.tree_size)]
    assert [one["evidence"]["status"] for one in every[3:5]] == ["UNSIGNED", "UNSUPPORTED"]
    for one in every:
        hashed = leaf_hash(base64.b64decode(one["leaf"]))
        assert base64.b64encode(hashed).decode() == one["leafHash"]
    assert first["log"]["leaves"]["totalCount"] == {"value": seeded.tree_size, "relation": "EXACT"}
    pinned = await client.data(LEAVES, last=2, size=3)
    assert ([one["index"] for one in nodes(pinned)], pinned["log"]["treeSize"]) == ([1, 2], 3)
    assert pinned["log"]["checkpoint"]["treeSize"] == seeded.tree_size
    others = await rival.data(LEAVES, first=9)
    assert (nodes(others), others["log"]["treeSize"]) == ([], 0)


async def test_every_tree_begins_with_those_before(client: GraphQLClient, seeded: Seeded) -> None:
    for size in range(1, seeded.tree_size + 1):
        for old in range(1, size + 1):
            proof = (await client.data(PROOF, **{"from": old, "to": size}))["log"]["consistencyProof"]
            old_root, root = (base64.b64decode(proof[name]) for name in ("fromRootHash", "toRootHash"))
            verify_consistency(old, size, old_root, root, [base64.b64decode(one) for one in proof["hashes"]])
    whole = (await client.data(PROOF, **{"from": 2}))["log"]["consistencyProof"]
    assert whole["toSize"] == seeded.tree_size


@pytest.mark.parametrize(
    ("sizes", "code"),
    [
        ({"from": 0}, "consistency_sizes"),
        ({"from": 4, "to": 3}, "consistency_sizes"),
        ({"from": 1, "to": 99}, "as_of_beyond_head"),
    ],
)
async def test_no_proof_leads_elsewhere(
    client: GraphQLClient, seeded: Seeded, sizes: dict[str, int], code: str
) -> None:
    assert seeded.tree_size == 7
    assert await client.code(PROOF, **sizes) == code
