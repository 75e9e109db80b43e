"""Routes for packs: build one for a release, list them, download one by its digest."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from evidence_api.domain.action_request import actor_of
from evidence_api.domain.digest import parse_digest
from evidence_api.domain.errors import Malformed
from evidence_api.use_cases.lanes import EXPORTS
from evidence_api.web.bodies import read_body
from evidence_api.web.parts import parts_of
from evidence_api.web.requests import CREATED, OK, require

_MAX_REQUEST = 64 * 1024


async def post_pack(request: Request) -> Response:
    """`{"release": "name" | "name@version", "redact"?: bool}` in; 201 with the digests of the JSON and PDF packs."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "pack:build")
    release, redact = _asked(await read_body(request, _MAX_REQUEST))
    async with parts.lanes.enter(EXPORTS, principal.tenant):
        built = await parts.packs.build(principal.tenant, release, redact=redact, by=actor_of(principal))
    body = {
        "release": built.release,
        "status": built.status,
        "json": f"/v1/packs/{built.json_digest}",
        "pdf": f"/v1/packs/{built.pdf_digest}",
    }
    return Response(orjson.dumps(body), CREATED, {"Location": body["pdf"]}, media_type="application/json")


async def list_packs(request: Request) -> Response:
    """The tenant's newest packs, newest first."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "pack:read")
    listed = await parts.packs.newest(principal.tenant)
    return Response(orjson.dumps({"packs": listed}), OK, media_type="application/json")


async def get_pack(request: Request) -> Response:
    """The bytes of one pack, exactly as signed."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "pack:read")
    digest = parse_digest(request.path_params["digest"])
    pack = await parts.packs.get(principal.tenant, digest)
    suffix = "pdf" if pack.media_type == "application/pdf" else "json"
    headers = {
        "ETag": f'"{digest}"',
        "Cache-Control": "private, max-age=31536000, immutable",
        "Vary": "Authorization",
        "Content-Disposition": f'attachment; filename="audit-pack.{suffix}"',
    }
    return Response(pack.content, OK, headers, media_type=pack.media_type)


def _asked(body: bytes) -> tuple[str, bool]:
    try:
        asked: Any = orjson.loads(body)
    except orjson.JSONDecodeError as fault:
        raise Malformed(f"not JSON: {fault}", path="$") from fault
    name = asked.get("release") if isinstance(asked, dict) else None
    if not isinstance(name, str) or not name:
        raise Malformed('say which release: {"release": "name" or "name@version"}', path="release")
    redact = asked.get("redact", False)
    if not isinstance(redact, bool):
        raise Malformed("redact is true or false", path="redact", value=str(redact)[:80])
    return name, redact
