"""`urn:evidence-api:action:v1` -> kind `action`: something that was done, by whom, to what, and why.

Each action is an event of its own: none takes the place of another.
"""

from typing import Literal

from pydantic import Field

from evidence_api.domain.evidence import Normalised
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Moment, Own, Producer, Word, known_facts, read_model


class Action(Own):
    """The predicate."""

    producer: Producer
    decided: Moment = Field(alias="decidedAt", description="When it was decided, RFC 3339")
    action: Literal[
        "retry_alt_arm",
        "downshift",
        "escalate_tests",
        "open_incident",
        "rollback",
        "quarantine",
        "raise_budget",
        "file_adr",
    ]
    actor: Word = Field(description="Who did it")
    target: Word = Field(description="To what")
    justification: Word = Field(description="Why")


def read_action(statement: Statement) -> Normalised:
    """Read an action. Raises Malformed."""
    done = read_model(Action, statement.predicate)
    facts = known_facts(
        {"action": done.action, "actor": done.actor, "target": done.target, "justification": done.justification}
    )
    series = f"{done.producer.id} {done.action} {done.actor} {done.target} {format_rfc3339(done.decided)}"
    return Normalised("action", facts, done.decided, series=series)
