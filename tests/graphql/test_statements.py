"""One statement per list level, however many rows: counted at the driver."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import pytest

from evidence_api.domain.principal import TenantScope
from evidence_api.store import assessments
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.append import Appender
from tests.support.checked import checked, release
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import Seeded, append_all, example_assessment

DEEP = """query ($many: Int!) { releases(first: $many) { edges { node { name
  evidence(first: 3) { edges { node { kind facts subjects(first: 2) { digests } verification { signer { __typename } }
    body { content } proof { rootHash } } } }
  assessment { treeSize findings(first: 3) { edges { node { outcome control { title }
    evidence(first: 2) { edges { node { kind } } } } } } criteria(first: 2) { edges { node { outcome } } } }
  assessments(first: 2) { edges { node { treeSize findings(last: 2) { edges { node { outcome } } } } } }
} } } }"""

Taking: TypeAlias = Callable[[TenantScope], AbstractAsyncContextManager[Connection]]


@pytest.fixture
def statements(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement a reading session sends, but for the driver's own questions about types, once a connection."""
    seen: list[str] = []

    def note(record: Any) -> None:  # noqa: ANN401  the driver's record
        if "typeinfo_tree" not in record.query and "'jit'" not in record.query:
            seen.append(record.query)

    def counted(taking: Taking) -> Taking:
        @asynccontextmanager
        async def take(scope: TenantScope) -> AsyncIterator[Connection]:
            async with taking(scope) as connection:
                with connection.query_logger(note):
                    yield connection

        return take

    monkeypatch.setattr(database, "reading", counted(database.reading))
    monkeypatch.setattr(database, "bound", counted(database.bound))
    return seen


async def forget(statements: list[str]) -> None:
    """Those so far; the driver tells of them a turn later."""
    await asyncio.sleep(0)
    statements.clear()


@pytest.fixture
async def many(database: Database, appender: Appender, scope: TenantScope, seeded: Seeded) -> Seeded:
    """Thirty more releases, each with evidence and an assessment."""
    for number in range(30):
        artifact = f"artifact {number}"
        made = release(f"app-{number}", artifact)
        receipts = await append_all(
            appender,
            scope,
            made,
            checked(f"tests {number}", subjects=(artifact,)),
            checked(f"sbom {number}", kind="sbom", subjects=(artifact,)),
        )
        named = dict(zip(("release", "tests", "sbom"), receipts, strict=True))
        async with database.tenant(scope) as connection:
            await assessments.save(
                connection, scope, example_assessment(seeded.catalog, named, tree_size=receipts[-1].tree_size)
            )
    return seeded


async def test_a_flat_page_is_one_statement_beside_the_head(
    client: GraphQLClient, many: Seeded, statements: list[str]
) -> None:
    query = "{evidence(first: 50) {edges {node {kind facts subjects {digests} verification {trustRoot} erased}}}}"
    assert len((await client.data(query))["evidence"]["edges"]) == 50
    assert len([one for one in statements if "FROM evidence e" in one]) == 1
    assert len(statements) == 2
    assert len(many.receipts) == 7


async def test_a_page_of_plain_fields_is_one_statement(
    client: GraphQLClient, many: Seeded, statements: list[str]
) -> None:
    query = """{evidence(first: 50) {edges {cursor node {id kind received erased subjects {name digests} body {size}}}
      pageInfo {hasNextPage endCursor}}}"""
    for _ in range(2):  # a connection is bound before its first page
        await forget(statements)
        assert len((await client.data(query))["evidence"]["edges"]) == 50
    await asyncio.sleep(0)
    assert len(statements) == 1
    assert len(many.receipts) == 7


async def test_statements_do_not_grow_with_rows(client: GraphQLClient, many: Seeded, statements: list[str]) -> None:
    await client.data(DEEP, many=2)
    few = len(statements)
    await forget(statements)
    data = await client.data(DEEP, many=32)
    assert len(data["releases"]["edges"]) == 32
    assert sum(len(edge["node"]["evidence"]["edges"]) for edge in data["releases"]["edges"]) == 94
    assert len(statements) == few
    # head, releases, owned evidence, bodies, leaves + tiles + edge of the proofs, assessments in force, history,
    # findings twice (two lists), criteria, evidence of findings
    assert few == 13
    assert len(many.receipts) == 7


async def test_columns_nobody_asked_for_are_not_read(
    client: GraphQLClient, seeded: Seeded, statements: list[str]
) -> None:
    await client.data("{evidence(first: 5) {edges {node {kind}}}}")
    assert not [one for one in statements if "facts" in one or "verification" in one or "evidence_subject" in one]
    query = """query ($id: ID!) {evidence(first: 5) {edges {...E}} node(id: $id) {...F}}
      fragment E on EvidenceEdge {node {... on Evidence {facts}}} fragment F on Evidence {verification {status}}"""
    node_id = (await client.data("{evidence(first: 1) {edges {node {id}}}}"))["evidence"]["edges"][0]["node"]["id"]
    await forget(statements)
    data = await client.data(query, id=node_id)
    assert data["node"] == {"verification": {"status": "VERIFIED"}}
    assert [("e.facts" in one, "e.verification" in one) for one in statements if "FROM evidence e" in one] == [
        (True, False),
        (False, True),
    ]
    assert len(seeded.receipts) == 7


async def test_the_catalog_and_the_viewer_need_no_database(client: GraphQLClient, statements: list[str]) -> None:
    await client.data("{viewer {kind} __schema {queryType {name}} controls(first: 5) {edges {node {criteria {ref}}}}}")
    assert statements == []


async def test_verdicts_below_a_framework_are_loaded_together(
    client: GraphQLClient, seeded: Seeded, statements: list[str]
) -> None:
    query = """query ($release: ID!) { framework(id: "aicpa-tsc") { criteria(first: 5) { edges { node {
      result(release: $release) { outcome } controls { finding(release: $release) { outcome
        evidence(first: 5) { edges { node { kind } } } } } } } } } }"""
    await client.data(query, release=seeded.evidence_id("release"))
    assert len(statements) == 5  # head, the assessment, its criteria, its findings, their evidence
