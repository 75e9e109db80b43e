"""One table from our errors to HTTP: every refusal is application/problem+json (RFC 9457) with our code."""

from http import HTTPStatus
from typing import Any

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from evidence_api.domain import errors
from evidence_api.formats.rate_headers import refusal_headers

log = structlog.get_logger(__name__)

# The nearest class in the error's ancestry decides.
STATUS: dict[type[errors.EvidenceError], HTTPStatus] = {
    errors.Refused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.TooSlow: HTTPStatus.REQUEST_TIMEOUT,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.InvalidSource: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PackRejected: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Undecided: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
}
# Problems that have a registered type; all others have one of ours.
_TYPES = {"rate_limited": "https://iana.org/assignments/http-problem-types#quota-exceeded"}
_HEADERS: dict[HTTPStatus, dict[str, str]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": 'Bearer realm="evidence-api"'},
    HTTPStatus.REQUEST_TIMEOUT: {"Connection": "close"},
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: {"Accept-Encoding": "gzip"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "1"},
}


def status_of(error: errors.EvidenceError) -> HTTPStatus:
    """The HTTP status of an error; a class missing from the table is our fault, so 500."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def request_id(request: Request) -> str:
    """The id web/requests.py gave this request."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def problem_of(error: errors.EvidenceError, asked: str) -> dict[str, Any]:
    """The problem (RFC 9457) an error is; `asked` is the id of the request."""
    return _document(status_of(error), error.code, error.message, error.fields, asked)


def problem(
    request: Request, status: HTTPStatus, code: str, detail: str, fields: dict[str, errors.Field] | None = None
) -> Response:
    """Build the response. `fields` (limit, value, path, rules …) become members of the problem."""
    body = _document(status, code, detail, fields or {}, request_id(request))
    headers = _HEADERS.get(status, {})
    return Response(orjson.dumps(body), int(status), headers, media_type="application/problem+json")


def _document(
    status: HTTPStatus, code: str, detail: str, fields: dict[str, errors.Field], asked: str
) -> dict[str, Any]:
    return {
        **fields,
        "type": _TYPES.get(code, f"urn:evidence-api:problem:{code}"),
        "title": status.phrase,
        "status": int(status),
        "code": code,
        "detail": detail,
        "requestId": asked,
    }


async def on_evidence_error(request: Request, error: Exception) -> Response:
    """Translate one of our own errors."""
    if not isinstance(error, errors.EvidenceError):  # registered for that class alone
        raise error
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("undecided", code=error.code, detail=error.message, request_id=request_id(request))
    answer = problem(request, status, error.code, error.message, error.fields)
    if isinstance(error, errors.RateLimited):
        answer.headers.update(refusal_headers(error))
    return answer


async def on_http_error(request: Request, error: Exception) -> Response:
    """Translate the router's own refusals (404, 405)."""
    if not isinstance(error, HTTPException):  # registered for that class alone
        raise error
    status = HTTPStatus(error.status_code)
    answer = problem(request, status, status.name.lower(), error.detail)
    answer.headers.update(error.headers or {})
    return answer


async def on_fault(request: Request, error: Exception) -> Response:
    """Our own fault: the log gets the trace, the caller an id to quote."""
    log.error("fault", request_id=request_id(request), path=request.url.path, exc_info=error)
    return problem(
        request, HTTPStatus.INTERNAL_SERVER_ERROR, "internal_fault", "the server failed; quote the request id"
    )
