"""`urn:evidence-api:release:v1` -> kind `release`: a product version; its artifacts are the statement's subjects."""

from typing import Annotated

from pydantic import Field, StringConstraints

from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Moment, Own, Producer, known_facts, read_model

_WORD = r"^[^\s\x00-\x1f\x7f]+$"
_NAME = r"^[^\s@\x00-\x1f\x7f]+$"  # `name@version` is how people write a release


class Release(Own):
    """The predicate. Name and version are single words, the name without `@`."""

    name: Annotated[str, StringConstraints(max_length=200, pattern=_NAME)] = Field(description="One word without @")
    version: Annotated[str, StringConstraints(max_length=200, pattern=_WORD)] = Field(description="One word")
    producer: Producer | None = None
    decided: Moment | None = Field(default=None, alias="decidedAt", description="When it was stated, RFC 3339")


def read_release(statement: Statement) -> Normalised:
    """Read a release statement. Raises Malformed."""
    predicate = read_model(Release, statement.predicate)
    facts = known_facts(
        {
            "name": predicate.name,
            "version": predicate.version,
            "subjects": len(statement.subjects),
        }
    )
    return Normalised("release", facts, predicate.decided, series=f"{predicate.name}@{predicate.version}")
