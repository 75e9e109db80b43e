"""Routes for what other tools read of a release: its verdict as a VSA or an SVR, and the key these verify with."""

from starlette.requests import Request
from starlette.responses import Response

from evidence_api.use_cases.summaries import SummaryForm
from evidence_api.web.parts import parts_of
from evidence_api.web.requests import OK, require

_PEM = "application/x-pem-file"


async def get_vsa(request: Request) -> Response:
    """The verdict in force as a SLSA verification summary, signed (DSSE)."""
    return await _summary(request, SummaryForm.VSA)


async def get_svr(request: Request) -> Response:
    """The controls that passed as an in-toto simple verification result, signed (DSSE)."""
    return await _summary(request, SummaryForm.SVR)


async def get_evidence_key(request: Request) -> Response:
    """The public half of the key the server signs its own evidence and these summaries with."""
    parts = parts_of(request)
    await require(request, parts.access, "release:read")
    key = parts.summaries.key
    headers = {"ETag": f'"{key.key_id}"', "Content-Disposition": 'attachment; filename="evidence-server.pem"'}
    return Response(key.pem, OK, headers, media_type=_PEM)


async def _summary(request: Request, form: SummaryForm) -> Response:
    parts = parts_of(request)
    principal = await require(request, parts.access, "release:read")
    summary = await parts.summaries.make(principal.tenant, request.path_params["release"], form)
    headers = {
        "Cache-Control": "private, no-cache",  # the next assessment gives another one
        "Vary": "Authorization",
        "Content-Disposition": f'attachment; filename="{form.value[0]}.dsse.json"',
    }
    return Response(summary.envelope, OK, headers, media_type=form.media_type)
