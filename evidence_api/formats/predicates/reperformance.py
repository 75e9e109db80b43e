"""`urn:evidence-api:reperformance:v1` -> kind `reperformance`: what the server found of a decision. Server-derived.

Its own facts say how the decision came out; what the decision's row shows of it is carried under `decision.`.
A later statement about the same decision supersedes it.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field

from evidence_api.domain.decisions.shape import Part
from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Fact, Normalised
from evidence_api.domain.reperformed import REPERFORMANCE, carried
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Moment, Producer, Several, Sha256, Word, known_facts, read_model
from evidence_api.formats.reperformance import MAX_DIFFERENCES, MAX_REASON

Stated: TypeAlias = bool | int | float | str | Annotated[Several[str], Field(max_length=MAX_DIFFERENCES)]
_DISAGREES = "DISAGREES"


class Closed(Part):
    """A part in which a member nobody defined is a mistake: we write them ourselves."""

    model_config = ConfigDict(extra="forbid")


class Compared(Closed):
    """One difference."""

    path: str
    claimed: Any
    recomputed: Any


class Stand(Closed):
    """Beta(a, b)."""

    a: float
    b: float


class Ledger(Closed):
    """Where the ledger stood when the decision came, and where it stands since."""

    arm: str
    context: str
    prior: Stand
    posterior: Stand


class UsedBesides(Closed):
    """What was used besides the decision itself."""

    policy_bundle: Sha256 | None = None
    artifact: Sha256 | None = None
    ledger: Ledger | None = None


class ReperformedDecision(Closed):
    """The predicate."""

    producer: Producer
    decided_at: Moment
    of: Sha256
    kind: Word
    status: Literal["AGREES", "DISAGREES", "NOT_REPERFORMABLE"]
    reason: Annotated[str, Field(max_length=MAX_REASON)]
    explanation: Annotated[str, Field(max_length=MAX_REASON)]
    differences: Annotated[Several[Compared], Field(max_length=MAX_DIFFERENCES)]
    facts: dict[str, Stated]
    grounds: UsedBesides
    supersedes: Sha256 | None = None


def read_reperformance(statement: Statement) -> Normalised:
    """Read what was found. Raises Malformed."""
    predicate = read_model(ReperformedDecision, statement.predicate)
    said = predicate.facts
    _check(predicate)
    facts: dict[str, Fact] = known_facts(
        {
            "of": predicate.of,
            "kind": predicate.kind,
            "reperformance": predicate.status.lower(),
            **{path: said.get(path) for path in ("disagreements", "differing", "continuous")},
        }
    )
    return Normalised(REPERFORMANCE, facts | carried(said), predicate.decided_at, series=predicate.of)


def _check(predicate: ReperformedDecision) -> None:
    """Its parts say the same."""
    if (predicate.status == _DISAGREES) != bool(predicate.differences):
        path = "predicate.differences"
        raise Malformed(f"{path}: {len(predicate.differences)} are listed, but it {predicate.status}", path=path)
    if predicate.facts.get("reperformance") != predicate.status.lower():
        path = "predicate.facts.reperformance"
        raise Malformed(f"{path}: the status is {predicate.status}", path=path)
