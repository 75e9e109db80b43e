"""An operation that takes too long, or that nobody waits for any more, leaves no statement running."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.graphql.schema import build_schema
from evidence_api.graphql.view import GraphQLEndpoint
from evidence_api.store import page_json, reads
from evidence_api.store.migrate import Login
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.reads import Reads
from tests.support.graphql_client import GraphQLClient
from tests.support.listening import listening
from tests.support.seed import Seeded, small_catalog

PAGE = "{evidence(first: 1) {edges {cursor}}}"
QUERY = '{node(id: "x") {id} evidence(first: 1) {edges {cursor}}}'
RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"


async def slow(connection: Connection, *_arguments: object) -> None:
    await connection.execute("SELECT pg_sleep(30)")


async def statements(owner: "asyncpg.Connection[asyncpg.Record]", wanted: int) -> int:
    """How many slow statements run, once it is as many as wanted or five seconds have gone."""
    for _ in range(500):
        count = int(await owner.fetchval(RUNNING))
        if count == wanted:
            break
        await asyncio.sleep(0.01)
    return count


async def test_past_the_deadline_no_statement_is_left_running(
    database: Database, login: Login, scope: TenantScope, seeded: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "evidence_page", slow)
    monkeypatch.setattr(page_json, "evidence_page_text", slow)
    client = GraphQLClient(GraphQLEndpoint(build_schema(), Reads(database, small_catalog()), deadline=0.3), scope)
    owner = await asyncpg.connect(login.owner_dsn.replace("evidence_owner", "postgres"))
    asked = asyncio.gather(client.post(QUERY), client.post(PAGE))  # through the executor, and past it
    assert await statements(owner, 2) == 2
    answer, page = await asked
    assert page.json()["errors"][0]["extensions"]["code"] == "deadline_exceeded"
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    (error,) = answer.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["limit"]) == ("deadline_exceeded", 0.3)
    assert "data" not in answer.json()
    assert await statements(owner, 0) == 0
    assert (await client.data("{checkpoint {treeSize}}"))["checkpoint"] == {"treeSize": len(seeded.receipts)}
    await owner.close()
    async with database.reading(scope) as connection:  # the second wall
        assert await connection.fetchval("SHOW statement_timeout") == "30s"


def _seen(
    endpoint: Callable[[Request], Awaitable[Response]], scope: TenantScope, answers: asyncio.Queue[bytes]
) -> Starlette:
    async def answer(request: Request) -> Response:
        request.scope.setdefault("state", {})["principal"] = Principal("token", "t-1", scope, frozenset())
        response = await endpoint(request)
        answers.put_nowait(bytes(response.body))
        return response

    return Starlette(routes=[Route("/graphql", answer, methods=["POST"])])


async def test_a_client_that_leaves_takes_its_statements_along(
    database: Database, login: Login, scope: TenantScope, seeded: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = reads.evidence_page
    monkeypatch.setattr(reads, "evidence_page", slow)
    endpoint = GraphQLEndpoint(build_schema(), Reads(database, small_catalog()), deadline=20)
    owner = await asyncpg.connect(login.owner_dsn.replace("evidence_owner", "postgres"))
    answers: asyncio.Queue[bytes] = asyncio.Queue()
    body = json.dumps({"query": QUERY}).encode()
    head = b"POST /graphql HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    async with listening(_seen(endpoint, scope, answers)) as url:
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(head % len(body) + body)
        assert await statements(owner, 1) == 1
        writer.transport.abort()
        assert await statements(owner, 0) == 0
        assert b"client_disconnected" in await asyncio.wait_for(answers.get(), 5)
        monkeypatch.setattr(reads, "evidence_page", original)
        page = await GraphQLClient(endpoint, scope).data("{evidence(first: 9) {edges {cursor}}}")
        assert page["evidence"]["edges"] != []
    assert len(seeded.receipts) > 0
    await owner.close()
