"""What every request passes on its way in: an id, a bounded body, a principal with the right it needs."""

import time
import uuid
from http import HTTPStatus

from prometheus_client import Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evidence_api.domain.errors import Malformed, TooLarge, Unauthenticated
from evidence_api.domain.principal import Principal
from evidence_api.use_cases.access import Access

REQUESTS = Counter("evidence_requests_total", "Requests answered", ["method", "status"])
SECONDS = Histogram("evidence_request_seconds", "Time to answer", ["method"])


class RequestIdentity:
    """Outermost layer: gives each request an id, counts it and times it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with `state.request_id`; answer with X-Request-Id."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identity = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = identity
        started = time.perf_counter()

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = identity
                REQUESTS.labels(scope["method"], str(message["status"])).inc()
                SECONDS.labels(scope["method"]).observe(time.perf_counter() - started)
            await send(message)

        await self.app(scope, receive, tagged)


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, refused as soon as it is known to pass `limit` bytes. Raises TooLarge, Malformed."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLarge(f"the body has {declared} bytes, at most {limit} are taken", limit=limit, value=int(declared))
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"the body passed {limit} bytes, the most that is taken", limit=limit, value=size)
            chunks.append(chunk)
    except ClientDisconnect as gone:
        raise Malformed(f"the body ended early, after {size} bytes", path="body", value=size) from gone
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def require(request: Request, access: Access, action: str) -> Principal:
    """Authenticate the bearer token and ask the authorisation policy. Raises Unauthenticated, Forbidden."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("send an API token: Authorization: Bearer evs_…")
    principal = await access.authenticate(token.strip())
    await access.authorise(principal, action)
    request.scope["state"]["principal"] = principal
    return principal


CREATED, OK = int(HTTPStatus.CREATED), int(HTTPStatus.OK)
