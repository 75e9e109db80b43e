"""The sample release, its statements: in-toto Statement v1 documents, one builder for each predicate.

Sources: in-toto attestation Statement v1 and predicate test-result v0.1; SLSA provenance v1; our own predicates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from evidence_api.domain.decision import Decision
from evidence_api.domain.decisions import contract_result, signing
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.formats.predicates.policy_decision import POLICY_DECISION, decision_predicate
from evidence_api.use_cases.sample_artifact import Artifact, Source

Json: TypeAlias = dict[str, Any]
STATEMENT = "https://in-toto.io/Statement/v1"
QUICKSTART = "urn:evidence-api:quickstart"


@dataclass(frozen=True, slots=True)
class Check:
    """One check that really ran here: what it is called, whether it held, and the names of its parts.

    `also` are other names for what it looked for, `report` the SARIF log it wrote.
    """

    name: str
    passed: bool
    finished: datetime
    passed_parts: tuple[str, ...] = ()
    failed_parts: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    report: Json | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """What is assessed: name and version of the release, its artifact and source, and who says so."""

    name: str
    version: str
    tool_version: str
    artifact: Artifact
    source: Source

    @property
    def producer(self) -> Json:
        """Who makes these statements."""
        return {"id": QUICKSTART, "version": self.tool_version}


def statement(product: Product, predicate_type: str, predicate: Mapping[str, Any], *, of_commit: bool = False) -> Json:
    """A statement about the artifact or, where there is one and it is asked for, about the source commit."""
    if of_commit and product.source.commit:
        subject: Json = {"name": "git", "digest": {"gitCommit": product.source.commit}}
    else:
        subject = {"name": product.artifact.name, "digest": {"sha256": product.artifact.digest}}
    return {"_type": STATEMENT, "subject": [subject], "predicateType": predicate_type, "predicate": dict(predicate)}


def release(product: Product, at: datetime) -> Json:
    """Which artifact is which release."""
    predicate = {
        "name": product.name,
        "version": product.version,
        "producer": product.producer,
        "decidedAt": format_rfc3339(at),
    }
    return statement(product, "urn:evidence-api:release:v1", predicate)


def provenance(product: Product, started: datetime, finished: datetime) -> Json:
    """How the artifact came to be: packed from this commit's files by the quickstart."""
    commit = product.source.commit
    predicate = {
        "buildDefinition": {
            "buildType": f"{QUICKSTART}:archive:v1",
            "externalParameters": {"version": product.version},
            "internalParameters": {"uncommittedChanges": product.source.changed},
            "resolvedDependencies": [{"name": "source", "digest": {"gitCommit": commit}}] if commit else [],
        },
        "runDetails": {
            "builder": {"id": QUICKSTART, "version": {product.name: product.tool_version}},
            "metadata": {"startedOn": format_rfc3339(started), "finishedOn": format_rfc3339(finished)},
        },
    }
    return statement(product, "https://slsa.dev/provenance/v1", predicate)


def sbom(product: Product, document: Mapping[str, Any]) -> Json:
    """The bill of materials."""
    return statement(product, "https://cyclonedx.org/bom", document)


def test_result(product: Product, check: Check) -> Json:
    """One suite and the tests in it."""
    predicate = {
        "result": "PASSED" if check.passed else "FAILED",
        "configuration": [{"name": name, "uri": f"{QUICKSTART}:{name}"} for name in (check.name, *check.also)],
        "passedTests": list(check.passed_parts),
        "warnedTests": [],
        "failedTests": list(check.failed_parts),
    }
    return statement(product, "https://in-toto.io/attestation/test-result/v0.1", predicate)


def static_analysis(product: Product, report: Mapping[str, Any]) -> Json:
    """The SARIF log of a tool that looked through the source."""
    return statement(product, "urn:evidence-api:sarif:v2.1.0", report)


def checks_of_commit(product: Product, checks: Sequence[Check], at: datetime) -> Json:
    """Every check that ran here, in the shape in which a code host reports those of a commit."""
    predicate = {
        "producer": product.producer,
        "decidedAt": format_rfc3339(at),
        "checks": [
            {
                "name": check.name,
                "required": True,
                "conclusion": "success" if check.passed else "failure",
                "completedAt": format_rfc3339(check.finished),
            }
            for check in checks
        ],
    }
    return statement(product, "urn:evidence-api:github-checks:v1", predicate, of_commit=True)


def contract(product: Product, checks: Sequence[Check], at: datetime) -> Json:
    """What the checks were run to show, held against what they showed: no check fails, and no part of one."""
    post = {f"{check.name}.failed": 0 for check in checks}
    measured = {f"{check.name}.failed": len(check.failed_parts) or int(not check.passed) for check in checks}
    fields = contract_result.statement("checks-of-a-release", post, measured)
    predicate = signing.predicate(fields, producer_id=QUICKSTART, version=product.tool_version, decided_at=at)
    return statement(product, contract_result.KIND.predicate_type, predicate)


def policy_decision(product: Product, decision: Decision, at: datetime) -> Json:
    """One answer of one policy area, with the digests from which it can be had again."""
    predicate = decision_predicate(decision, at, question_digest=decision.input_digest)
    return statement(product, POLICY_DECISION, predicate | {"producer": product.producer})
