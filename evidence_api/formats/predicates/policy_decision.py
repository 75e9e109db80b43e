"""`urn:evidence-api:policy-decision:v1` -> kind `opa`: one decision of one Rego rule about the subjects.

A later answer takes the place of an earlier one to the same question. Where an area was asked, the question is its
input, or what the caller gave of it (`questionDigest`) if the rest came from the moment of asking; else it is the rule.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from evidence_api.domain.decision import UNDEFINED, Decision
from evidence_api.domain.evidence import Normalised
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Moment, Own, Producer, Several, Sha256, Word, known_facts, read_model

POLICY_DECISION = "urn:evidence-api:policy-decision:v1"
PRODUCER = "evidence-api/policy-decision"
_VERSION = "1"  # of what is said of the same decision
_MOST, _LONGEST = 1_000, 1_024  # words of a list, characters of a word
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class PolicyDecision(Own):
    """The predicate: which rule of which policy bundle said what of which input, and why."""

    producer: Producer
    decided: Moment = Field(alias="decidedAt", description="When it was decided, RFC 3339")
    rule: Word = Field(description="The rule that answered")
    result: Literal["allow", "deny"]
    reasons: Several[Word] = Field(default=(), description="Why")
    input_digest: Sha256 = Field(alias="inputDigest", description="Of the whole input")
    bundle_digest: Sha256 = Field(alias="bundleDigest", description="Of the policies")
    area: Word | None = Field(default=None, description="The area that was asked, if one was")
    rules: Several[Word] | None = Field(default=None, description="All rules that had a say")
    question_digest: Sha256 | None = Field(
        default=None, alias="questionDigest", description="Of what was asked, where the input held more"
    )


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


def decision_predicate(decision: Decision, at: datetime, *, question_digest: str) -> dict[str, Any]:
    """The predicate of a decision the server made at `at` for somebody who asked.

    `question_digest` is of what they gave. What a policy may say and a fact may not (empty words, control characters,
    words over 1,024 characters) is left out, replaced or cut here; the decision on record has it in full.
    """
    rules = _words(decision.rules)
    predicate = {
        "producer": {"id": PRODUCER, "version": _VERSION},
        "decidedAt": format_rfc3339(at),
        "area": decision.area,
        "rule": decision.area if decision.allow else (rules or [UNDEFINED])[0],
        "rules": rules,
        "result": "allow" if decision.allow else "deny",
        "reasons": _words(decision.reasons),
        "inputDigest": decision.input_digest,
        "bundleDigest": decision.policy_digest,
    }
    same = question_digest == decision.input_digest
    return predicate if same else predicate | {"questionDigest": question_digest}


def _words(said: Iterable[str]) -> list[str]:
    return [_CONTROL.sub("\N{REPLACEMENT CHARACTER}", one)[:_LONGEST] for one in said if one][:_MOST]
