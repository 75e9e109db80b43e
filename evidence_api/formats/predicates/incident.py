"""`urn:evidence-api:incident:v1` -> kind `incident`: something went wrong, how badly, and whether it is over."""

from typing import Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Moment, Own, Producer, Word, known_facts, read_model

_OVER_WHEN_RESOLVED: JsonDict = {
    "if": {"properties": {"status": {"const": "resolved"}}},
    "then": {"required": ["resolved"], "properties": {"resolved": {"type": "string"}}},
    "else": {"properties": {"resolved": {"type": "null"}}},
}


class Incident(Own):
    """The predicate. `resolved` is there exactly when the status says so."""

    model_config = ConfigDict(json_schema_extra=_OVER_WHEN_RESOLVED)

    producer: Producer
    decided: Moment = Field(alias="decidedAt", description="When this was stated, RFC 3339")
    id: Word = Field(description="Stays the same in later statements")
    title: Word
    severity: Literal["low", "medium", "high", "critical"]
    status: Literal["open", "mitigated", "resolved"]
    opened: Moment = Field(description="When it began, RFC 3339")
    resolved: Moment | None = Field(
        default=None, description="When it was over, RFC 3339; there exactly when the status is `resolved`"
    )
    plugin: Word | None = Field(default=None, description="The plugin it is about, if it is")
    root_cause: Word | None = Field(default=None, alias="rootCause", description="What it came from")

    @model_validator(mode="after")
    def _over_when_resolved(self) -> "Incident":
        if (self.status == "resolved") != (self.resolved is not None):
            raise ValueError("resolved is stated exactly when the status is resolved")
        if self.resolved is not None and self.resolved < self.opened:
            raise ValueError("resolved before it was opened")
        return self


def read_incident(statement: Statement) -> Normalised:
    """Read an incident. What its producer says of it later takes its place; it is about the newest time it states.
    Raises Malformed."""
    incident = read_model(Incident, statement.predicate)
    resolved = incident.resolved
    facts = known_facts(
        {
            "id": incident.id,
            "title": incident.title,
            "severity": incident.severity,
            "status": incident.status,
            "plugin": incident.plugin,
            "opened": incident.opened,
            "resolved": resolved,
            "time_to_resolve": None if resolved is None else (resolved - incident.opened).total_seconds(),
            "root_cause": incident.root_cause,
        }
    )
    newest = max(incident.decided, incident.opened, resolved or incident.opened)
    return Normalised("incident", facts, newest, series=f"{incident.producer.id} {incident.id}")
