"""Routes that look like an Archivista of one tenant: upload, download, query; also under /v1/ as newer clients have it.

Its clients take any status but 200 as failure and show the body, so an upload answers 200, never 201.
"""

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from evidence_api.domain.principal import Principal
from evidence_api.graphql.archivista import ArchivistaEndpoint
from evidence_api.use_cases.archivista import Archivista
from evidence_api.use_cases.lanes import QUERIES
from evidence_api.web.bodies import read_body
from evidence_api.web.parts import parts_of
from evidence_api.web.requests import OK, require

PREFIX = "/compat/archivista/{tenant}"
_JSON = "application/json"


def archivista_routes(archivista: Archivista) -> list[BaseRoute]:
    """The routes; all need a token of the tenant in the path."""
    endpoint = ArchivistaEndpoint(archivista)

    async def upload(request: Request) -> Response:
        principal = await _caller(request, "evidence:write")
        gitoid = await archivista.upload(principal, await read_body(request, parts_of(request).max_body))
        return Response(orjson.dumps({"gitoid": gitoid}), OK, media_type=_JSON)

    async def download(request: Request) -> Response:
        principal = await _caller(request, "evidence:read")
        body = await archivista.download(principal.tenant, request.path_params["gitoid"])
        return Response(body, OK, {"Vary": "Authorization"}, media_type=_JSON)

    async def query(request: Request) -> Response:
        principal = await _caller(request, "evidence:read")
        async with parts_of(request).lanes.enter(QUERIES, principal.tenant):
            body = await endpoint.answer(request, principal.tenant)
        return Response(orjson.dumps(body), OK, {"Cache-Control": "no-store"}, media_type=_JSON)

    return [
        route
        for version in ("", "/v1")
        for route in (
            Route(f"{PREFIX}{version}/upload", upload, methods=["POST"]),
            Route(f"{PREFIX}{version}/download/{{gitoid}}", download, methods=["GET"]),
            Route(f"{PREFIX}{version}/query", query, methods=["POST"]),
        )
    ]


async def _caller(request: Request, action: str) -> Principal:
    """Who asks. Raises NotFound for another tenant's name, as for one that does not exist."""
    return await require(request, parts_of(request).access, action, tenant=request.path_params["tenant"])
