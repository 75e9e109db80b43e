"""One tenant's reader learns nothing of another's rows: not from lists, ids, errors, proofs or cursors."""

import orjson

from evidence_api.graphql.ids import encode_id
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import Seeded

NODE = "query ($id: ID!) {node(id: $id) {id}}"


async def every_id(client: GraphQLClient) -> list[str]:
    query = """{ evidence(first: 50, filter: {status: []}) { edges { node { id } } }
      releases(first: 5) { edges { node { id assessment { id findings(first: 5) { edges { node { id } } } } } } } }"""
    data = await client.data(query)
    releases = [edge["node"] for edge in data["releases"]["edges"]]
    assessments = [one["assessment"] for one in releases if one["assessment"]]
    findings = [edge["node"] for one in assessments for edge in one["findings"]["edges"]]
    nodes = [edge["node"] for edge in data["evidence"]["edges"]]
    return [one["id"] for one in (*nodes, *releases, *assessments, *findings)]


async def test_ids_of_another_tenant_are_like_absent_ones(
    client: GraphQLClient, rival: GraphQLClient, seeded: Seeded
) -> None:
    ids = await every_id(client)
    assert len(ids) == 7 + 2 + 1 + 2
    absent = await rival.post(NODE, {"id": encode_id("Evidence", "sha256:" + "0" * 64)})
    for one in ids:
        answer = await rival.post(NODE, {"id": one})
        assert (answer.status_code, answer.content) == (absent.status_code, absent.content)
    assert (await rival.data("query ($ids: [ID!]!) {nodes(ids: $ids) {id}}", ids=ids))["nodes"] == [None] * len(ids)
    assert seeded.evidence_id("tests") not in absent.text


async def test_lists_names_and_proofs_of_another_tenant_are_empty(
    client: GraphQLClient, rival: GraphQLClient, seeded: Seeded
) -> None:
    query = """query ($id: ID!, $text: String!) { evidence(first: 50, filter: {status: []}) { edges { cursor } }
      owned: evidence(first: 50, filter: {release: $id, status: []}) { edges { cursor } }
      releases(first: 5) { edges { cursor } } release(name: "app") { id } evidenceRecord(id: $id) { id }
      inclusionProof(evidenceId: $text) { rootHash } leaf: inclusionProof(leafIndex: 0) { rootHash }
      framework(id: "aicpa-tsc") { criterion(ref: "CC7.2") { result(release: $id) { outcome } } }
      control(id: "IG-AUT-1") { finding(release: $id) { outcome } } checkpoint { treeSize } }"""
    release = seeded.evidence_id("release")
    assert await rival.data(query, id=release, text=release) == {
        "evidence": {"edges": []},
        "owned": {"edges": []},
        "releases": {"edges": []},
        "release": None,
        "evidenceRecord": None,
        "inclusionProof": None,
        "leaf": None,
        "framework": {"criterion": {"result": None}},
        "control": {"finding": None},
        "checkpoint": {"treeSize": 0},
    }
    assert (await client.data("{checkpoint {treeSize}}"))["checkpoint"] == {"treeSize": 7}


async def test_a_cursor_of_another_tenant_reads_the_callers_own_list(
    client: GraphQLClient, rival: GraphQLClient, seeded: Seeded
) -> None:
    query = "query ($after: String) {evidence(first: 5, after: $after) {edges {cursor}}}"
    cursor = (await client.data(query))["evidence"]["edges"][0]["cursor"]
    assert (await rival.data(query, after=cursor))["evidence"] == {"edges": []}
    assert b"acme" not in orjson.dumps(cursor)
    assert len(seeded.receipts) == 7


async def test_errors_are_the_same_for_both(client: GraphQLClient, rival: GraphQLClient, seeded: Seeded) -> None:
    for query in ("{evidence {edges {cursor}}}", "{evidence(first: 5, asOf: -1) {edges {cursor}}}", "{release {id}}"):
        assert (await client.post(query)).content == (await rival.post(query)).content
    assert len(seeded.receipts) == 7
