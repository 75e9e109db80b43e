"""GraphQL over HTTP: what the graphql-http audits ask, and the limits of the edge."""

from collections.abc import AsyncIterator

import httpx
import pytest

from evidence_api.graphql.media_types import JSON, RESPONSE_JSON, Answer, is_json, negotiate
from evidence_api.graphql.view import GraphQLEndpoint
from tests.support.graphql_client import GraphQLClient

NEW = {"accept": RESPONSE_JSON}
LEGACY = {"accept": JSON}
NAMED = "query A {__typename} query B {__typename}"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, Answer(JSON, legacy=False)),
        ("*/*", Answer(JSON, legacy=False)),
        ("application/*", Answer(JSON, legacy=False)),
        (JSON, Answer(JSON, legacy=True)),
        (f"{JSON}; charset=utf-8", Answer(JSON, legacy=True)),
        (RESPONSE_JSON, Answer(RESPONSE_JSON, legacy=False)),
        (f"{RESPONSE_JSON}, {JSON};q=0.9", Answer(RESPONSE_JSON, legacy=False)),
        (f"{RESPONSE_JSON}, {JSON}", Answer(JSON, legacy=True)),
        (f"{JSON};q=0, {RESPONSE_JSON}", Answer(RESPONSE_JSON, legacy=False)),
        (f"{JSON};q=0, */*", None),
        ("text/html", None),
        (f"{JSON}; charset=utf-16", None),
        (f"{JSON};q=nonsense", None),
        ("text/html, */*;q=0.1", Answer(JSON, legacy=False)),
    ],
)
def test_negotiation(accept: str | None, expected: Answer | None) -> None:
    assert negotiate(accept) == expected


@pytest.mark.parametrize(
    ("content_type", "readable"),
    [
        *((JSON, True), (f"{JSON}; charset=UTF-8", True), (f'{JSON}; charset="utf-8"', True)),
        *((None, False), ("text/plain", False), (f"{JSON}; charset=latin-1", False), (RESPONSE_JSON, False)),
    ],
)
def test_request_bodies(content_type: str | None, readable: bool) -> None:  # noqa: FBT001  the expectation
    assert is_json(content_type) is readable


async def raw(client: GraphQLClient, body: bytes, **headers: str) -> httpx.Response:
    return await client.http.post("/graphql", content=body, headers={"content-type": JSON} | headers)


@pytest.mark.parametrize("headers", [{}, {"accept": "*/*"}, LEGACY, NEW])
async def test_an_answer_has_the_negotiated_type(client: GraphQLClient, headers: dict[str, str]) -> None:
    response = await client.post("{__typename}", headers=headers)
    assert response.status_code == 200
    assert response.json() == {"data": {"__typename": "Query"}}
    assert response.headers["content-type"] == f"{headers.get('accept', '*/*').replace('*/*', JSON)}; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"


async def test_get_runs_queries_with_variables(client: GraphQLClient) -> None:
    text = "query T($name: String!) {__type(name: $name) {name}}"
    response = await client.http.get("/graphql", params={"query": text, "variables": '{"name": "Query"}'})
    assert response.json() == {"data": {"__type": {"name": "Query"}}}


@pytest.mark.parametrize("kind", ["mutation", "subscription"])
async def test_anything_but_a_query_over_get_is_405(client: GraphQLClient, kind: str) -> None:
    response = await client.http.get("/graphql", params={"query": f"{kind} {{__typename}}"}, headers=NEW)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.json()["errors"][0]["extensions"]["code"] == "method_not_allowed"


async def test_mutations_are_not_run(client: GraphQLClient) -> None:
    response = await client.post("mutation {__typename}", headers=NEW)
    assert response.status_code == 400
    assert "data" not in response.json()


MALFORMED = (
    *(b"", b"{", b"null", b"3", b'"text"', b"[]", b"\xff\xfe", b"[" * 100_000, b"{}", b'{"notquery": "{x}"}'),
    *(b'{"query": %s}' % value for value in (b"{}", b"0", b"false", b"[]", b"null", b'""')),
    *(b'{"query": "{__typename}", "operationName": %s}' % value for value in (b"{}", b"0", b"false", b"[]")),
    *(b'{"query": "{__typename}", "variables": %s}' % value for value in (b'"a"', b"0", b"false", b"[]")),
    *(b'{"query": "{__typename}", "extensions": %s}' % value for value in (b'"a"', b"0", b"false", b"[]")),
)


@pytest.mark.parametrize("headers", [LEGACY, NEW, {}])
async def test_malformed_requests_are_400(client: GraphQLClient, headers: dict[str, str]) -> None:
    for body in MALFORMED:
        response = await raw(client, body, **headers)
        assert response.status_code == 400, body
        (error,) = response.json()["errors"]
        code = {b"\xff\xfe": "invalid_utf8", b"[" * 100_000: "json_too_deep"}.get(body, "bad_request")
        assert (error["extensions"]["code"], error["extensions"]["requestId"]) == (code, "test-request")
        assert error["extensions"]["path"] in {"body", "query", "operationName", "variables", "extensions"}
        assert "data" not in response.json()


@pytest.mark.parametrize("headers", [LEGACY, NEW])
async def test_null_parameters_are_like_absent_ones(client: GraphQLClient, headers: dict[str, str]) -> None:
    for parameter in (b"variables", b"operationName", b"extensions"):
        response = await raw(client, b'{"query": "{__typename}", "%s": null}' % parameter, **headers)
        assert response.json() == {"data": {"__typename": "Query"}}


REQUEST_ERRORS: list[tuple[str, dict[str, object] | None, str]] = [
    ("{", None, "syntax_error"),
    ("{8f31403d}", None, "syntax_error"),
    ("{nothingOfThatName}", None, "validation_failed"),
    ("query Q($id: ID!) {node(id: $id) {id}}", {"id": None}, "bad_variables"),
    ("query Q($size: Int!) {evidence(first: $size) {edges {cursor}}}", {"size": "x"}, "bad_variables"),
]


@pytest.mark.parametrize(("headers", "status"), [(NEW, 400), ({}, 400), (LEGACY, 200)])
async def test_documents_that_do_not_run_have_no_data(
    client: GraphQLClient, headers: dict[str, str], status: int
) -> None:
    for query, variables, code in REQUEST_ERRORS:
        response = await client.post(query, variables, headers)
        assert response.status_code == status
        assert "data" not in response.json()
        assert {error["extensions"]["code"] for error in response.json()["errors"]} == {code}


async def test_no_suggestions_of_names(client: GraphQLClient) -> None:
    for query in ("{evidenc(first: 1) {edges {cursor}}}", "{viewer {kinds}}", "{node(idd: 1) {id}}"):
        response = await client.post(query)
        assert response.status_code == 400
        assert "Did you mean" not in response.text


async def test_several_operations_need_a_name(client: GraphQLClient) -> None:
    assert await client.code(NAMED) == "ambiguous_operation"
    chosen = await raw(client, b'{"query": "%s", "operationName": "B"}' % NAMED.encode())
    assert chosen.json() == {"data": {"__typename": "Query"}}
    unknown = await raw(client, b'{"query": "%s", "operationName": "C"}' % NAMED.encode())
    assert (unknown.status_code, unknown.json()["errors"][0]["extensions"]["code"]) == (400, "unknown_operation")


async def test_other_bodies_are_415(client: GraphQLClient) -> None:
    for content_type in ("text/plain", f"{JSON}; charset=utf-16", "multipart/form-data"):
        response = await raw(client, b'{"query": "{__typename}"}', **{"content-type": content_type})
        assert response.status_code == 415


async def test_a_post_without_content_type_is_refused(client: GraphQLClient) -> None:
    response = await client.http.post("/graphql")
    assert response.status_code == 415


async def test_an_answer_nobody_accepts_is_406(client: GraphQLClient) -> None:
    response = await client.post("{__typename}", headers={"accept": "text/html"})
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (406, "not_acceptable")


async def test_bodies_are_capped_when_declared_and_while_streaming(client: GraphQLClient) -> None:
    declared = await raw(client, b" " * (256 * 1024 + 1))
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 65536
            yield b" " * 65536

    streamed = await client.http.post("/graphql", content=endless(), headers={"content-type": JSON})
    for response in (declared, streamed):
        assert response.status_code == 413
        assert response.json()["errors"][0]["extensions"]["limit"] == 256 * 1024
    assert read < 1024 * 1024


HOSTILE = (
    "{" * 5000,
    "{viewer" + "{tenant" * 400 + "{name}" + "}" * 401,
    "{node(id: {a: " + "{a: " * 300 + "1" + "}" * 301 + "){id}}",
    "{viewer{" + "...{" * 190 + "kind" + "}" * 192,
    "#" * 60_000,
    '{node(id: "\\ud800"){id}}',
)


async def test_hostile_documents_are_answered_with_a_code(client: GraphQLClient) -> None:
    for query in HOSTILE:
        response = await client.post(query)
        assert response.status_code in {200, 400}
        assert "internal_fault" not in response.text


async def test_without_a_principal_nothing_is_answered(endpoint: GraphQLEndpoint) -> None:
    nobody = GraphQLClient(endpoint, None)
    response = await nobody.post("{__typename}")
    assert (response.status_code, response.headers["www-authenticate"].split()[0]) == (401, "Bearer")
    assert response.json()["errors"][0]["extensions"]["code"] == "unauthenticated"


async def test_a_limit_says_itself_and_nothing_ran(client: GraphQLClient) -> None:
    response = await client.post("{" + " ".join(f"a{n}:checkpoint{{note}}" for n in range(31)) + "}", headers=LEGACY)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"] == {
        "code": "too_many_aliases",
        "limit": 30,
        "value": 31,
        "requestId": "test-request",
    }
    assert "data" not in response.json()
