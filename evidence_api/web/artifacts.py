"""Routes for artifacts: put a raw file under its digest, ask whether it is there, get it back. All of it streams."""

from collections.abc import AsyncIterator

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from evidence_api.domain.digest import parse_digest
from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.use_cases.lanes import UPLOADS
from evidence_api.web.parts import parts_of
from evidence_api.web.requests import CREATED, OK, require


async def put_artifact(request: Request) -> Response:
    """201 (new) or 200 (already there). A broken upload leaves nothing: send the file again."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "evidence:write")
    digest = parse_digest(request.path_params["digest"])
    _check_declared(request, parts.artifacts.limit)
    async with parts.lanes.enter(UPLOADS, principal.tenant):
        put = await parts.artifacts.put(principal, digest, _chunks(request))
    body = {"digest": put.digest, "size": put.size, "created": put.created}
    location = {"Location": f"/v1/artifacts/{put.digest}"}
    return Response(orjson.dumps(body), CREATED if put.created else OK, location, media_type="application/json")


async def get_artifact(request: Request) -> Response:
    """The bytes (GET) or whether they are there (HEAD)."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "evidence:read")
    digest = parse_digest(request.path_params["digest"])
    etag = f'"{digest}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, max-age=31536000, immutable",
        "Vary": "Authorization",
        "Content-Disposition": f'attachment; filename="{digest.removeprefix("sha256:")}"',
        "X-Content-Type-Options": "nosniff",
    }
    if request.method == "HEAD" or etag in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
        found = await parts.artifacts.find(principal.tenant, digest)
        if request.method != "HEAD":
            return Response(status_code=304, headers=headers)
        size, chunks = found.size, None
    else:
        size, chunks = await parts.artifacts.open(principal.tenant, digest)
    headers["Content-Length"] = str(size)
    if chunks is None:
        return Response(None, OK, headers, media_type="application/octet-stream")
    return StreamingResponse(chunks, OK, headers, media_type="application/octet-stream")


def _check_declared(request: Request, limit: int) -> None:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLarge(
            f"the artifact has {int(declared)} bytes, at most {limit} are taken", limit=limit, value=int(declared)
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Malformed("an artifact is sent as it is, its digest is of those bytes", path="content-encoding")


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect as gone:
        raise Malformed("the body ended early; nothing was kept, send the file again", path="body") from gone
