import base64
import copy
from typing import Any

import pytest

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.merkle import Frontier, Prover, grow, leaf_hash
from evidence_api.formats.checkpoint import NoteVerifier
from evidence_api.formats.leaf import leaf_bytes, parse_leaf
from evidence_api.formats.receipt import receipt_from_json, receipt_to_json, verify_receipt
from evidence_api.use_cases.append import signed_checkpoint
from tests.support.checked import SteppingClock, TestSigner

SIGNER = TestSigner()
VERIFIER = NoteVerifier("log.test/acme", SIGNER.public_key)
LEAVES = [leaf_bytes(digest_of(b"%d" % n), SteppingClock().now(), "test_result") for n in range(7)]


def receipt() -> Receipt:
    growth = grow(Frontier(), [leaf_hash(leaf) for leaf in LEAVES])
    return Receipt(
        evidence_id=digest_of(b"3"),
        leaf_index=3,
        tree_size=7,
        leaf=LEAVES[3],
        proof=Prover(7, growth.node).inclusion(3),
        checkpoint=signed_checkpoint(SIGNER, "log.test/acme", growth.frontier),
    )


def test_round_trip_and_verification() -> None:
    document = receipt_to_json(receipt())
    assert receipt_from_json(document) == receipt()
    assert verify_receipt(document, VERIFIER) == receipt()
    assert set(document) == {
        *("evidenceId", "leafIndex", "treeSize", "leaf", "inclusionProof", "checkpoint", "created")
    }


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("evidenceId", digest_of(b"4"), "leaf"),
        ("evidenceId", "sha256:short", "malformed"),
        ("leafIndex", 2, "inclusion_proof"),
        ("leafIndex", 7, "inclusion_proof"),
        ("leafIndex", -1, "inclusion_proof"),
        ("treeSize", 8, "checkpoint"),
        ("leaf", base64.b64encode(LEAVES[4]).decode(), "leaf"),
        ("leaf", base64.b64encode(LEAVES[3] + b" ").decode(), "malformed"),
        ("leaf", "%%%", "malformed"),
        ("inclusionProof", [], "inclusion_proof"),
        ("inclusionProof", ["AAAA"] * 65, "too_large"),
        ("inclusionProof", ["AAAA"] * 3, "inclusion_proof"),
        ("inclusionProof", [3], "malformed"),
        ("checkpoint", signed_checkpoint(TestSigner(b"\x01" * 32), "log.test/acme", Frontier()), "unknown_key"),
        ("checkpoint", 3, "malformed"),
    ],
)
def test_what_was_changed_is_named(field: str, value: Any, code: str) -> None:  # noqa: ANN401  any JSON value
    document = copy.deepcopy(receipt_to_json(receipt()))
    document[field] = value
    with pytest.raises(EvidenceError) as refused:
        verify_receipt(document, VERIFIER)
    assert refused.value.code == code


def test_an_absent_field_is_malformed() -> None:
    for field in receipt_to_json(receipt()):
        if field == "created":
            continue
        document = receipt_to_json(receipt())
        del document[field]
        with pytest.raises(EvidenceError) as refused:
            verify_receipt(document, VERIFIER)
        assert refused.value.code == "malformed"


def test_a_leaf_reads_back_and_only_its_canonical_form_is_one() -> None:
    now = SteppingClock().now()
    for kind in ("test_result", 'odd "kind" \u00e9'):
        parsed = parse_leaf(leaf_bytes(digest_of(b"x"), now, kind))
        assert (parsed.evidence_id, parsed.kind, parsed.received) == (digest_of(b"x"), kind, now)
    for wrong in (
        b"",
        b"{}",
        b"[]",
        LEAVES[0].replace(b'","', b'", "'),
        LEAVES[0].replace(b"000001Z", b"Z"),
        LEAVES[0].replace(b'"kind"', b'"kinds"'),
        LEAVES[0][:-1] + b',"more":1}',
        b'{"evidence":"' + b"x" * 5000,
    ):
        with pytest.raises(EvidenceError) as refused:
            parse_leaf(wrong)
        assert refused.value.code in {"malformed", "too_large"}
