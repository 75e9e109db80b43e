"""Routes for evidence: upload one document, get its record's receipt again, get the exact bytes."""

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from evidence_api.domain.digest import parse_digest
from evidence_api.formats.receipt import receipt_to_json
from evidence_api.web.parts import Parts, parts_of
from evidence_api.web.requests import CREATED, OK, receive_body, require, require_of


class PostEvidence:
    """One DSSE envelope or Sigstore bundle in; 201 (new) or 200 (already there) with the receipt.

    The one route that is spoken to without request and response objects: what they cost is felt here.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; refusals are raised for web/problems.py."""
        parts = self._parts
        principal = await require_of(scope, parts.access, "evidence:write")
        body = await receive_body(scope, receive, parts.max_body)
        receipt = await parts.ingest.accept(principal, body)
        answer = orjson.dumps(receipt_to_json(receipt))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(answer)),
            (b"location", f"/v1/evidence/{receipt.evidence_id}/receipt".encode()),
        ]
        status = CREATED if receipt.created else OK
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


async def get_receipt(request: Request) -> Response:
    """The receipt of stored evidence, proved against the newest checkpoint."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "evidence:read")
    evidence_id = parse_digest(request.path_params["evidence_id"])
    receipt = await parts.log.receipt(principal.tenant, evidence_id)
    return Response(orjson.dumps(receipt_to_json(receipt)), OK, media_type="application/json")


async def get_blob(request: Request) -> Response:
    """The bytes received, unchanged, named by their digest (DECIDE 24: immutable, private, attachment)."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "evidence:read")
    digest = parse_digest(request.path_params["digest"])
    etag = f'"{digest}"'
    content = await parts.reads.body(principal.tenant, digest)
    headers = {
        "ETag": etag,
        "Cache-Control": "private, max-age=31536000, immutable",
        "Vary": "Authorization",
        "Content-Disposition": f'attachment; filename="{digest.removeprefix("sha256:")}"',
    }
    if etag in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(content, OK, headers, media_type="application/octet-stream")
