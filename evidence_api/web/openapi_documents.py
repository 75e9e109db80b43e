"""The OpenAPI description of persisted documents; web/openapi.py puts it with the rest."""

from typing import Any

from evidence_api.web.openapi_schemas import DIGEST

_RECORD: dict[str, Any] = {
    "type": "object",
    "required": ["digest", "name", "registeredBy", "registeredAt"],
    "properties": {
        "digest": DIGEST,
        "name": {"type": "string"},
        "registeredBy": {"type": "string"},
        "registeredAt": {"type": "string", "format": "date-time"},
    },
}
_ANY_TEXT = {"schema": {"type": "string", "maxLength": 65_536}}
_TEXT = {"application/graphql": _ANY_TEXT}
_ONE_RECORD = {"application/json": {"schema": _RECORD}}
_EVERY: dict[str, Any] = {
    "type": "object",
    "required": ["documents"],
    "properties": {"documents": {"type": "array", "items": _RECORD}},
}
_ONE = {"name": "digest", "in": "path", "required": True, "schema": DIGEST}
_NAME = {
    "name": "name",
    "in": "query",
    "description": "What it is for, at most 200 characters",
    "schema": {"type": "string", "maxLength": 200},
}


def document_paths(problem: dict[str, Any]) -> dict[str, Any]:
    """The paths; `problem` is the answer of all refusals."""

    def operation(summary: str, answers: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401  OpenAPI members
        return {"summary": summary, "responses": {**answers, "default": problem}, **more}

    return {
        "/v1/documents": {
            "get": operation(
                "The GraphQL documents the tenant registered, newest first",
                {"200": {"description": "Documents", "content": {"application/json": {"schema": _EVERY}}}},
            )
        },
        "/v1/documents/{digest}": {
            "put": operation(
                "Register a GraphQL document under the SHA-256 of its text: valid, and of a cost that may be asked",
                {
                    "201": {"description": "Registered", "content": _ONE_RECORD},
                    "200": {"description": "Already there", "content": _ONE_RECORD},
                },
                parameters=[_ONE, _NAME],
                requestBody={"required": True, "content": {**_TEXT, "text/plain": _ANY_TEXT}},
            ),
            "get": operation(
                "The text of a registered document",
                {"200": {"description": "The text", "content": _TEXT}},
                parameters=[_ONE],
            ),
            "delete": operation(
                "Take a document out: it can be named no more",
                {"204": {"description": "Taken out"}},
                parameters=[_ONE],
            ),
        },
    }
