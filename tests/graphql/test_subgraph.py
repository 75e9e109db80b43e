"""The subgraph: `_entities` answers what it is asked item by item, reads together, and gives nothing away."""

import json
import subprocess
from typing import Any, cast
from uuid import uuid4

import pytest
from starlette.requests import Request
from starlette.responses import Response

from evidence_api.domain.principal import Principal, ReadGrant, TenantScope
from evidence_api.graphql.subgraph import build_subgraph
from evidence_api.graphql.view import GraphQLEndpoint
from evidence_api.store.session import Database
from evidence_api.use_cases.read_session import ReadSession
from evidence_api.use_cases.reads import Reads
from tests.support.graphql_client import GraphQLClient
from tests.support.node import node_folder
from tests.support.seed import Seeded, small_catalog

ENTITIES = """query ($of: [_Any!]!) {_entities(representations: $of) {__typename
  ... on Evidence {digest kind artifacts {digest}} ... on Artifact {digest evidence {digest}}
  ... on Decision {digest kind source: evidence {digest}}}}"""
SECOND = """
extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key", "@external"])
type Query { deployments: [Deployment!]! }
type Deployment @key(fields: "id") { id: ID!  artifact: Artifact!  because: Decision  proof: Evidence }
type Artifact @key(fields: "digest", resolvable: false) { digest: String! }
type Evidence @key(fields: "digest", resolvable: false) { digest: String! }
type Decision @key(fields: "digest", resolvable: false) { digest: String! }
"""


@pytest.fixture
def subgraph(database: Database) -> GraphQLEndpoint:
    return GraphQLEndpoint(build_subgraph(), Reads(database, small_catalog()), shown_to_peers=False)


def of(name: str, digest: object, **more: object) -> dict[str, object]:
    return {"__typename": name, "digest": digest} | more


async def test_entities_are_answered_one_by_one(
    subgraph: GraphQLEndpoint, scope: TenantScope, other_scope: TenantScope, seeded: Seeded
) -> None:
    client = GraphQLClient(subgraph, scope)
    known = seeded.evidence_id("tests")
    absent = "sha256:" + "0" * 64
    asked: list[object] = [
        of("Evidence", known),
        of("Evidence", absent),
        of("Evidence", known, tenant="rival"),
        of("Query", known),
        {"digest": known},
        {"__typename": ["Evidence"], "digest": known},
        of("Evidence", {"eq": known}),
        of("Evidence", 5),
        of("Artifact", "sha1:" + "0" * 40),
        of("Decision", known),
        "Evidence",
        [known],
    ]
    answer = (await client.post(ENTITIES, {"of": asked})).json()
    found = answer["data"]["_entities"]
    assert (found[0]["digest"], found[0]["kind"]) == (known, "test_result")
    assert found[1:] == [None] * (len(asked) - 1)
    bad = {tuple(error["path"]): error["extensions"]["code"] for error in answer["errors"]}
    assert bad == {("_entities", at): "bad_representation" for at in (2, 3, 4, 5, 6, 7, 10, 11)}
    artifact = found[0]["artifacts"][0]["digest"]
    about = (await client.data(ENTITIES, of=[of("Artifact", artifact)]))["_entities"]
    assert known in [one["digest"] for one in about[0]["evidence"]]
    root = await client.data("query ($d: String!) {artifact(digest: $d) {digest}}", d=artifact)
    assert root == {"artifact": {"digest": artifact}}
    theirs = GraphQLClient(subgraph, other_scope)
    hidden = await theirs.data(ENTITIES, of=[of("Evidence", known), of("Artifact", artifact)])
    assert hidden == {"_entities": [None, None]}
    assert await client.code(ENTITIES, of=[of("Evidence", known)] * 101) == "too_many_representations"
    assert await client.code("mutation {__typename}") == "validation_failed"


async def test_many_are_read_together(
    subgraph: GraphQLEndpoint, scope: TenantScope, seeded: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = GraphQLClient(subgraph, scope)
    ids = [receipt.evidence_id for receipt in seeded.receipts.values()]
    reads: list[str] = []
    original = ReadSession._run

    async def noted(self: ReadSession, read: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  passed on
        reads.append(read.__name__)
        return await original(self, read, *arguments, **options)

    monkeypatch.setattr(ReadSession, "_run", noted)
    await client.data(ENTITIES, of=[of("Evidence", ids[0])])
    one, reads[:] = list(reads), []
    found = await client.data(ENTITIES, of=[of("Evidence", each) for each in ids])
    assert [each["digest"] for each in found["_entities"]] == ids
    assert reads == one


class Peer(GraphQLClient):
    """A peer asking."""

    def __init__(self, endpoint: GraphQLEndpoint, scope: TenantScope) -> None:
        async def as_peer(request: Request) -> Response:
            principal = Principal("peer", "p-1", scope, frozenset({"evidence:read"}), grant=ReadGrant(uuid4()))
            request.scope["state"]["principal"] = principal
            return await endpoint(request)

        super().__init__(cast("GraphQLEndpoint", as_peer), scope)


async def test_a_peer_is_not_shown_the_schema(subgraph: GraphQLEndpoint, scope: TenantScope) -> None:
    text = "{...s} fragment s on Query {__schema {queryType {name}}}"
    client, peer = GraphQLClient(subgraph, scope), Peer(subgraph, scope)
    assert (await client.data(text))["__schema"]["queryType"] == {"name": "Query"}
    assert await peer.code(text) == "introspection_not_allowed"
    assert "type Evidence @key" in (await peer.data("{_service {sdl}}"))["_service"]["sdl"]


def test_it_composes_with_another_subgraph_without_error_or_hint() -> None:
    folder = node_folder()
    sdl = build_subgraph().as_str()
    services = [
        {"name": "evidence", "url": "http://evidence.test/subgraph", "sdl": sdl},
        {"name": "deployments", "url": "http://deployments.test/", "sdl": SECOND},
    ]
    composed = subprocess.run(
        ["node", "compose.mjs"], cwd=folder, input=json.dumps(services), capture_output=True, text=True, check=True
    )
    result = json.loads(composed.stdout)
    assert (result["errors"], result["hints"]) == ([], [])
    assert "type Deployment" in result["supergraph"]
    assert "join__type(graph: EVIDENCE" in result["supergraph"]
