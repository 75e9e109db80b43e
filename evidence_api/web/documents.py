"""Routes for persisted documents: register a GraphQL text under its digest, list them, read one, take it out."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from evidence_api.domain.digest import digest_of, parse_digest
from evidence_api.domain.errors import Malformed, VerificationFailed
from evidence_api.domain.persisted_document import PersistedDocument
from evidence_api.web.bodies import read_body
from evidence_api.web.parts import parts_of
from evidence_api.web.requests import CREATED, OK, require

_MAX_TEXT = 64 * 1024
_NO_CONTENT = 204


def put_document(check: Callable[[str], None]) -> Callable[[Request], Awaitable[Response]]:
    """The route that registers; `check` says what is wrong with a text by raising it."""

    async def put(request: Request) -> Response:
        """201 (new) or 200 (already there). The body is the text; `?name=` says what it is for."""
        parts = parts_of(request)
        principal = await require(request, parts.access, "document:write")
        made, created = await parts.documents.add(
            principal.tenant,
            _text(await read_body(request, _MAX_TEXT), parse_digest(request.path_params["digest"])),
            name=request.query_params.get("name", ""),
            by=f"{principal.kind} {principal.id}",
            check=check,
        )
        headers = {"Location": f"/v1/documents/{made.digest}"}
        status = CREATED if created else OK
        return Response(orjson.dumps(_record(made)), status, headers, media_type="application/json")

    return put


def _text(body: bytes, digest: str) -> str:
    """Raises VerificationFailed `document_digest`, Malformed."""
    if (found := digest_of(body)) != digest:
        said = f"the body is {found}, it was sent under {digest}"
        raise VerificationFailed(said, code="document_digest", path="body", value=found)
    try:
        return body.decode()
    except UnicodeDecodeError as fault:
        raise Malformed(f"the body is not UTF-8: {fault}", path="body") from fault


async def list_documents(request: Request) -> Response:
    """All of the tenant's, newest first, without their texts."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "evidence:read")
    listed = [_record(one) for one in await parts.documents.every(principal.tenant)]
    return Response(orjson.dumps({"documents": listed}), OK, media_type="application/json")


async def get_document(request: Request) -> Response:
    """The text of one."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "evidence:read")
    found = await parts.documents.get(principal.tenant, parse_digest(request.path_params["digest"]))
    return Response(found.text, OK, media_type="application/graphql; charset=utf-8")


async def delete_document(request: Request) -> Response:
    """Nobody can name it any more."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "document:write")
    await parts.documents.remove(principal.tenant, parse_digest(request.path_params["digest"]))
    return Response(status_code=_NO_CONTENT)


def _record(document: PersistedDocument) -> dict[str, Any]:
    return {
        "digest": document.digest,
        "name": document.name,
        "registeredBy": document.registered_by,
        "registeredAt": document.registered_at,
    }
