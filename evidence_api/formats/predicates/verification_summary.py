"""Verdicts of others: SLSA's verification summary (VSA) and in-toto's simple verification result -> kind `vsa`.

Sources: slsa.dev/spec/v1.0/verification_summary (also v0.2, whose names differ), in-toto predicate svr.md. A simple
result lists what was verified and knows no failure, so it states no `result`.
"""

from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field

from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Moment, Several, ThirdParty, Word, known_facts, read_model
from evidence_api.formats.statement import read_resource


def _one_level(value: object) -> object:
    """v0.2 named one level, `policy_level`."""
    return [value] if isinstance(value, str) else value


class Verifier(ThirdParty):
    """Who verified."""

    id: Word


class Policy(ThirdParty):
    """What it was verified against."""

    uri: str | None = None
    digest: dict[str, str] | None = None


class Summary(ThirdParty):
    """The VSA predicate; member names of v1, then those of v0.2."""

    verifier: Verifier
    verified: Moment | None = Field(default=None, validation_alias=AliasChoices("timeVerified", "time_verified"))
    resource: str | None = Field(default=None, validation_alias=AliasChoices("resourceUri", "resource_uri"))
    policy: Policy
    result: Literal["PASSED", "FAILED"] = Field(
        validation_alias=AliasChoices("verificationResult", "verification_result")
    )
    levels: Annotated[Several[Word], BeforeValidator(_one_level)] = Field(
        default=(), validation_alias=AliasChoices("verifiedLevels", "policy_level")
    )


class SimpleResult(ThirdParty):
    """The SVR predicate."""

    verifier: Verifier
    created: Moment | None = Field(default=None, alias="timeCreated")
    properties: Several[Word]


def read_vsa(statement: Statement) -> Normalised:
    """Read a verification summary. Raises Malformed."""
    summary = read_model(Summary, statement.predicate)
    policy = summary.policy
    facts = known_facts(
        {
            "verifier": summary.verifier.id,
            "resource": summary.resource,
            "result": summary.result.lower(),
            "levels": summary.levels,
            "policy": policy.uri,
            "policy_digest": _digest(policy),
        }
    )
    series = f"{summary.verifier.id} {policy.uri or ''}".strip()
    return Normalised("vsa", facts, summary.verified, series=series)


def read_svr(statement: Statement) -> Normalised:
    """Read a simple verification result. Raises Malformed."""
    result = read_model(SimpleResult, statement.predicate)
    facts = known_facts({"verifier": result.verifier.id, "levels": result.properties})
    return Normalised("vsa", facts, result.created, series=result.verifier.id)


def _digest(policy: Policy) -> str | None:
    """The policy's first digest; sha256 where there is one. Raises Malformed."""
    if not policy.digest:
        return None
    digests = read_resource({"digest": policy.digest}, "predicate.policy").digests
    return next((digest for digest in digests if digest.startswith("sha256:")), digests[0])
