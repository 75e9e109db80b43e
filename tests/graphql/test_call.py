"""What goes out beside data and errors is collected in one place, for answers and refusals alike."""

from starlette.requests import Request

from evidence_api.domain.principal import TenantScope
from evidence_api.graphql.call import Call
from evidence_api.graphql.media_types import JSON, Answer
from evidence_api.graphql.schema import build_schema
from evidence_api.graphql.view import GraphQLEndpoint
from evidence_api.store.session import Database
from evidence_api.use_cases.reads import Reads
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import small_catalog


async def _size(call: Call) -> None:
    call.extensions["size"] = len(call.result)
    call.headers["X-Code"] = call.refused.code if call.refused else "none"


async def test_additions_are_asked_for_answers_and_refusals(database: Database, scope: TenantScope) -> None:
    endpoint = GraphQLEndpoint(build_schema(), Reads(database, small_catalog()), additions=[_size])
    client = GraphQLClient(endpoint, scope)
    answered = await client.post("{__typename}")
    assert answered.text == '{"data":{"__typename":"Query"},"extensions":{"size":31}}'
    refused = await client.post("query A {__typename} query B {__typename}")
    assert (refused.headers["x-code"], "data" in refused.json()) == ("ambiguous_operation", False)
    assert refused.json()["extensions"]["size"] > 0
    invalid = await client.post("{nothing}")
    assert (invalid.headers["x-code"], "size" in invalid.json()["extensions"]) == ("none", True)
    nobody = await GraphQLClient(endpoint, None).post("{__typename}")
    assert (nobody.status_code, "x-code" in nobody.headers) == (401, False)


async def test_an_addition_that_fails_is_masked(database: Database, scope: TenantScope) -> None:
    async def broken(_call: Call) -> None:
        raise RuntimeError("the secret is 42")

    endpoint = GraphQLEndpoint(build_schema(), Reads(database, small_catalog()), additions=[broken])
    client = GraphQLClient(endpoint, scope)
    for query in ("{__typename}", "query A {__typename} query B {__typename}"):
        answer = await client.post(query)
        assert (answer.status_code, "42" in answer.text) == (500, False)
        assert answer.json()["errors"][0]["extensions"]["code"] == "internal_fault"


def test_a_body_without_members_is_the_result() -> None:
    call = Call(Request({"type": "http"}), "r", Answer(JSON, legacy=False), result=b'{"data":null}')
    assert call.body() == b'{"data":null}'
