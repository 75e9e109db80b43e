import copy
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.assessment import Assessment, CriterionResult, Finding, Outcome, QueryResult
from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Evidence
from evidence_api.domain.statement import Subject
from evidence_api.domain.verification import (
    CertificateSigner,
    Failed,
    KeySigner,
    Unsigned,
    Unsupported,
    Verification,
    Verified,
)
from evidence_api.formats.records import (
    assessment_from_json,
    assessment_to_json,
    evidence_from_json,
    evidence_to_json,
    verification_from_json,
    verification_to_json,
)

NOW = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)
VERIFICATIONS: tuple[Verification, ...] = (
    Verified(KeySigner(digest_of(b"k"), "ed25519", "ci"), digest_of(b"r"), ("signature",)),
    Verified(CertificateSigner("https://issuer", "me@example", digest_of(b"c")), digest_of(b"r"), ("a", "b"), NOW),
    Verified(
        CertificateSigner(
            "https://issuer", "ci", digest_of(b"c"), {"source_repository_id": "12", "source_ref": "main"}
        ),
        digest_of(b"r"),
        ("a",),
        NOW,
    ),
    Unsupported("log entry intoto 0.0.2"),
    Failed("bad_signature", "no"),
    Unsigned(),
)
EVIDENCE = Evidence(
    id=digest_of(b"e"),
    leaf_index=3,
    received=NOW,
    kind="vulns",
    predicate_type="https://example/v1",
    media_type="application/json",
    body_digest=digest_of(b"b"),
    body_size=10,
    subjects=(Subject("a", {"sha256": "0" * 64, "sha1": "1" * 40}), Subject("", {"sha256": "2" * 64})),
    verification=VERIFICATIONS[1],
    facts={"total": 3, "rate": 0.5, "analysed": True, "scanner": "x", "names": ("a", "b")},
    effective=NOW,
    collected=None,
    series="scanner x",
    sources=("sha1:" + "3" * 40,),
    erased=True,
)
QUERY = QueryResult(
    "q",
    "vulns",
    "criticals==0",
    Outcome.FAIL,
    3,
    2,
    ("a",),
    ("b",),
    ("c",),
    ("d",),
    ("e",),
    ("f",),
    ("g",),
    ("h",),
    "i",
)
ASSESSMENT = Assessment(
    release=digest_of(b"e"),
    tree_size=9,
    evaluated_at=NOW,
    catalog_digest=digest_of(b"cat"),
    policy_digest=digest_of(b"pol"),
    findings=(
        Finding(
            "C-1", Outcome.WAIVED, Outcome.FAIL, "because", "fix", (QUERY,), (digest_of(b"e"),), "W-1", "", {"n": 1}
        ),
        Finding("C-2", Outcome.ERROR, Outcome.ERROR, "", "", (), (), code="engine_timeout"),
    ),
    criteria=(
        CriterionResult("aicpa-tsc", "CC7.2", Outcome.WAIVED, ("C-1",)),
        CriterionResult("f", "r", Outcome.NOT_RUN, (), unmapped=True),
    ),
    counts={Outcome.WAIVED: 1, Outcome.ERROR: 1},
    notes=("waiver W-2 is over",),
)


def through_json(document: dict[str, Any]) -> Any:  # noqa: ANN401  any JSON value
    return json.loads(json.dumps(document))


@pytest.mark.parametrize("verification", VERIFICATIONS, ids=lambda one: type(one).__name__)
def test_verifications_come_back(verification: Verification) -> None:
    assert verification_from_json(through_json(verification_to_json(verification))) == verification


def test_evidence_comes_back() -> None:
    assert evidence_from_json(through_json(evidence_to_json(EVIDENCE))) == EVIDENCE


def test_assessments_come_back() -> None:
    assert assessment_from_json(through_json(assessment_to_json(ASSESSMENT))) == ASSESSMENT


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401  any JSON value
    """The paths of all values inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, one in inside for found in ((*path, key), *places(one, (*path, key)))]


DOCUMENTS = (
    (evidence_from_json, through_json(evidence_to_json(EVIDENCE))),
    (assessment_from_json, through_json(assessment_to_json(ASSESSMENT))),
)


@given(st.sampled_from(DOCUMENTS), st.data())
def test_a_changed_record_reads_or_is_malformed_and_nothing_else(
    given_document: tuple[Any, dict[str, Any]], data: st.DataObject
) -> None:
    reader, document = given_document
    changed = copy.deepcopy(document)
    *parents, last = data.draw(st.sampled_from(places(changed)))
    holder = changed
    for step in parents:
        holder = holder[step]
    if data.draw(st.booleans()) and isinstance(holder, dict):
        del holder[last]
    else:
        holder[last] = data.draw(st.sampled_from([None, True, -1, 1.5, "x", [], [1], {}, {"x": 1}]))
    try:
        record = reader(changed)
    except Malformed:
        return
    assert type(record) is type(reader(document))


def test_wrong_words_are_named() -> None:
    with pytest.raises(Malformed, match="perhaps"):
        verification_from_json({"status": "perhaps"})
    with pytest.raises(Malformed, match="witch"):
        verification_from_json({**verification_to_json(VERIFICATIONS[0]), "signer": {"type": "witch"}})
    with pytest.raises(Malformed):
        evidence_from_json({**evidence_to_json(EVIDENCE), "facts": {"x": {"deep": 1}}})


def test_records_from_before_claims_were_kept_are_written_as_they_were_read() -> None:
    old = {
        "status": "verified",
        "signer": {"type": "certificate", "issuer": "i", "identity": "n", "certificate": digest_of(b"c")},
        "trustRoot": digest_of(b"r"),
        "checks": ["a"],
        "signedAt": None,
    }
    read = verification_from_json(old)
    assert isinstance(read, Verified)
    assert isinstance(read.signer, CertificateSigner)
    assert not read.signer.claims
    assert verification_to_json(read) == old


def test_a_signer_comes_back_whole_from_another_process() -> None:
    signer = CertificateSigner("i", "n", digest_of(b"c"), {"source_ref": "main"})
    assert pickle.loads(pickle.dumps(signer)) == signer  # noqa: S301  pickled here
