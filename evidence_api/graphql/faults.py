"""Errors on their way out: our own keep code and figures, a client's mistake its words, all else is masked.

Codes of GraphQL itself: syntax_error, validation_failed, bad_variables, bad_argument; of the request: bad_request,
invalid_utf8, json_too_deep, body_too_large, body_too_slow, not_acceptable, unsupported_media_type, method_not_allowed,
client_disconnected; of the document: source_too_long, too_many_tokens, too_many_comments, too_many_definitions,
too_many_fields, too_many_root_fields, too_many_aliases, too_many_repeats, too_many_values, too_deep, fragment_cycle,
no_operation, ambiguous_operation, unknown_operation, unsupported_operation, unknown_document, document_not_allowed,
introspection_not_allowed, type_not_granted, read_only, cost_limit_exceeded; of arguments: page_size, page_size_missing,
bad_cursor, cursor_of_another_list, component_not_named, leaf_not_named, release_not_named, vulnerability_not_named,
bad_standpoint, standpoints_out_of_order, unknown_kind, bad_position, bad_representation, too_many_representations; of
running it: deadline_exceeded, outside_grant, bodies_too_large, decisions_too_large, no_policy; of a masked fault:
internal_fault, which goes to the log with its trace and to the client with the request id alone. What use cases refuse
has codes of its own (domain/errors.py), e.g. rate_limited, lane_full, not_found.
"""

from collections.abc import Iterable
from typing import Any

import structlog
from graphql import GraphQLError

from evidence_api.domain.errors import EvidenceError

log = structlog.get_logger(__name__)

_LONGEST_MESSAGE = 500  # characters


def of_ours(error: EvidenceError, request_id: str) -> dict[str, Any]:
    """The error object of one of our own refusals, not tied to a field."""
    return {"message": error.message, "extensions": _extensions(error, request_id)}


def of_document(errors: Iterable[GraphQLError], code: str, request_id: str) -> list[dict[str, Any]]:
    """Error objects of a document that does not run: their words are about the client's own text."""
    told = {"code": code, "requestId": request_id}
    return [{**error.formatted, "message": _shortened(error.message), "extensions": told} for error in errors]


def of_execution(errors: Iterable[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """Error objects of fields. What is not an EvidenceError or a bad argument is logged and masked."""
    return [_of_field(error, request_id) for error in errors]


def internal(request_id: str) -> dict[str, Any]:
    """The error object of a fault of ours."""
    return {
        "message": "the server failed; quote the request id",
        "extensions": {"code": "internal_fault", "requestId": request_id},
    }


def _of_field(error: GraphQLError, request_id: str) -> dict[str, Any]:
    place = {key: value for key, value in error.formatted.items() if key in ("locations", "path")}
    cause = _cause(error)
    if isinstance(cause, EvidenceError):
        return {"message": cause.message, **place, "extensions": _extensions(cause, request_id)}
    if isinstance(cause, GraphQLError) and cause.nodes:
        # Raised while reading arguments, before any resolver ran: it has the argument's place in the text.
        # (A value that will not serialise has no nodes of its own, and is our fault.)
        told = {"code": "bad_argument", "requestId": request_id}
        return {"message": _shortened(cause.message), **place, "extensions": told}
    log.error("field_fault", request_id=request_id, path=error.path, exc_info=cause)
    return {**internal(request_id), **place}


def _shortened(message: str) -> str:
    """Messages repeat values of the client's own, which may be as long as its request."""
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}…"


def _cause(error: GraphQLError) -> BaseException:
    """The innermost exception graphql-core located."""
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _extensions(error: EvidenceError, request_id: str) -> dict[str, Any]:
    return {**error.fields, "code": error.code, "requestId": request_id}
