"""The ASGI application: every route and layer in one visible expression."""

from collections.abc import Sequence
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ExceptionHandler

from evidence_api.domain.errors import EvidenceError
from evidence_api.graphql.view import GraphQLEndpoint
from evidence_api.web import (
    artifacts,
    decide,
    decision_logs,
    documents,
    events,
    evidence,
    exchange,
    federation,
    health,
    packs,
    policy_bundles,
    problems,
    releases,
    tlog,
)
from evidence_api.web.access_layer import AccessLayer
from evidence_api.web.archivista import archivista_routes
from evidence_api.web.body_pace import BodyPace
from evidence_api.web.openapi import openapi_document
from evidence_api.web.parts import Parts, parts_of
from evidence_api.web.requests import OK, RequestIdentity, require_still

_HANDLERS: dict[Any, ExceptionHandler] = {
    EvidenceError: problems.on_evidence_error,
    HTTPException: problems.on_http_error,
    Exception: problems.on_fault,
}


def _rest_routes(parts: Parts, graphql: GraphQLEndpoint) -> list[BaseRoute]:
    """What is done with a token, and how a CI job gets one."""
    return [
        Route("/v1/token-exchange", exchange.post_token_exchange, methods=["POST"]),
        Route("/v1/evidence", evidence.PostEvidence(parts), methods=["POST"]),
        Route("/v1/evidence/{evidence_id}/receipt", evidence.get_receipt),
        Route("/v1/blobs/{digest}", evidence.get_blob),
        Route("/v1/events", events.get_events, methods=["GET"]),
        Route("/v1/artifacts/{digest}", artifacts.put_artifact, methods=["PUT"]),
        Route("/v1/artifacts/{digest}", artifacts.get_artifact),
        Route("/v1/decide", decide.list_areas, methods=["GET"]),
        Route("/v1/decide/{area}", decide.post_decision, methods=["POST"]),
        Route("/v1/decision-logs", decision_logs.post_decision_log, methods=["POST"]),
        Route("/v1/decision-logs/{partition}", decision_logs.post_decision_log, methods=["POST"]),
        Route("/v1/documents", documents.list_documents, methods=["GET"]),
        Route("/v1/documents/{digest}", documents.put_document(graphql.check_document), methods=["PUT"]),
        Route("/v1/documents/{digest}", documents.get_document, methods=["GET"]),
        Route("/v1/documents/{digest}", documents.delete_document, methods=["DELETE"]),
        Route("/v1/packs", packs.list_packs, methods=["GET"]),
        Route("/v1/packs", packs.post_pack, methods=["POST"]),
        Route("/v1/packs/{digest}", packs.get_pack),
        Route("/v1/releases/{release}/vsa", releases.get_vsa),
        Route("/v1/releases/{release}/svr", releases.get_svr),
        Route("/v1/evidence-key", releases.get_evidence_key),
        Route("/v1/policy-bundles/key.pem", policy_bundles.get_policy_key, methods=["GET"]),
        Route("/v1/policy-bundles/{tenant}.tar.gz", policy_bundles.get_policy_bundle, methods=["GET"]),
        Route("/v1/log/{tenant}/checkpoint", tlog.get_checkpoint),
        *archivista_routes(parts.archivista),
    ]


def _layers(parts: Parts) -> list[Middleware]:
    """What every request passes, outermost first."""
    return [Middleware(RequestIdentity), Middleware(AccessLayer, audit=parts.access_audit), Middleware(BodyPace)]


def _subgraph_routes(subgraph: GraphQLEndpoint | None) -> list[BaseRoute]:
    """Where a router of Apollo Federation asks, if it may."""
    if subgraph is None:
        return []

    async def ask(request: Request) -> Response:
        await require_still(request, parts_of(request).access, "evidence:read")
        return await subgraph(request)

    return [Route("/subgraph", ask, methods=["POST"])]


def create_app(
    parts: Parts,
    graphql: GraphQLEndpoint,
    more_routes: Sequence[BaseRoute] = (),
    *,
    subgraph: GraphQLEndpoint | None = None,
) -> Starlette:
    """Build the application over the use cases. `more_routes` come last (benchmarks add one)."""
    described = orjson.dumps(openapi_document(subgraph=subgraph is not None))

    async def get_openapi(_request: Request) -> Response:
        return Response(described, OK, media_type="application/json")

    async def query(request: Request) -> Response:
        await require_still(request, parts_of(request).access, "evidence:read")
        return await graphql(request)

    app = Starlette(
        middleware=_layers(parts),
        exception_handlers=_HANDLERS,
        routes=[
            *_rest_routes(parts, graphql),
            Route("/graphql", query, methods=["GET", "POST"]),
            *_subgraph_routes(subgraph),
            *federation.federation_routes(graphql),
            Route("/healthz", health.get_healthz),
            Route("/readyz", health.get_readyz),
            Route("/metrics", health.get_metrics),
            Route("/openapi.json", get_openapi),
            Route("/", health.get_index),
            *more_routes,
        ],
    )
    app.state.parts = parts
    return app
