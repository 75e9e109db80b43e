"""The schemas of the OpenAPI description: what routes take and answer, by name."""

from typing import Any

TEXT = {"type": "string"}
DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}


def schemas() -> dict[str, Any]:
    """Every schema that routes refer to."""
    return {
        "Problem": _problem_schema(),
        "Receipt": _receipt_schema(),
        **_result_schemas(),
        **_pack_schemas(),
        **_exchange_schemas(),
    }


def _problem_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer"},
            "code": {**TEXT, "description": "stable for ever"},
            "detail": TEXT,
            "requestId": TEXT,
            "limit": {"type": "number"},
            "value": {"description": "what was found: a number, or a text"},
            "path": TEXT,
        },
    }


def _receipt_schema() -> dict[str, Any]:
    encoded = {**TEXT, "contentEncoding": "base64"}
    return {
        "type": "object",
        "required": ["evidenceId", "leafIndex", "treeSize", "leaf", "inclusionProof", "checkpoint"],
        "properties": {
            "evidenceId": DIGEST,
            "leafIndex": {"type": "integer"},
            "treeSize": {"type": "integer"},
            "leaf": encoded,
            "inclusionProof": {"type": "array", "items": encoded},
            "checkpoint": {**TEXT, "description": "C2SP signed note"},
            "created": {"type": "boolean"},
            "reperformance": _reperformance_schema(),
        },
    }


def _reperformance_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "of a decision just uploaded: what came of it when it was computed again. A disagreement is no "
        "refusal: the evidence is stored, and controls see it.",
        "required": ["status", "differing"],
        "properties": {
            "status": {
                "enum": ["AGREES", "DISAGREES", "NOT_REPERFORMABLE", "PENDING"],
                "description": "PENDING: only the server can tell, and says so in a statement of its own",
            },
            "differing": {
                "type": "array",
                "maxItems": 100,
                "items": {**TEXT, "description": "dotted path of a claim that differs; the first ones"},
            },
        },
    }


def _result_schemas() -> dict[str, Any]:
    problem = {"$ref": "#/components/schemas/Problem"}
    count = {"type": "integer", "minimum": 0}
    refused = {"type": "object", "properties": {"event": {**count, "description": "from 0"}, "problem": problem}}
    return {
        "LineResult": {
            "type": "object",
            "required": ["line", "status"],
            "properties": {
                "line": {**count, "description": "line of the batch, from 1"},
                "member": {**count, "description": "place in the container on that line, from 1"},
                "status": {"type": "integer", "description": "what it would have been answered with alone"},
                "receipt": {"$ref": "#/components/schemas/Receipt"},
                "problem": problem,
            },
        },
        "Decision": {
            "type": "object",
            "required": ["allow", "reasons", "rules", "decision", "evidence", "receipt"],
            "properties": {
                "allow": {"type": "boolean"},
                "reasons": {"type": "array", "items": TEXT},
                "rules": {"type": "array", "items": {**TEXT, "description": "stable rule id"}},
                "decision": {**DIGEST, "description": "of area, input and policy: the same for the same question"},
                "evidence": {**DIGEST, "description": "the signed statement that it was decided, and when"},
                "receipt": {"$ref": "#/components/schemas/Receipt"},
                "retry_after_seconds": {
                    "type": "number",
                    "description": "where calls are limited and this was too many",
                },
            },
        },
        "DecisionLogResult": {
            "type": "object",
            "required": ["new", "known", "refused"],
            "properties": {"new": count, "known": count, "refused": {"type": "array", "items": refused}},
        },
    }


def _pack_schemas() -> dict[str, Any]:
    return {
        "PackRequest": {
            "type": "object",
            "required": ["release"],
            "properties": {"release": {**TEXT, "description": "name, or name@version"}},
        },
        "BuiltPack": {
            "type": "object",
            "required": ["release", "status", "json", "pdf"],
            "properties": {
                "release": TEXT,
                "status": {"enum": ["complete", "partial"]},
                "json": {**TEXT, "description": "path of the JSON pack"},
                "pdf": {**TEXT, "description": "path of the PDF pack"},
            },
        },
    }


def _exchange_schemas() -> dict[str, Any]:
    return {
        "TokenExchange": {
            "type": "object",
            "required": ["token", "tenant"],
            "properties": {
                "token": {**TEXT, "description": "JWT whose audience is <public URL>/<tenant>, and nothing else"},
                "tenant": TEXT,
            },
        },
        "UploadToken": {
            "type": "object",
            "required": ["token", "tenant", "expiresAt", "rules"],
            "properties": {
                "token": {**TEXT, "description": "evs_upload_<36 characters>"},
                "tenant": TEXT,
                "expiresAt": {**TEXT, "format": "date-time"},
                "rules": {"type": "array", "items": TEXT, "description": "names of the trust rules that allowed it"},
            },
        },
    }
