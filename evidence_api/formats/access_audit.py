"""The audit of access in the log: a row as the leaf of a batch's tree, and the statement that commits to a batch.

No clock is read: all times are those of the rows, so that the same batch is the same statement.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from evidence_api.domain.access_entry import AccessBatch, AccessProof, AccessRow
from evidence_api.domain.digest import canonical, digest_of, sha256_hex
from evidence_api.domain.errors import Malformed, VerificationFailed
from evidence_api.domain.merkle import HASH_SIZE, Frontier, Prover, grow, leaf_hash, verify_inclusion
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.statement import Subject

ACCESS_AUDIT_TYPE = "urn:evidence-api:access-audit:v1"
PRODUCER = "evidence-api/access-audit"
VERSION = "1"  # of what is stated of the same rows


def asked_with(values: Mapping[str, Any] | None) -> str:
    """The digest by which the audit knows variables, or what a path and a query string hold: `sha256:<hex>` of their
    canonical form (RFC 8785). "" for none. What has no such form (integers past 2^53) is told by its kind alone."""
    if not values:
        return ""
    try:
        return digest_of(canonical(values))
    except Malformed:
        return "sha256:not-canonical"


def row_leaf(row: AccessRow) -> bytes:
    """A row's canonical JSON: what the leaves of a batch's tree are made of."""
    entry, notes = row.entry, row.entry.notes
    return canonical(
        {
            "sequence": row.sequence,
            "at": format_rfc3339(entry.at),
            "requestId": entry.request_id,
            "principal": {"kind": entry.principal_kind, "id": entry.principal_id},
            "action": notes.action,
            "method": entry.method,
            "path": entry.path,
            "document": notes.document,
            "operation": notes.operation,
            "variables": notes.variables,
            "cost": notes.cost,
            "treeSize": notes.tree_size,
            "result": notes.result,
            "status": entry.status,
            "code": notes.code,
            "count": entry.count,
        }
    )


def batch_of(rows: Sequence[AccessRow]) -> AccessBatch:
    """The batch of these rows, which follow each other. Raises VerificationFailed `access_gap` where they do not."""
    first = rows[0].sequence
    for place, row in enumerate(rows):
        if row.sequence != first + place:
            raise VerificationFailed("a row of the audit is missing", code="access_gap", value=first + place)
    hashes = [leaf_hash(row_leaf(row)) for row in rows]
    return AccessBatch(first, rows[-1].sequence, Frontier().append(hashes).root(), b"".join(hashes))


def access_statement(
    origin: str, batch: AccessBatch, rows: Sequence[AccessRow]
) -> tuple[tuple[Subject, ...], dict[str, Any]]:
    """Subjects and predicate of the statement that commits to a batch: it is about the log of that origin."""
    refusals = sum(row.entry.count for row in rows if row.entry.notes.code)
    times = sorted(row.entry.at for row in rows)
    predicate = {
        "producer": {"id": PRODUCER, "version": VERSION},
        "first": batch.first,
        "last": batch.last,
        "rows": batch.rows,
        "refusals": refusals,
        "since": format_rfc3339(times[0]),
        "until": format_rfc3339(times[-1]),
        "root": f"sha256:{batch.root.hex()}",
    }
    return (Subject(origin, {"sha256": sha256_hex(origin.encode())}),), predicate


class BatchProver:
    """Proves rows of one batch."""

    def __init__(self, batch: AccessBatch) -> None:
        hashes = batch.leaf_hashes
        leaves = [hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE)]
        self._batch = batch
        self._prover = Prover(len(leaves), grow(Frontier(), leaves).node)

    def prove(self, sequence: int) -> AccessProof:
        """That the row is in the batch. Raises VerificationFailed `inclusion_proof`: it is not."""
        batch = self._batch
        index = sequence - batch.first
        return AccessProof(batch.evidence_id, index, batch.rows, batch.root, self._prover.inclusion(index))


def verify_row(leaf: bytes, proof: AccessProof) -> None:
    """Check that a leaf (row_leaf) is what the batch's statement commits to. Raises VerificationFailed."""
    verify_inclusion(leaf_hash(leaf), proof.index, proof.size, proof.hashes, proof.root)
