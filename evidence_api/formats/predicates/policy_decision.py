"""`urn:evidence-api:policy-decision:v1` -> kind `opa`: one decision of one Rego rule about the subjects."""

from typing import Literal

from pydantic import Field

from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Moment, Own, Producer, Several, Sha256, Word, known_facts, read_model


class PolicyDecision(Own):
    """The predicate: which rule of which policy bundle said what of which input, and why."""

    producer: Producer
    decided: Moment = Field(alias="decidedAt")
    rule: Word
    result: Literal["allow", "deny"]
    reasons: Several[Word] = ()
    input_digest: Sha256 = Field(alias="inputDigest")
    bundle_digest: Sha256 = Field(alias="bundleDigest")


def read_policy_decision(statement: Statement) -> Normalised:
    """Read a decision. Raises Malformed."""
    predicate = read_model(PolicyDecision, statement.predicate)
    facts = known_facts(
        {
            "rule": predicate.rule,
            "result": predicate.result,
            "denies": int(predicate.result == "deny"),
            "reasons": predicate.reasons,
            "policy_bundle": predicate.bundle_digest,
            "input_digest": predicate.input_digest,
        }
    )
    return Normalised("opa", facts, predicate.decided, series=f"{predicate.producer.id} {predicate.rule}")
