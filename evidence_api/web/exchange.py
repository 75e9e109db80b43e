"""Route for CI jobs: their OIDC token in, an upload token of fifteen minutes out. Needs no token of ours."""

from typing import Any

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response

from evidence_api.domain.errors import Malformed
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.web.bodies import read_body
from evidence_api.web.parts import parts_of
from evidence_api.web.requests import CREATED

log = structlog.get_logger(__name__)

_MAX_REQUEST = 32 * 1024


async def post_token_exchange(request: Request) -> Response:
    """`{"token": "<JWT>", "tenant": "<name>"}` in; 201 with the upload token, shown this once."""
    asked = _asked(await read_body(request, _MAX_REQUEST))
    made = await parts_of(request).exchange.exchange(asked["token"], asked["tenant"])
    log.info("token_exchanged", tenant=made.tenant, rules=list(made.rules))
    body = {
        "token": made.token,
        "tenant": made.tenant,
        "expiresAt": format_rfc3339(made.expires),
        "rules": list(made.rules),
    }
    return Response(orjson.dumps(body), CREATED, {"Cache-Control": "no-store"}, media_type="application/json")


def _asked(body: bytes) -> dict[str, str]:
    """The two members. Raises Malformed naming the one at fault."""
    try:
        asked: Any = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise Malformed(f"not JSON: {fault.msg}", line=fault.lineno) from fault
    if not isinstance(asked, dict):
        raise Malformed("a JSON object with token and tenant is asked for")
    for name in ("token", "tenant"):
        if not isinstance(asked.get(name), str) or not asked[name]:
            raise Malformed(f"{name} is a text that is not empty", path=name)
    return {"token": asked["token"], "tenant": asked["tenant"]}
