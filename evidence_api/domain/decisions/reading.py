"""A decision as readers are shown it: what it is, what it comes to when it is computed again, and in which words.

Pure: the same predicate gives the same reading for ever, so whoever shows one (GraphQL, packs, the command line)
computes it from the stored bytes. Of deferred kinds the arithmetic is here; what the server's ledger, rule or
artifact adds stands in its own signed `reperformance` evidence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from evidence_api.domain.decisions import DECISIONS
from evidence_api.domain.decisions.reperforming import Difference, Given, Reperformance, Status
from evidence_api.domain.decisions.shape import Predicate

PENDING = "PENDING"
DECISION_KINDS: frozenset[str] = frozenset(kind.kind for kind in DECISIONS.values())
_HEAD = frozenset({"producer", "decidedAt", "card"})


@dataclass(frozen=True, slots=True)
class DecisionReading:
    """One decision. `kind` is the predicate's name (`router-decision`), `method` which of its ways ("": it has one);
    `card` the Decision Card as claimed; `inputs` the members it was computed from. `deferred`: only the server can
    tell whether it agrees."""

    kind: str
    method: str
    producer: str
    version: str
    decided_at: datetime
    deferred: bool
    result: Reperformance
    inputs: frozenset[str]
    card: Mapping[str, Any] | None = field(default=None, repr=False)


def reading_of(predicate_type: str, predicate: Mapping[str, Any]) -> DecisionReading | None:
    """The reading, of decision kinds alone. Raises Malformed with a dotted path."""
    kind = DECISIONS.get(predicate_type)
    if kind is None:
        return None
    read = kind.read(predicate)
    result = kind.reperform_read(read, predicate, Given())
    members = frozenset(one.alias or name for name, one in type(read).model_fields.items())
    return DecisionReading(
        kind=kind.name,
        method=_method(read),
        producer=read.producer.id,
        version=read.producer.version,
        decided_at=read.decided_at,
        deferred=kind.deferred(read),
        result=result,
        inputs=members - _HEAD - set(kind.claims) - result.derived.keys(),
        card=predicate["card"] if "card" in members else None,
    )


def inputs_of(read: DecisionReading, predicate: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a decision was computed from: its `inputs`, or all members that are neither derived nor claimed. Members
    that its kind does not define are none: nothing was computed from them."""
    if "inputs" in read.inputs:
        inputs: Mapping[str, Any] = predicate["inputs"]
        return inputs
    return {name: value for name, value in predicate.items() if name in read.inputs}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the server's own signed statement says of a decision; `evidence` is the statement's evidence id."""

    evidence: str
    status: Status
    reason: str
    explanation: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Reperformed:
    """What came of a decision. `status` is a Status's value, or PENDING for one that the server alone can judge and
    has not yet; `checked_by` the evidence id of the server's statement ("": the arithmetic alone says it)."""

    status: str
    reason: str
    explanation: str
    differences: tuple[Difference, ...] = ()
    checked_by: str = ""

    @property
    def sentence(self) -> str:
        """For people: whether it comes out again, and as what."""
        told = self.reason.rstrip(".")
        match self.status:
            case Status.AGREES:
                return f"Recomputed and agrees: {self.explanation.rstrip('.') or told}."
            case Status.DISAGREES:
                return f"Recomputed and disagrees: {told}."
            case Status.NOT_REPERFORMABLE:
                return f"Could not be recomputed: {told}."
            case _:
                return f"Waits for the server's own check: {told}."


def standing_of(evidence_id: str, predicate: Mapping[str, Any]) -> Standing:
    """The standing in a `reperformance` predicate that was read when it came in."""
    found = [Difference(str(one["path"]), one["claimed"], one["recomputed"]) for one in predicate["differences"]]
    return Standing(
        evidence_id,
        Status(predicate["status"]),
        str(predicate["reason"]),
        str(predicate.get("explanation") or ""),
        tuple(found),
    )


def reperformed(reading: DecisionReading, standing: Standing | None) -> Reperformed:
    """The result that counts: of deferred kinds what the server says, of the others what the arithmetic says."""
    result = reading.result
    if not reading.deferred:
        return Reperformed(result.status.value, result.reason, result.explanation, result.differences)
    if standing is None:
        return Reperformed(PENDING, result.reason, result.explanation)
    explanation = standing.explanation or result.explanation
    return Reperformed(standing.status.value, standing.reason, explanation, standing.differences, standing.evidence)


def _method(read: Predicate) -> str:
    design = getattr(read, "design", None)
    return str(getattr(read, "method", None) or getattr(design, "type", ""))
