"""Routes for operators: alive, ready (database and policy engine answer), metrics."""

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from evidence_api import __version__
from evidence_api.web.parts import parts_of
from evidence_api.web.requests import OK


async def get_index(_request: Request) -> Response:
    """Where things are."""
    body = {
        "name": "evidence-api",
        "version": __version__,
        "graphql": "/graphql",
        "evidence": "/v1/evidence",
        "packs": "/v1/packs",
        "openapi": "/openapi.json",
        "health": "/readyz",
    }
    return Response(orjson.dumps(body), OK, media_type="application/json")


async def get_healthz(_request: Request) -> Response:
    """The process is alive."""
    return Response(b'{"status":"alive"}', OK, media_type="application/json")


async def get_readyz(request: Request) -> Response:
    """Database and policy engine answer. Raises Undecided (503) if one does not."""
    await parts_of(request).readiness.check()
    return Response(b'{"status":"ready"}', OK, media_type="application/json")


async def get_metrics(_request: Request) -> Response:
    """Prometheus text. Counts only: nothing of any tenant."""
    return Response(generate_latest(), OK, media_type=CONTENT_TYPE_LATEST)
