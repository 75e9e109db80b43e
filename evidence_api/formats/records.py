"""What is stored and embedded, as JSON and back: verifications, evidence, assessments with their findings.

The store, the packs and GraphQL share these codecs. Reading is for our own writing, but a pack may have been changed
on its way: what does not fit raises Malformed, never anything else.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, assert_never

from evidence_api.domain.assessment import Assessment, CriterionResult, Finding, Outcome, QueryResult
from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Evidence, Fact
from evidence_api.domain.rfc3339 import format_rfc3339, parse_rfc3339
from evidence_api.domain.statement import Subject
from evidence_api.domain.verification import (
    CertificateSigner,
    Failed,
    KeySigner,
    Signer,
    Unsigned,
    Unsupported,
    Verification,
    Verified,
)

Json = Mapping[str, Any]
T = TypeVar("T")


def verification_to_json(verification: Verification) -> dict[str, Any]:
    """{"status": verified | unsupported | failed | unsigned, …}."""
    match verification:
        case Verified(signer=signer, trust_root=trust_root, checks=checks, signed_at=signed_at):
            return {
                "status": "verified",
                "signer": _signer_to_json(signer),
                "trustRoot": trust_root,
                "checks": list(checks),
                "signedAt": _moment_to_json(signed_at),
            }
        case Unsupported(what=what, code=code):
            return {"status": "unsupported", "what": what, "code": code}
        case Failed(code=code, message=message):
            return {"status": "failed", "code": code, "message": message}
        case Unsigned(code=code):
            return {"status": "unsigned", "code": code}
    assert_never(verification)


def verification_from_json(document: Json) -> Verification:
    """The inverse. Raises Malformed."""
    return _read("verification", document, _verification)


def evidence_to_json(evidence: Evidence) -> dict[str, Any]:
    """One record with its subjects and facts; times RFC 3339, digests sha256:<hex>."""
    return {
        "id": evidence.id,
        "leafIndex": evidence.leaf_index,
        "received": format_rfc3339(evidence.received),
        "kind": evidence.kind,
        "predicateType": evidence.predicate_type,
        "mediaType": evidence.media_type,
        "bodyDigest": evidence.body_digest,
        "bodySize": evidence.body_size,
        "subjects": [{"name": one.name, "digest": dict(one.digest)} for one in evidence.subjects],
        "verification": verification_to_json(evidence.verification),
        "facts": facts_to_json(evidence.facts),
        "effective": _moment_to_json(evidence.effective),
        "collected": _moment_to_json(evidence.collected),
        "series": evidence.series,
        "sources": list(evidence.sources),
        "erased": evidence.erased,
    }


def evidence_from_json(document: Json) -> Evidence:
    """The inverse. Raises Malformed."""
    return _read("evidence", document, _evidence)


def facts_to_json(facts: Mapping[str, Fact]) -> dict[str, Any]:
    """Facts as JSON: lists of words are arrays."""
    return {path: list(fact) if isinstance(fact, tuple) else fact for path, fact in facts.items()}


def facts_from_json(document: Json) -> dict[str, Fact]:
    """The inverse. Raises Malformed on a value that is no fact."""
    return {path: _fact(path, value) for path, value in document.items()}


def assessment_to_json(assessment: Assessment) -> dict[str, Any]:
    """An assessment with every finding, criterion and count."""
    return {
        "release": assessment.release,
        "treeSize": assessment.tree_size,
        "evaluatedAt": format_rfc3339(assessment.evaluated_at),
        "catalogDigest": assessment.catalog_digest,
        "policyDigest": assessment.policy_digest,
        "findings": [finding_to_json(one) for one in assessment.findings],
        "criteria": [criterion_to_json(one) for one in assessment.criteria],
        "counts": {outcome.value: count for outcome, count in assessment.counts.items()},
        "notes": list(assessment.notes),
    }


def assessment_from_json(document: Json) -> Assessment:
    """The inverse. Raises Malformed."""
    return _read("assessment", document, _assessment)


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """One control's verdict."""
    return {
        "control": finding.control,
        "outcome": finding.outcome.value,
        "raw": finding.raw.value,
        "because": finding.because,
        "fix": finding.fix,
        "queries": [query_to_json(one) for one in finding.queries],
        "evidence": list(finding.evidence),
        "waiver": finding.waiver,
        "code": finding.code,
        "facts": facts_to_json(finding.facts),
    }


def finding_from_json(document: Json) -> Finding:
    """The inverse. Raises Malformed."""
    return _read("finding", document, _finding)


def finding_outline(document: Json) -> Finding:
    """One control's verdict without its queries. Raises Malformed."""
    return _read("finding", {**document, "queries": ()}, _finding)


def query_to_json(query: QueryResult) -> dict[str, Any]:
    """One query's rows by truth value."""
    return {
        "name": query.name,
        "kind": query.kind,
        "where": query.where,
        "outcome": query.outcome.value,
        "population": query.population,
        "tested": query.tested,
        "matched": list(query.matched),
        "failed": list(query.failed),
        "unknown": list(query.unknown),
        "stale": list(query.stale),
        "withheld": list(query.withheld),
        "unverified": list(query.unverified),
        "absent": list(query.absent),
        "lacking": list(query.lacking),
        "because": query.because,
        "met": query.met,
    }


def query_from_json(document: Json) -> QueryResult:
    """The inverse. Raises Malformed."""
    return _read("query", document, _query)


def criterion_to_json(criterion: CriterionResult) -> dict[str, Any]:
    """One framework criterion, rolled up."""
    return {
        "framework": criterion.framework,
        "ref": criterion.ref,
        "outcome": criterion.outcome.value,
        "controls": list(criterion.controls),
        "unmapped": criterion.unmapped,
    }


def criterion_from_json(document: Json) -> CriterionResult:
    """The inverse. Raises Malformed."""
    return _read("criterion", document, _criterion)


def _signer_to_json(signer: Signer) -> dict[str, Any]:
    match signer:
        case KeySigner(key_id=key_id, algorithm=algorithm, name=name):
            return {"type": "key", "keyId": key_id, "algorithm": algorithm, "name": name}
        case CertificateSigner(issuer=issuer, identity=identity, certificate=certificate, claims=claims):
            stated = {"claims": dict(claims)} if claims else {}  # records without claims stay byte for byte
            return {"type": "certificate", "issuer": issuer, "identity": identity, "certificate": certificate, **stated}
    assert_never(signer)


def _signer(document: Json) -> Signer:
    match document["type"]:
        case "key":
            return KeySigner(_text(document["keyId"]), _text(document["algorithm"]), _text(document["name"]))
        case "certificate":
            return CertificateSigner(
                _text(document["issuer"]),
                _text(document["identity"]),
                _text(document["certificate"]),
                {_text(name): _text(value) for name, value in document.get("claims", {}).items()},
            )
        case other:
            raise Malformed(f"no such type of signer: {other!r}", path="signer.type")


def _verification(document: Json) -> Verification:
    match document["status"]:
        case "verified":
            return Verified(
                signer=_signer(document["signer"]),
                trust_root=_text(document["trustRoot"]),
                checks=_texts(document["checks"]),
                signed_at=_moment(document["signedAt"]),
            )
        case "unsupported":
            return Unsupported(_text(document["what"]), _text(document["code"]))
        case "failed":
            return Failed(_text(document["code"]), _text(document["message"]))
        case "unsigned":
            return Unsigned(_text(document["code"]))
        case other:
            raise Malformed(f"no such verification status: {other!r}", path="verification.status")


def _evidence(document: Json) -> Evidence:
    return Evidence(
        id=_text(document["id"]),
        leaf_index=_count(document["leafIndex"]),
        received=_time(document["received"]),
        kind=_text(document["kind"]),
        predicate_type=_text(document["predicateType"]),
        media_type=_text(document["mediaType"]),
        body_digest=_text(document["bodyDigest"]),
        body_size=_count(document["bodySize"]),
        subjects=tuple(_subject(one) for one in document["subjects"]),
        verification=_verification(document["verification"]),
        facts=facts_from_json(document["facts"]),
        effective=_moment(document["effective"]),
        collected=_moment(document["collected"]),
        series=_text(document["series"]),
        sources=_texts(document["sources"]),
        erased=_flag(document["erased"]),
    )


def _subject(document: Json) -> Subject:
    digest = {_text(algorithm): _text(value) for algorithm, value in document["digest"].items()}
    return Subject(_text(document["name"]), digest)


def _assessment(document: Json) -> Assessment:
    return Assessment(
        release=_text(document["release"]),
        tree_size=_count(document["treeSize"]),
        evaluated_at=_time(document["evaluatedAt"]),
        catalog_digest=_text(document["catalogDigest"]),
        policy_digest=_text(document["policyDigest"]),
        findings=tuple(_finding(one) for one in document["findings"]),
        criteria=tuple(_criterion(one) for one in document["criteria"]),
        counts={Outcome(outcome): _count(count) for outcome, count in document["counts"].items()},
        notes=_texts(document["notes"]),
    )


def _finding(document: Json) -> Finding:
    return Finding(
        control=_text(document["control"]),
        outcome=Outcome(document["outcome"]),
        raw=Outcome(document["raw"]),
        because=_text(document["because"]),
        fix=_text(document["fix"]),
        queries=tuple(_query(one) for one in document["queries"]),
        evidence=_texts(document["evidence"]),
        waiver=_text(document["waiver"]),
        code=_text(document["code"]),
        facts=facts_from_json(document["facts"]),
    )


def _query(document: Json) -> QueryResult:
    return QueryResult(
        name=_text(document["name"]),
        kind=_text(document["kind"]),
        where=_text(document["where"]),
        outcome=Outcome(document["outcome"]),
        population=_count(document["population"]),
        tested=_count(document["tested"]),
        matched=_texts(document["matched"]),
        failed=_texts(document["failed"]),
        unknown=_texts(document["unknown"]),
        stale=_texts(document["stale"]),
        withheld=_texts(document["withheld"]),
        unverified=_texts(document["unverified"]),
        absent=_texts(document["absent"]),
        lacking=_texts(document["lacking"]),
        because=_text(document["because"]),
        met=_count(document["met"]),
    )


def _criterion(document: Json) -> CriterionResult:
    return CriterionResult(
        framework=_text(document["framework"]),
        ref=_text(document["ref"]),
        outcome=Outcome(document["outcome"]),
        controls=_texts(document["controls"]),
        unmapped=_flag(document["unmapped"]),
    )


def _read(what: str, document: Json, reader: Callable[[Json], T]) -> T:
    """Everything a wrong shape can raise while it is read becomes Malformed."""
    try:
        return reader(document)
    except KeyError as fault:
        raise Malformed(f"{what}: {fault} is absent", path=what) from fault
    except (TypeError, ValueError, AttributeError) as fault:
        raise Malformed(f"{what}: a value of the wrong type ({fault})", path=what) from fault


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.80} is not text")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r:.80} is not a count")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r:.80} is not true or false")
    return value


def _texts(value: Sequence[object]) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r:.80} is not a list")
    return tuple(map(_text, value))


def _time(value: object) -> datetime:
    return parse_rfc3339(_text(value))


def _moment(value: object) -> datetime | None:
    return None if value is None else _time(value)


def _moment_to_json(moment: datetime | None) -> str | None:
    return None if moment is None else format_rfc3339(moment)


def _fact(path: str, value: object) -> Fact:
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return _texts(value)
    raise Malformed(f"fact {path} is {type(value).__name__}", path=f"facts.{path}")
