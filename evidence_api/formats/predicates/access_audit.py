"""`urn:evidence-api:access-audit:v1` -> kind `access_audit`: a run of the audit of who read what. Server-derived.

It commits to the rows without telling them: the root of the tree over them is all that is there.
"""

from typing import Annotated

from pydantic import Field, model_validator

from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Count, Moment, Own, Producer, Sha256, known_facts, read_model

Place = Annotated[int, Field(ge=1)]


class AccessAudit(Own):
    """The predicate."""

    producer: Producer
    first: Place = Field(description="The first row's number; rows are counted from 1, without a gap")
    last: Place
    rows: Place
    refusals: Count = Field(description="Refusals among what the rows stand for")
    since: Moment
    until: Moment
    root: Sha256 = Field(description="Root (RFC 9162) of the tree over the rows' canonical JSON")

    @model_validator(mode="after")
    def _agrees(self) -> "AccessAudit":
        if self.rows != self.last - self.first + 1:
            raise ValueError("rows is not how many there are from first to last")
        if self.until < self.since:
            raise ValueError("until is before since")
        return self


def read_access_audit(statement: Statement) -> Normalised:
    """Read one. It stands beside those before it. Raises Malformed."""
    predicate = read_model(AccessAudit, statement.predicate)
    facts = known_facts(
        {
            "first": predicate.first,
            "last": predicate.last,
            "rows": predicate.rows,
            "refusals": predicate.refusals,
            "since": predicate.since,
            "until": predicate.until,
        }
    )
    return Normalised("access_audit", facts, predicate.until, series=f"{predicate.producer.id} {predicate.first}")
