"""HTTP edge of GraphQL, reading: a request becomes query text, variables and operation name, or is refused.

Source: GraphQL over HTTP draft, sections Request, GET and POST.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.graphql.limits import check_values
from evidence_api.graphql.media_types import JSON, is_json

MAX_BODY = 256 * 1024
MAX_NESTING = 1024  # what the JSON reader takes
MAX_VALUES = 500  # in the variables: telling what is wrong with so many costs some 12 ms, and grows with the square
_DOCUMENT_ID = re.compile(r"sha256:[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a well-formed request asks for. `query` is empty where a persisted document is named instead."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None = None
    document_id: str | None = None

    @property
    def signed_receipt(self) -> bool:
        """Whether the answer is to come with a receipt."""
        return self.extensions is not None and self.extensions.get("signedReceipt") is True


async def read_parameters(request: Request) -> Parameters:
    """The parameters of a GET or POST. Raises Malformed, TooLarge `body_too_large`."""
    if request.method == "GET":
        return _checked(_from_query(request))
    if not is_json(request.headers.get("content-type")):
        raise Malformed(f"send {JSON} in UTF-8", code="unsupported_media_type", path="content-type")
    body = await _read_body(request)
    return _checked(_decoded(body, "body"))


def _from_query(request: Request) -> dict[str, Any]:
    """Parameters of a GET: each at most once, `variables` and `extensions` as JSON texts."""
    given: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise Malformed(f"`{name}` is given twice", code="bad_request", path=name)
        given[name] = _decoded(value.encode(), name) if name in ("variables", "extensions") and value else value
    return {name: value for name, value in given.items() if value != ""}


async def _read_body(request: Request) -> bytes:
    """The whole body, refused while streaming as soon as it is over the limit."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_BODY:
        raise _too_large(int(declared))
    chunks = bytearray()
    try:
        async for chunk in request.stream():
            chunks += chunk
            if len(chunks) > MAX_BODY:
                raise _too_large(len(chunks))
    except ClientDisconnect as gone:
        raise Malformed("the body ended early", code="bad_request", path="body", value=len(chunks)) from gone
    return bytes(chunks)


def _too_large(size: int) -> TooLarge:
    return TooLarge(
        f"the body has {size} bytes or more, at most {MAX_BODY} are read",
        code="body_too_large",
        limit=MAX_BODY,
        value=size,
    )


def _decoded(text: bytes, path: str) -> Any:  # noqa: ANN401  any JSON value
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, RecursionError) as fault:
        if "depth limit" in str(fault) or isinstance(fault, RecursionError):
            said = f"{path} is nested more than {MAX_NESTING} deep"
            raise TooLarge(said, code="json_too_deep", path=path, limit=MAX_NESTING) from fault
        if not text.isascii() and not _is_utf8(text):
            raise Malformed(f"{path} is not UTF-8", code="invalid_utf8", path=path) from fault
        raise Malformed(f"{path} is not JSON: {fault}", code="bad_request", path=path) from fault


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _checked(given: object) -> Parameters:
    """Check the types the specification gives the parameters, and `documentId`."""
    if not isinstance(given, Mapping):
        raise Malformed("the body must be a JSON object", code="bad_request", path="body")
    document_id = given.get("documentId")
    if document_id is not None and (not isinstance(document_id, str) or not _DOCUMENT_ID.match(document_id)):
        raise Malformed("`documentId` must be sha256:<64 hex digits>", code="bad_request", path="documentId")
    query = given.get("query")
    if query is None and document_id is not None:
        query = ""
    elif not isinstance(query, str) or not query:
        raise Malformed("`query` must be a string", code="bad_request", path="query")
    operation_name = given.get("operationName")
    if operation_name is not None and not isinstance(operation_name, str):
        raise Malformed("`operationName` must be a string", code="bad_request", path="operationName")
    for name in ("variables", "extensions"):
        if given.get(name) is not None and not isinstance(given[name], dict):
            raise Malformed(f"`{name}` must be an object", code="bad_request", path=name)
    check_values(given.get("variables"), MAX_VALUES)
    return Parameters(query, given.get("variables"), operation_name or None, given.get("extensions"), document_id)
