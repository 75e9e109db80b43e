"""What errors tell: our own their code and figures, a client's mistake its words, everything else nothing."""

import asyncio
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from evidence_api.domain.errors import StoreUnavailable
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import EvidenceView
from evidence_api.graphql import faults
from evidence_api.graphql.schema import build_schema
from evidence_api.graphql.view import GraphQLEndpoint
from evidence_api.store import reads
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.reads import Reads
from tests.support.checked import checked
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import Seeded, append_all, small_catalog

PAGE = "{viewer {kind} evidence(first: 1) {edges {cursor}}}"


async def test_a_fault_of_ours_is_masked_and_logged(client: GraphQLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_arguments: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr(reads, "evidence_page", broken)
    with capture_logs() as logs:
        response = await client.post(PAGE)
    assert (response.status_code, "42" in response.text) == (200, False)
    assert response.json() == {
        "data": None,
        "errors": [
            {
                "message": "the server failed; quote the request id",
                "locations": [{"line": 1, "column": 16}],
                "path": ["evidence"],
                "extensions": {"code": "internal_fault", "requestId": "test-request"},
            }
        ],
    }
    assert [(entry["event"], entry["request_id"]) for entry in logs] == [("field_fault", "test-request")]


async def test_a_value_that_does_not_serialise_is_our_fault(
    client: GraphQLClient, seeded: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = reads.evidence_by_ids

    async def absurd(*arguments: Any) -> dict[str, EvidenceView]:  # noqa: ANN401  passed on as they came
        found = await original(*arguments)
        return {key: replace(row, body_size=2**40) for key, row in found.items()}

    monkeypatch.setattr(reads, "evidence_by_ids", absurd)
    query = "query ($id: ID!) {evidenceRecord(id: $id) {body {size}}}"
    errors = await client.errors(query, id=seeded.evidence_id("tests"))
    assert errors[0]["extensions"]["code"] == "internal_fault"
    assert str(2**40) not in str(errors)


async def test_our_own_errors_keep_code_path_and_figures(client: GraphQLClient) -> None:
    response = await client.post('{a: release(name: "x") {name} evidence(first: 500) {edges {cursor}}}')
    assert response.status_code == 200
    assert response.json()["errors"] == [
        {
            "message": "`first` must be 1 to 100, not 500",
            "locations": [{"line": 1, "column": 31}],
            "path": ["evidence"],
            "extensions": {
                "code": "page_size",
                "limit": 100,
                "value": 500,
                "path": "first",
                "requestId": "test-request",
            },
        }
    ]


async def test_an_error_in_one_field_leaves_its_siblings_whole(client: GraphQLClient, seeded: Seeded) -> None:
    query = """{ a: release(name: "app") { %s evidence(first: 500) { edges { cursor } } %s }
      b: release(name: "app") { %s } evidence(first: 5) { edges { node { proof { rootHash } body { content } } } } }"""
    part = "assessment {treeSize} assessments(first: 5) {edges {cursor}} %s: evidence(first: 5) {edges {cursor}}"
    for _ in range(20):
        response = await client.post(query % (part % "x", part % "y", part % "z"))
        answer = response.json()
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["page_size"]
        assert answer["data"]["a"] is None
        assert len(answer["data"]["b"]["z"]["edges"]) == 1
        assert len(answer["data"]["evidence"]["edges"]) == 5
    assert len(seeded.receipts) == 7


async def test_an_answer_without_data_leaves_nothing_behind(client: GraphQLClient, seeded: Seeded) -> None:
    query = """{ node(id: "x") { id } release(name: "app") { evidence(first: 5) { edges { node { kind } } } }
      evidence(first: 5) { edges { node { proof { rootHash } } } } releases(first: 500) { edges { cursor } } }"""
    others = asyncio.all_tasks()
    for _ in range(20):
        assert await client.code(query) == "page_size"
    for _ in range(20):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == others
    assert (await client.data("{checkpoint {treeSize}}"))["checkpoint"] == {"treeSize": len(seeded.receipts)}


async def test_an_outage_of_the_store_says_so(client: GraphQLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(*_arguments: object) -> None:
        raise StoreUnavailable("PostgreSQL did not answer")

    monkeypatch.setattr(reads, "evidence_page", down)
    assert await client.code(PAGE) == "store_unavailable"


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{evidence(first: 1, last: 1) {edges {cursor}}}", {}, "page_size_missing"),
        ('{evidence(first: 1, after: "%%%") {edges {cursor}}}', {}, "bad_cursor"),
        ('{evidence(first: 1, filter: {kind: "a\\u0000b"}) {edges {cursor}}}', {}, "bad_text"),
        ('{release(name: "a\\u0000b") {id}}', {}, "bad_text"),
        ("query ($ids: [ID!]!) {nodes(ids: $ids) {id}}", {"ids": ["x"] * 101}, "page_size"),
    ],
)
async def test_bad_arguments_have_codes(
    client: GraphQLClient, query: str, variables: dict[str, object], code: str
) -> None:
    assert await client.code(query, **variables) == code


async def test_a_null_where_none_may_be_is_the_clients_mistake(client: GraphQLClient, seeded: Seeded) -> None:
    query = "query ($n: Int = 5) {evidence(first: 1) {edges {node {subjects(first: $n) {name}}}}}"
    errors = await client.errors(query, n=None)
    assert errors[0]["extensions"]["code"] == "bad_argument"
    assert len(seeded.receipts) == 7


async def test_a_cursor_with_another_filter_is_an_error(client: GraphQLClient, seeded: Seeded) -> None:
    query = """query ($after: String, $filter: EvidenceFilter) {
      evidence(first: 2, after: $after, filter: $filter) {edges {cursor}} }"""
    cursor = (await client.data(query))["evidence"]["edges"][0]["cursor"]
    assert await client.code(query, after=cursor, filter={"kind": "sbom"}) == "cursor_of_another_list"
    assert await client.code(query, after=cursor, filter={"status": []}) == "cursor_of_another_list"
    releases = "query ($after: String) {releases(first: 1, after: $after) {edges {cursor}}}"
    assert await client.code(releases, after=cursor) == "cursor_of_another_list"
    assert (await client.data(query, after=cursor))["evidence"]["edges"] != []
    assert len(seeded.receipts) == 7


async def test_bodies_in_one_answer_are_bounded(client: GraphQLClient, appender: Appender, scope: TenantScope) -> None:
    await append_all(appender, scope, *(checked(f"big {n}", body=bytes([n]) * 3_000_000) for n in range(3)))
    query = "query ($first: Int!) {evidence(first: $first) {edges {node {body {size content}}}}}"
    assert len((await client.data(query, first=2))["evidence"]["edges"]) == 2
    errors = await client.errors(query, first=3)
    assert {error["extensions"]["code"] for error in errors} == {"bodies_too_large"}


async def test_erased_bytes_are_null_and_the_record_stays(
    client: GraphQLClient, seeded: Seeded, database: Database, scope: TenantScope
) -> None:
    async with database.tenant(scope) as connection:
        await connection.execute("UPDATE body SET content = NULL")
    query = "query ($id: ID!) {evidenceRecord(id: $id) {erased body {size content} proof {treeSize}}}"
    assert (await client.data(query, id=seeded.evidence_id("sbom")))["evidenceRecord"] == {
        "erased": True,
        "body": {"size": 16, "content": None},
        "proof": {"treeSize": 7},
    }


async def test_an_operation_past_its_deadline_is_stopped_and_its_connection_is_free(
    database: Database, scope: TenantScope, seeded: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(connection: Connection, *_arguments: object) -> None:
        await connection.execute("SELECT pg_sleep(30)")

    client = GraphQLClient(GraphQLEndpoint(build_schema(), Reads(database, small_catalog()), deadline=0.2), scope)
    monkeypatch.setattr(reads, "evidence_page", slow)
    monkeypatch.setattr(reads, "evidence_by_ids", slow)
    query = "query ($id: ID!) {evidence(first: 1) {edges {cursor}} evidenceRecord(id: $id) {kind}}"
    started = time.monotonic()
    answers = await asyncio.gather(*(client.post(query, {"id": seeded.evidence_id("tests")}) for _ in range(12)))
    assert time.monotonic() - started < 5
    assert {(one.status_code, one.json()["errors"][0]["extensions"]["code"]) for one in answers} == {
        (503, "deadline_exceeded")
    }
    assert (await client.data("{checkpoint {treeSize}}"))["checkpoint"] == {"treeSize": 7}


def test_the_list_of_codes_has_every_code_of_this_layer() -> None:
    folder = Path(faults.__file__).parent
    raised = {
        code
        for path in folder.glob("*.py")
        for code in re.findall(r'\bcode="([a-z_]+)"', path.read_text())
        if code != "key_reused"  # a use case's, which becomes a problem here
    }
    listed = set(re.findall(r"[a-z0-9]+(?:_[a-z0-9]+)+", faults.__doc__ or ""))
    assert len(raised) > 30
    assert raised <= listed
