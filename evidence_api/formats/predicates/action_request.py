"""`urn:evidence-api:action-request:v1` -> kind `action_request`: somebody asked for something, and what policy said.

The server signs it: it says who asked it, not that anything was done. What was done is told by kind `action`.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from evidence_api.domain.action_request import Asked
from evidence_api.domain.decision import Decision
from evidence_api.domain.evidence import Normalised
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Moment, Own, Producer, Several, Sha256, Word, known_facts, read_model

ACTION_REQUEST = "urn:evidence-api:action-request:v1"
PRODUCER = "evidence-api/action-request"
_VERSION = "1"
_MOST, _LONGEST = 100, 1_024  # words of a list, characters of a word
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RequestDecision(Own):
    """What area `action` of the policy, or the gate that was asked in its place, said."""

    area: Word
    result: Literal["allow", "deny"]
    rules: Several[Word] = Field(default=(), description="The rules that denied")
    reasons: Several[Word] = Field(default=(), description="Why")
    id: Sha256 | None = Field(default=None, description="The decision on record")


class ActionRequest(Own):
    """The predicate."""

    producer: Producer
    decided: Moment = Field(alias="decidedAt", description="When it was asked, RFC 3339")
    request: Word = Field(description="The request's own id; a retry has the same")
    action: Literal[
        "retry_alt_arm",
        "downshift",
        "escalate_tests",
        "open_incident",
        "rollback",
        "quarantine",
        "raise_budget",
        "request_pack",
        "record_override",
    ]
    actor: Word = Field(description="Whose credential asked: kind and id")
    target: Word = Field(description="What it is to be done to")
    justification: Word = Field(description="Why")
    http_request: Word = Field(alias="requestId", description="The id of the HTTP request")
    about: Sha256 | None = Field(default=None, description="The evidence it is about")
    parameters: Mapping[str, str | bool] = Field(default_factory=dict, description="What the action needs besides")
    decision: RequestDecision = Field(description="Whether policy allows it")


def read_action_request(statement: Statement) -> Normalised:
    """Read a request. Each is an event of its own. Raises Malformed."""
    asked = read_model(ActionRequest, statement.predicate)
    facts = known_facts(
        {
            "action": asked.action,
            "actor": asked.actor,
            "target": asked.target,
            "justification": asked.justification,
            "request": asked.request,
            "about": asked.about,
            "decided": asked.decision.result,
            "rules": asked.decision.rules,
        }
    )
    return Normalised("action_request", facts, asked.decided, series=f"{asked.producer.id} {asked.request}")


def request_predicate(
    asked: Asked, request: str, actor: str, at: datetime, decision: Decision | None
) -> dict[str, Any]:
    """The predicate of what somebody asked at `at`. Without a decision the gate of the thing itself let it in."""
    predicate: dict[str, Any] = {
        "producer": {"id": PRODUCER, "version": _VERSION},
        "decidedAt": format_rfc3339(at),
        "request": request,
        "action": asked.action,
        "actor": actor,
        "target": word(asked.target),
        "justification": word(asked.justification),
        "requestId": asked.request_id,
        "parameters": dict(asked.parameters),
        "decision": _decided(asked, decision),
    }
    return predicate | ({"about": asked.about} if asked.about else {})


def _decided(asked: Asked, decision: Decision | None) -> dict[str, Any]:
    if decision is None:
        return {"area": "override" if asked.action == "record_override" else "action", "result": "allow"}
    return {
        "area": decision.area,
        "result": "allow" if decision.allow else "deny",
        "rules": _words(decision.rules),
        "reasons": _words(decision.reasons),
        "id": decision.id,
    }


def word(text: str) -> str:
    """A text as a fact: no control characters, at most 1,024 characters."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)[:_LONGEST]


def _words(said: Iterable[str]) -> list[str]:
    return [word(one) for one in said if one][:_MOST]
