"""The OpenAPI description of events; web/openapi.py puts it with the rest."""

from typing import Any

from evidence_api.web.openapi_schemas import DIGEST, TEXT

_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "A CloudEvent 1.0, JSON format; its id is its position",
    "required": ["specversion", "id", "source", "type", "subject", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "pattern": "^[0-9]+$"},
        "source": TEXT,
        "type": {"enum": ["evidence-api.evidence.accepted.v1", "evidence-api.assessment.recorded.v1"]},
        "subject": {**TEXT, "description": "The evidence, or the release that was assessed"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "data": {"type": "object"},
    },
}
_PAGE: dict[str, Any] = {
    "type": "object",
    "required": ["events", "position", "more"],
    "properties": {
        "events": {"type": "array", "maxItems": 100, "items": _EVENT},
        "position": {"type": "integer", "minimum": 0, "description": "Where to go on: the next `after`"},
        "more": {"type": "boolean", "description": "Whether more waits"},
    },
}
_TOLD = (
    "Events in the order of their commits, without a gap and nothing twice. With `Accept: text/event-stream` an answer "
    "that goes on: each event has its position as id, a silence of 15 s is broken by a sign of life, and whoever comes "
    "back with Last-Event-ID goes on there. A stream ends when the token does (an event `error` with a problem), when "
    "the server stops (an event `complete`), or when what is sent is not taken. 503: too many streams."
)


def _query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def event_paths(problem: dict[str, Any]) -> dict[str, Any]:
    """The path; `problem` is the answer of all refusals."""
    position = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
    return {
        "/v1/events": {
            "get": {
                "summary": "What was added to the log, or which assessments were made, after a position",
                "description": _TOLD,
                "parameters": [
                    _query("after", "The position come to; without it JSON begins at 0, a stream now", position),
                    _query("stream", "Which events", {"enum": ["evidence", "assessments"], "default": "evidence"}),
                    _query("kind", "Evidence of this kind; repeatable", {"type": "array", "items": TEXT}),
                    _query("release", "Owned by, or made of, the release of this evidence id", DIGEST),
                    _query("limit", "At most so many (JSON)", {"type": "integer", "minimum": 1, "maximum": 100}),
                    {
                        "name": "Last-Event-ID",
                        "in": "header",
                        "description": "Streams: the id of the last event seen; counts before `after`",
                        "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
                    },
                ],
                "responses": {
                    "200": {
                        "description": "The next events, or a stream of them",
                        "content": {"application/json": {"schema": _PAGE}, "text/event-stream": {"schema": TEXT}},
                    },
                    "default": problem,
                },
            }
        }
    }
