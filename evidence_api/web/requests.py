"""What every request passes on its way in: an id, and a principal with the right it needs."""

import itertools
import secrets
import time
from functools import lru_cache
from http import HTTPStatus

from prometheus_client import Counter, Histogram
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evidence_api.domain.errors import Unauthenticated
from evidence_api.domain.principal import Principal
from evidence_api.domain.rates import Standing
from evidence_api.formats.rate_headers import rate_headers
from evidence_api.graphql.event_stream import STILL
from evidence_api.use_cases.access import Access
from evidence_api.web.rates import charge, cost_of_action

REQUESTS = Counter("evidence_requests_total", "Requests answered", ["method", "status"])
SECONDS = Histogram("evidence_request_seconds", "Time to answer", ["method"])

_PROCESS = secrets.token_hex(8)  # what tells this process's request ids from another's
_numbers = itertools.count(1)
_count_of = lru_cache(maxsize=256)(REQUESTS.labels)
_seconds_of = lru_cache(maxsize=64)(SECONDS.labels)


class RequestIdentity:
    """Outermost layer: gives each request an id, counts it and times it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with `state.request_id`; answer with X-Request-Id."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identity = f"{_PROCESS}{next(_numbers):016x}"
        scope.setdefault("state", {})["request_id"] = identity
        started = time.perf_counter()

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identity.encode())]
                if "rate" in scope["state"]:  # web/rates.py put it there
                    message["headers"] += _told(scope["state"]["rate"])
                _count_of(scope["method"], str(message["status"])).inc()
                _seconds_of(scope["method"]).observe(time.perf_counter() - started)
            await send(message)

        await self.app(scope, receive, tagged)


async def require(request: Request, access: Access, action: str, *, tenant: str | None = None) -> Principal:
    """Authenticate the bearer token and ask the authorisation policy; `tenant` is whose the thing asked for is, where
    the path says so; then charge for it. Raises Unauthenticated, Forbidden, RateLimited, NotFound (another
    tenant's)."""
    principal = await require_of(request.scope, access, action, tenant=tenant)
    await charge(request.scope, request.app.state.parts.rates, principal, cost_of_action(action))
    return principal


async def require_still(request: Request, access: Access, action: str) -> Principal:
    """The same for an answer that may go on: whoever sends it asks again now and then (graphql/event_stream.py)."""
    scope = request.scope

    async def still() -> None:
        token = header(scope, b"authorization").partition(b" ")[2].strip().decode("latin-1")
        await access.authorise(await access.authenticate(token), action)

    principal = await require_of(scope, access, action)
    scope["state"][STILL] = still
    return principal


async def require_of(scope: Scope, access: Access, action: str, *, tenant: str | None = None) -> Principal:
    """`require` of a bare connection."""
    scheme, _, token = header(scope, b"authorization").partition(b" ")
    if scheme.lower() != b"bearer" or not token:
        raise Unauthenticated("send an API token: Authorization: Bearer evs_…")
    principal = await access.authenticate(token.strip().decode("latin-1"))
    state = scope["state"]
    state["principal"] = principal  # before it is asked what they may do: a refusal is theirs too
    if "access" in state:  # access_layer.py put it there
        state["access"].action = action
    await access.authorise(principal, action, tenant=tenant)
    return principal


def _told(standing: Standing) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in rate_headers(standing).items()]


def header(scope: Scope, name: bytes) -> bytes:
    """The first header of that lower-case name, empty if there is none."""
    for given, value in scope["headers"]:
        if given == name:
            return bytes(value)
    return b""


CREATED, OK = int(HTTPStatus.CREATED), int(HTTPStatus.OK)
