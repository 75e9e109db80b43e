"""The OpenAPI description of the REST surface; a test holds it against the routes."""

from typing import Any

from evidence_api import __version__

_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_PROBLEM = {
    "description": "Refused: the code says why, the fields give the limit and the value",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _answer(description: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": content}


def _json(reference: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{reference}"}}}


def _operation(summary: str, answers: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401  OpenAPI members
    return {"summary": summary, "responses": {**answers, "default": _PROBLEM}, **more}


def _paths() -> dict[str, Any]:
    public: dict[str, Any] = {"security": []}
    free = {"application/json": {"schema": {"type": "object"}}}
    receipt = _json("Receipt")
    return {
        "/": {"get": _operation("Where things are", {"200": _answer("Links", free)}, **public)},
        "/healthz": {"get": _operation("The process is alive", {"200": _answer("Alive", free)}, **public)},
        "/readyz": {"get": _operation("Database and policy engine answer", {"200": _answer("Ready", free)}, **public)},
        "/metrics": {
            "get": _operation(
                "Prometheus metrics",
                {"200": _answer("Text format", {"text/plain": {"schema": {"type": "string"}}})},
                **public,
            )
        },
        "/openapi.json": {"get": _operation("This document", {"200": _answer("OpenAPI 3.1", free)}, **public)},
        "/v1/evidence": {
            "post": _operation(
                "Upload one DSSE envelope or Sigstore bundle; it is verified before it is stored",
                {
                    "201": _answer("New: durable, included in the log, provable", receipt),
                    "200": _answer("Already there: the original leaf", receipt),
                },
                requestBody={
                    "required": True,
                    "content": {"application/json": {"schema": {"type": "object"}}},
                },
            )
        },
        "/v1/evidence/{evidence_id}/receipt": {
            "get": _operation(
                "The receipt of stored evidence against the newest checkpoint",
                {"200": _answer("Receipt", receipt)},
                parameters=[_parameter("evidence_id", _DIGEST)],
            )
        },
        "/v1/blobs/{digest}": {
            "get": _operation(
                "The bytes received, unchanged",
                {"200": _answer("Bytes", _BYTES), "304": {"description": "You have them"}},
                parameters=[_parameter("digest", _DIGEST)],
            )
        },
        "/v1/packs": {
            "get": _operation("The newest packs", {"200": _answer("List", free)}),
            "post": _operation(
                "Build the audit pack of a release",
                {"201": _answer("Built and signed", _json("BuiltPack"))},
                requestBody={"required": True, "content": _json("PackRequest")},
            ),
        },
        "/v1/packs/{digest}": {
            "get": _operation(
                "One pack, exactly as signed",
                {"200": _answer("JSON or PDF", _BYTES)},
                parameters=[_parameter("digest", _DIGEST)],
            )
        },
        "/v1/log/{tenant}/checkpoint": {
            "get": _operation(
                "The newest checkpoint as a signed note",
                {"200": _answer("C2SP tlog-checkpoint", {"text/plain": {"schema": {"type": "string"}}})},
                parameters=[_parameter("tenant", {"type": "string"})],
            )
        },
        "/graphql": {
            "get": _operation("GraphQL query by URL parameters", {"200": _answer("GraphQL response", free)}),
            "post": _operation(
                "GraphQL over HTTP; the schema is in schema.graphql",
                {"200": _answer("GraphQL response", free)},
                requestBody={"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
            ),
        },
    }


def _schemas() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "Problem": {
            "type": "object",
            "required": ["type", "title", "status", "code", "detail"],
            "properties": {
                "type": text,
                "title": text,
                "status": {"type": "integer"},
                "code": {**text, "description": "stable for ever"},
                "detail": text,
                "requestId": text,
                "limit": {"type": "integer"},
                "value": {"type": "integer"},
                "path": text,
            },
        },
        "Receipt": {
            "type": "object",
            "required": ["evidenceId", "leafIndex", "treeSize", "leaf", "inclusionProof", "checkpoint"],
            "properties": {
                "evidenceId": _DIGEST,
                "leafIndex": {"type": "integer"},
                "treeSize": {"type": "integer"},
                "leaf": {**text, "contentEncoding": "base64"},
                "inclusionProof": {"type": "array", "items": {**text, "contentEncoding": "base64"}},
                "checkpoint": {**text, "description": "C2SP signed note"},
                "created": {"type": "boolean"},
            },
        },
        "PackRequest": {
            "type": "object",
            "required": ["release"],
            "properties": {"release": {**text, "description": "name, or name@version"}},
        },
        "BuiltPack": {
            "type": "object",
            "required": ["release", "status", "json", "pdf"],
            "properties": {
                "release": text,
                "status": {"enum": ["complete", "partial", "refused"]},
                "json": {**text, "description": "path of the JSON pack"},
                "pdf": {**text, "description": "path of the PDF pack"},
            },
        },
    }


def openapi_document() -> dict[str, Any]:
    """OpenAPI 3.1 of every REST route."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Evidence server",
            "version": __version__,
            "description": "Upload signed evidence, read it back with proofs, build audit packs that verify offline.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"token": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "API token, evs_<kind>_<36 characters>"}
            },
            "schemas": _schemas(),
        },
    }
