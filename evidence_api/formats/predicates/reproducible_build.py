"""`urn:evidence-api:reproducible-build:v1` -> kind `reproducible_build`. Server-derived."""

from typing import Annotated, Literal

from pydantic import Field

from evidence_api.domain.evidence import Fact, Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import (
    Count,
    Own,
    Producer,
    Several,
    Sha256,
    known_facts,
    read_model,
    short_word,
)


class Build(Own):
    """One of the builds compared, by evidence id."""

    evidence: Sha256
    builder: str
    build_type: str
    sources: Annotated[Several[str], Field(min_length=1)]


class Counts(Own):
    """How many builders, and outputs by what came of comparing them."""

    builders: Count
    matching: Count
    mismatched: Count
    alone: Count


class ReproducibleBuild(Own):
    """The predicate."""

    producer: Producer
    status: Literal["reproduced", "partial", "differs", "single"]
    builds: Annotated[Several[Build], Field(min_length=1)]
    counts: Counts
    matching: Several[str]
    mismatched: Several[str]
    alone: Several[str]
    supersedes: Sha256 | None = None


def read_reproducible_build(statement: Statement) -> Normalised:
    """Read a comparison of builds. Raises Malformed."""
    predicate = read_model(ReproducibleBuild, statement.predicate)
    counts = predicate.counts
    types = {one.build_type for one in predicate.builds}
    facts: dict[str, Fact] = known_facts(
        {
            "status": predicate.status,
            "builds": len(predicate.builds),
            "builders": counts.builders,
            "rebuilds": max(counts.builders - 1, 0),
            "matching": counts.matching,
            "subjects": counts.matching + counts.mismatched + counts.alone,
            "mismatched": tuple(map(short_word, predicate.mismatched)),
            "source.digest": predicate.builds[0].sources[0],
            "build_type": types.pop() if len(types) == 1 else None,
        }
    )
    return Normalised("reproducible_build", facts, series=predicate.builds[0].sources[0])
