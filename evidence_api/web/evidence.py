"""Routes for evidence: upload one document or a batch, get its record's receipt again, get the exact bytes."""

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from evidence_api.domain.digest import parse_digest
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.rates import UPLOAD
from evidence_api.formats.receipt import receipt_to_json
from evidence_api.use_cases.lanes import UPLOADS
from evidence_api.web import batches
from evidence_api.web.bodies import headers_of, receive_body
from evidence_api.web.parts import Parts, parts_of
from evidence_api.web.rates import charge
from evidence_api.web.requests import CREATED, OK, require, require_of
from evidence_api.web.subjects import named_subjects


class PostEvidence:
    """One document in; 201 (new) or 200 (already there) with the receipt. A batch in; a result for each line.

    The one route that is spoken to without request and response objects: what they cost is felt here.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; refusals are raised for web/problems.py."""
        parts = self._parts
        principal = await require_of(scope, parts.access, "evidence:write")
        headers = headers_of(scope)
        if batches.is_batch(headers):
            answer = await batches.accept_batch(parts, principal, headers, receive, scope)
            await _send(send, OK, answer, (b"content-type", batches.MEDIA_TYPE))
            return
        await charge(scope, parts.rates, principal, UPLOAD)
        subjects = named_subjects(scope["query_string"]) if scope["query_string"] else ()
        body = await receive_body(headers, receive, parts.max_body)
        async with parts.lanes.enter(UPLOADS, principal.tenant):
            receipt = await parts.ingest.accept(principal, body, subjects=subjects)
        await _send(send, CREATED if receipt.created else OK, orjson.dumps(receipt_to_json(receipt)), *_told(receipt))


def _told(receipt: Receipt) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    location = f"/v1/evidence/{receipt.evidence_id}/receipt".encode()
    return (b"content-type", b"application/json"), (b"location", location)


async def _send(send: Send, status: int, answer: bytes, *headers: tuple[bytes, bytes]) -> None:
    told = [*headers, (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": status, "headers": told})
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
    content = await parts.reads.body(principal, digest)
    headers = {
        "ETag": etag,
        "Cache-Control": "private, max-age=31536000, immutable",
        "Vary": "Authorization",
        "Content-Disposition": f'attachment; filename="{digest.removeprefix("sha256:")}"',
    }
    if etag in [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(content, OK, headers, media_type="application/octet-stream")
