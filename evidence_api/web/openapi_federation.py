"""The OpenAPI description of questions between organisations; web/openapi.py puts it with the rest."""

from typing import Any

_QUESTION: dict[str, Any] = {
    "type": "object",
    "properties": {
        "query": {"type": "string"},
        "documentId": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        "variables": {"type": "object"},
        "operationName": {"type": "string"},
    },
}
_ANSWER: dict[str, Any] = {
    "type": "object",
    "properties": {"data": {"type": ["object", "null"]}, "errors": {"type": "array", "items": {"type": "object"}}},
}
_SIGNED = (
    "Signed as profile evidence-federation/v1 of RFC 9421 has it: Ed25519; covering @method, @target-uri (the server's "
    "public URL and this path), content-type and content-digest; with created, expires (at most 60 s later), nonce "
    "(once), keyid (RFC 7638 thumbprint) and tag. The answer is signed too, over @status, content-type, "
    'content-digest, the question\'s signature ("signature";req) and evidence-checkpoint, the signed note of the log.'
)
_PARAMETERS: list[dict[str, Any]] = [
    {"name": "tenant", "in": "path", "required": True, "schema": {"type": "string"}},
    {"name": "Content-Digest", "in": "header", "required": True, "schema": {"type": "string"}},
    {"name": "Signature-Input", "in": "header", "required": True, "schema": {"type": "string"}},
    {"name": "Signature", "in": "header", "required": True, "schema": {"type": "string"}},
]
_KEYS = {"type": "object", "required": ["keys"], "properties": {"keys": {"type": "array", "items": {"type": "object"}}}}


def federation_paths(problem: dict[str, Any]) -> dict[str, Any]:
    """The paths; `problem` is the answer of all refusals."""
    answers = {kind: {"schema": _ANSWER} for kind in ("application/graphql-response+json", "application/json")}
    return {
        "/federation/{tenant}/graphql": {
            "post": {
                "summary": "A signed GraphQL question of a peer; it reads what was granted to it",
                "description": _SIGNED,
                "security": [],
                "parameters": _PARAMETERS,
                "requestBody": {"required": True, "content": {"application/json": {"schema": _QUESTION}}},
                "responses": {
                    "200": {"description": "The answer, signed", "content": answers},
                    "default": {
                        "description": "Refused; Accept-Signature of a 401 says what is asked for",
                        "content": {**problem["content"], **answers},
                    },
                },
            }
        },
        "/.well-known/http-message-signatures-directory": {
            "get": {
                "summary": "The keys this server signs questions and answers with (JWKS)",
                "security": [],
                "responses": {
                    "200": {
                        "description": "The key set",
                        "content": {"application/http-message-signatures-directory+json": {"schema": _KEYS}},
                    },
                    "default": problem,
                },
            }
        },
    }
