"""Persisted documents: registered once, named by digest, and the only thing some callers may run."""

from dataclasses import replace
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.principal import Principal, ReadGrant, TenantScope
from evidence_api.graphql.registration import check_document
from evidence_api.graphql.schema import build_schema
from evidence_api.graphql.view import GraphQLEndpoint
from evidence_api.store.session import Database
from evidence_api.use_cases.persisted_documents import PersistedDocuments
from evidence_api.use_cases.reads import Reads
from tests.support.checked import SteppingClock
from tests.support.seed import Seeded, small_catalog

HEAD = "query Head($n: Int!) {evidence(first: $n, asOf: 3) {edges {node {kind}}} __typename}"
LIVE = "{viewer {kind}}"
NEW = {"accept": "application/graphql-response+json"}


class Caller:
    """One caller over an endpoint that keeps documents."""

    def __init__(self, endpoint: GraphQLEndpoint, principal: Principal) -> None:
        async def answer(request: Request) -> Response:
            request.scope.setdefault("state", {})["principal"] = principal
            return await endpoint(request)

        app = Starlette(routes=[Route("/graphql", answer, methods=["GET", "POST"])])
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server.test", headers=NEW)

    async def post(self, **body: object) -> httpx.Response:
        return await self.http.post("/graphql", json=body)

    async def code(self, **body: object) -> tuple[int, str]:
        answer = await self.post(**body)
        assert "data" not in answer.json(), answer.text
        return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


@pytest.fixture
def kept(database: Database, clock: SteppingClock) -> PersistedDocuments:
    return PersistedDocuments(database, clock)


@pytest.fixture
def endpoint(database: Database, kept: PersistedDocuments) -> GraphQLEndpoint:
    return GraphQLEndpoint(build_schema(), Reads(database, small_catalog()), persisted=kept)


def token(scope: TenantScope) -> Principal:
    return Principal("token", "t-1", scope, frozenset({"evidence:read"}))


async def test_documents_are_named_by_digest_and_are_a_tenants_own(
    endpoint: GraphQLEndpoint,
    kept: PersistedDocuments,
    scope: TenantScope,
    other_scope: TenantScope,
    seeded: Seeded,
) -> None:
    made, created = await kept.add(scope, HEAD, name="head", by="operator", check=endpoint.check_document)
    again, fresh = await kept.add(scope, HEAD, name="other", by="operator", check=endpoint.check_document)
    assert (made.digest, created, again.name, fresh) == (digest_of(HEAD.encode()), True, "head", False)
    assert [one.digest for one in await kept.every(scope)] == [made.digest]
    mine, theirs = Caller(endpoint, token(scope)), Caller(endpoint, token(other_scope))
    answer = await mine.post(documentId=made.digest, variables={"n": 2})
    assert (answer.status_code, len(answer.json()["data"]["evidence"]["edges"])) == (200, 2)
    both = await mine.post(documentId=made.digest, query=HEAD, variables={"n": 1})
    assert both.status_code == 200
    assert await mine.code(documentId=made.digest, query=LIVE) == (400, "bad_request")
    assert await theirs.code(documentId=made.digest, variables={"n": 2}) == (400, "unknown_document")
    assert await mine.code(documentId=digest_of(b"x")) == (400, "unknown_document")
    odds: list[object] = ["x", "sha256:" + "A" * 64, 5, {}]
    for odd in odds:
        assert await mine.code(documentId=odd) == (400, "bad_request")
    await kept.remove(scope, made.digest)
    assert await mine.code(documentId=made.digest) == (400, "unknown_document")
    with pytest.raises(EvidenceError, match="no document"):
        await kept.remove(scope, made.digest)
    assert len(seeded.receipts) == 7


async def test_a_grant_that_names_documents_lets_nothing_else_run(
    endpoint: GraphQLEndpoint, kept: PersistedDocuments, scope: TenantScope, seeded: Seeded
) -> None:
    live, _ = await kept.add(scope, LIVE, name="", by="operator", check=endpoint.check_document)
    head, _ = await kept.add(scope, HEAD, name="", by="operator", check=endpoint.check_document)
    grant = ReadGrant(uuid4(), documents=frozenset({live.digest}))
    peer = Caller(endpoint, replace(token(scope), kind="peer", grant=grant))
    assert (await peer.post(documentId=live.digest)).json()["data"]["viewer"]["kind"] == "peer"
    assert (await peer.post(query=LIVE)).status_code == 200  # the same text, sent whole
    assert await peer.code(documentId=head.digest, variables={"n": 1}) == (403, "document_not_allowed")
    assert await peer.code(query="{__typename}") == (403, "document_not_allowed")
    assert await peer.code(query="{" * 5000) == (403, "document_not_allowed")
    free = Caller(endpoint, replace(token(scope), kind="auditor", grant=ReadGrant(uuid4())))
    assert (await free.post(query="{__typename}")).status_code == 200
    assert len(seeded.receipts) == 7


async def test_pinned_answers_to_persisted_gets_have_a_tag(
    endpoint: GraphQLEndpoint, kept: PersistedDocuments, scope: TenantScope, seeded: Seeded
) -> None:
    caller = Caller(endpoint, token(scope))
    digests = [
        (await kept.add(scope, text, name="", by="operator", check=endpoint.check_document))[0].digest
        for text in (HEAD, LIVE)
    ]
    pinned = {"documentId": digests[0], "variables": '{"n": 2}'}
    first = await caller.http.get("/graphql", params=pinned)
    assert (first.status_code, first.headers["cache-control"]) == (200, "private, no-cache")
    known = {"if-none-match": first.headers["etag"]}
    second = await caller.http.get("/graphql", params=pinned, headers=known)
    assert (second.status_code, second.content, second.headers["etag"]) == (304, b"", first.headers["etag"])
    other = await caller.http.get("/graphql", params=pinned | {"variables": '{"n": 1}'}, headers=known)
    assert (other.status_code, other.headers["etag"] == first.headers["etag"]) == (200, False)
    for parameters in ({"documentId": digests[1]}, {"query": HEAD, "variables": '{"n": 2}'}):
        answer = await caller.http.get("/graphql", params=parameters)
        assert (answer.status_code, answer.headers["cache-control"], "etag" in answer.headers) == (
            *(200, "no-store", False),
        )
    assert len(seeded.receipts) == 7


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "syntax_error"),
        ("{nothing}", "validation_failed"),
        ("fragment f on Query {__typename}", "validation_failed"),
        ("{" + " ".join(f"a{n}:checkpoint{{note}}" for n in range(31)) + "}", "too_many_aliases"),
        ("", "syntax_error"),
    ],
)
def test_only_what_can_run_is_registered(text: str, code: str) -> None:
    with pytest.raises(EvidenceError) as refusal:
        check_document(text)
    assert refusal.value.code == code
