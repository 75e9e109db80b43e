"""`urn:evidence-api:policy-decision:v1` -> kind `opa`: one decision of one Rego rule about the subjects.

A later answer takes the place of an earlier one to the same question. Where an area was asked, the question is its
input, or what the caller gave of it (`questionDigest`) if the rest came from the moment of asking; else it is the rule.
"""

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
    area: Word | None = None
    rules: Several[Word] | None = None
    question_digest: Sha256 | None = Field(default=None, alias="questionDigest")


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
            "area": predicate.area,
            "rules": predicate.rules,
        }
    )
    return Normalised("opa", facts, predicate.decided, series=f"{predicate.producer.id} {_question(predicate)}")


def _question(predicate: PolicyDecision) -> str:
    if predicate.area is None:
        return predicate.rule
    return f"{predicate.area} {predicate.question_digest or predicate.input_digest}"
