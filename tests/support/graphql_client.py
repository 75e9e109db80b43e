"""Asks a GraphQL endpoint over HTTP, in process, as a given tenant."""

from collections.abc import Mapping
from typing import Any

import httpx
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evidence_api.domain.principal import Principal, ReadGrant, TenantScope
from evidence_api.graphql.view import GraphQLEndpoint


class GraphQLClient:
    """One caller of one endpoint. The principal is put where the web layer puts it."""

    def __init__(self, endpoint: GraphQLEndpoint, scope: TenantScope | None, grant: ReadGrant | None = None) -> None:
        async def answer(request: Request) -> Response:
            state = request.scope.setdefault("state", {})
            state["request_id"] = "test-request"
            if scope is not None:
                kind = "token" if grant is None else "auditor"
                state["principal"] = Principal(kind, "t-1", scope, frozenset({"read"}), grant=grant)
            return await endpoint(request)

        app = Starlette(routes=[Route("/graphql", answer, methods=["GET", "POST"])])
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server.test")

    async def post(
        self, query: str, variables: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """A POST of a query."""
        body = {"query": query, "variables": variables}
        return await self.http.post(
            "/graphql", content=orjson.dumps(body), headers={"content-type": "application/json", **(headers or {})}
        )

    async def data(self, query: str, **variables: object) -> Any:  # noqa: ANN401  any JSON value
        """The data of an answer without errors."""
        response = await self.post(query, variables)
        answer = response.json()
        assert "errors" not in answer, answer["errors"]
        assert response.status_code == 200
        return answer["data"]

    async def errors(self, query: str, **variables: object) -> list[dict[str, Any]]:
        """The errors of an answer that must have some."""
        answer = (await self.post(query, variables)).json()
        assert answer.get("errors"), answer
        errors: list[dict[str, Any]] = answer["errors"]
        return errors

    async def code(self, query: str, **variables: object) -> str:
        """The code of the only error."""
        errors = await self.errors(query, **variables)
        assert len(errors) == 1, errors
        return str(errors[0]["extensions"]["code"])
