"""The OpenAPI description of GraphQL over HTTP; web/openapi.py puts it with the rest."""

from typing import Any

from evidence_api.web.openapi_schemas import DIGEST

_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["message", "extensions"],
    "properties": {
        "message": {"type": "string"},
        "locations": {"type": "array", "items": {"type": "object"}},
        "path": {"type": "array", "items": {"type": ["string", "integer"]}},
        "extensions": {
            "type": "object",
            "required": ["code", "requestId"],
            "properties": {"code": {"type": "string"}, "requestId": {"type": "string"}},
        },
    },
}
_RESPONSE: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "properties": {
        "data": {"type": ["object", "null"]},
        "errors": {"type": "array", "minItems": 1, "items": _ERROR},
        "extensions": {"type": "object"},
    },
}
_ANSWER: dict[str, Any] = {
    media: {"schema": _RESPONSE} for media in ("application/json", "application/graphql-response+json")
}
_REQUEST: dict[str, Any] = {
    "type": "object",
    "description": "`query`, or `documentId` of a registered document in its place.",
    "anyOf": [{"required": ["query"]}, {"required": ["documentId"]}],
    "properties": {
        "query": {"type": "string", "minLength": 1, "maxLength": 65_536},
        "documentId": DIGEST,
        "operationName": {"type": ["string", "null"]},
        "variables": {"type": ["object", "null"]},
        "extensions": {"type": ["object", "null"]},
    },
}


def graphql_paths(path: str, problem: dict[str, Any], what: str, *, get: bool = True) -> dict[str, Any]:
    """A path that answers GraphQL. `problem` is the answer of refusals before GraphQL is asked."""
    answers = {
        "200": {"description": "GraphQL response: data, or errors of its fields", "content": _ANSWER},
        "304": {"description": "To a registered document at a pinned tree size: the answer you have"},
        "default": {
            "description": "Refused: GraphQL response without data, or a problem before GraphQL was asked",
            "content": {**_ANSWER, **problem["content"]},
        },
    }
    text = {"type": "string"}
    parameters = [
        {"name": "query", "in": "query", "schema": text},
        {"name": "documentId", "in": "query", "schema": DIGEST},
        {"name": "operationName", "in": "query", "schema": text},
        {"name": "variables", "in": "query", "description": "JSON", "schema": text},
        {"name": "extensions", "in": "query", "description": "JSON", "schema": text},
    ]
    by_url = {"summary": f"{what}, by URL parameters", "responses": answers, "parameters": parameters}
    body = {"required": True, "content": {"application/json": {"schema": _REQUEST}}}
    post = {"summary": what, "responses": answers, "requestBody": body}
    return {path: {"get": by_url, "post": post} if get else {"post": post}}
