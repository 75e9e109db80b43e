"""Routes for the log: the newest checkpoint, as a signed note (C2SP tlog-checkpoint)."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from evidence_api.web.parts import parts_of
from evidence_api.web.requests import require


async def get_checkpoint(request: Request) -> Response:
    """The caller's own log only; another tenant's name is answered like one that does not exist."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "evidence:read", tenant=request.path_params["tenant"])
    checkpoint = await parts.log.checkpoint(principal.tenant)
    return PlainTextResponse(checkpoint, headers={"Cache-Control": "no-store"})
