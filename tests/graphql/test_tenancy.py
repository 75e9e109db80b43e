"""One tenant's reader learns nothing of another's rows: not from lists, ids, errors, proofs or cursors."""

from uuid import UUID

import orjson
from graphql import get_named_type

from evidence_api.graphql.ids import encode_id
from evidence_api.graphql.schema import build_schema
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


# Every way to name one thing by its id at the root.
BY_ID = {
    "node": "node(id: $id) { id }",
    "nodes": "nodes(ids: [$id]) { id }",
    "evidenceRecord": "evidenceRecord(id: $id) { id }",
    "release": "release(id: $id) { id }",
    "assessment": "assessment(id: $id) { id }",
    "finding": "finding(id: $id) { id }",
    "control": "control(id: $id) { id }",
    "framework": "framework(id: $id) { id }",
    "pack": "pack(id: $id) { id }",
    "packs": "packs(first: 5, release: $id) { edges { cursor } }",
    "gaps": 'gaps(framework: "aicpa-tsc", release: $id) { gaps(first: 5) { edges { cursor } } }',
    "whyChanged": 'whyChanged(release: $id, control: "IG-AUT-1", from: $id, to: $id) { note }',
}


def test_every_root_field_that_takes_an_id_is_tried() -> None:
    fields = build_schema()._schema.query_type.fields  # type: ignore[union-attr]
    taking = {
        name
        for name, field in fields.items()
        if any(get_named_type(one.type).name == "ID" for one in field.args.values())
    }
    assert taking == set(BY_ID)


async def test_another_tenants_is_answered_as_what_there_is_not(
    client: GraphQLClient, rival: GraphQLClient, seeded: Seeded
) -> None:
    for field, asked in BY_ID.items():
        await ask_for_both(client, rival, seeded, field, f"query ($id: ID!) {{{asked}}}")


async def ask_for_both(client: GraphQLClient, rival: GraphQLClient, seeded: Seeded, field: str, query: str) -> None:
    """The rival asks for what is there and for what is not; whose it is gets it."""
    wanted = {"assessment": str(seeded.assessment), "finding": f"{seeded.assessment}/IG-AUT-1"}
    absent = {"assessment": str(UUID(int=0)), "finding": f"{UUID(int=0)}/IG-AUT-1"}
    type_name = {"release": "Release", "assessment": "Assessment", "finding": "Finding"}.get(field, "Evidence")
    theirs = encode_id(type_name, wanted.get(field, seeded.evidence_id("release")))
    nothing = encode_id(type_name, absent.get(field, "sha256:" + "0" * 64))
    answers = [await rival.post(query, {"id": one}) for one in (theirs, nothing)]
    assert answers[0].content == answers[1].content, field
    assert answers[0].status_code == answers[1].status_code, field
    if field in {"node", "evidenceRecord", "release", "assessment", "finding"}:
        assert (await client.data(query, id=theirs))[field] == {"id": theirs}
