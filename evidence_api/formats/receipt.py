"""The receipt as JSON, and its offline check: the leaf names the evidence, and is in the tree the log signed."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from evidence_api.domain.digest import parse_digest
from evidence_api.domain.errors import Malformed, TooLarge, VerificationFailed
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.merkle import leaf_hash, verify_inclusion
from evidence_api.formats.checkpoint import NoteVerifier, verify_checkpoint
from evidence_api.formats.leaf import parse_leaf

MAX_PROOF = 64  # hashes: enough for 2^64 leaves


def receipt_to_json(receipt: Receipt) -> dict[str, Any]:
    """A JSON-able receipt; bytes are base64. `reperformance` is there for decisions just uploaded."""
    document = {
        "evidenceId": receipt.evidence_id,
        "leafIndex": receipt.leaf_index,
        "treeSize": receipt.tree_size,
        "leaf": b64encode(receipt.leaf).decode(),
        "inclusionProof": list(map(_hash_to_text, receipt.proof)),
        "checkpoint": receipt.checkpoint,
        "created": receipt.created,
    }
    if receipt.note is not None:
        document["reperformance"] = {"status": receipt.note.status, "differing": list(receipt.note.differing)}
    return document


@lru_cache(maxsize=8192)
def _hash_to_text(step: bytes) -> str:
    """Receipts of one batch have nearly all of their proofs in common."""
    return b64encode(step).decode()


def receipt_from_json(document: Mapping[str, Any]) -> Receipt:
    """Read a receipt, unverified. Raises Malformed, TooLarge."""
    match document:
        case {
            "evidenceId": str(evidence_id),
            "leafIndex": int(leaf_index),
            "treeSize": int(tree_size),
            "leaf": str(leaf),
            "inclusionProof": [*proof],
            "checkpoint": str(checkpoint),
        }:
            if len(proof) > MAX_PROOF:
                raise TooLarge("the inclusion proof is too long", limit=MAX_PROOF, value=len(proof))
            return Receipt(
                evidence_id=parse_digest(evidence_id),
                leaf_index=leaf_index,
                tree_size=tree_size,
                leaf=_bytes(leaf, "leaf"),
                proof=tuple(_bytes(step, "inclusionProof") for step in proof),
                checkpoint=checkpoint,
                created=document.get("created") is True,
            )
        case _:
            raise Malformed("not a receipt: a field is absent or of the wrong type", path="$")


def verify_receipt(document: Mapping[str, Any], verifier: NoteVerifier) -> Receipt:
    """Check a receipt with the log's key alone. Raises Malformed, UnknownKey, BadSignature, VerificationFailed."""
    receipt = receipt_from_json(document)
    # 1. the log's key signed the checkpoint (c2sp.org/signed-note), and it is of the tree the receipt speaks of
    checkpoint = verify_checkpoint(receipt.checkpoint, verifier)
    if checkpoint.size != receipt.tree_size:
        raise VerificationFailed("the checkpoint is of another tree size", code="checkpoint", value=checkpoint.size)
    # 2. the leaf is about this evidence
    if parse_leaf(receipt.leaf).evidence_id != receipt.evidence_id:
        raise VerificationFailed("the leaf is of other evidence", code="leaf", value=receipt.evidence_id)
    # 3. the leaf is in that tree, at that index (RFC 9162 section 2.1.3.2)
    verify_inclusion(leaf_hash(receipt.leaf), receipt.leaf_index, receipt.tree_size, receipt.proof, checkpoint.root)
    return receipt


def _bytes(value: object, path: str) -> bytes:
    if not isinstance(value, str):
        raise Malformed(f"{path} is not base64 text", path=path)
    try:
        return b64decode(value, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise Malformed(f"{path} is not base64", path=path) from fault
