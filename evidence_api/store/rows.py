"""Rows of evidence and releases become domain objects here; other files of the store share these."""

from typing import Any

import asyncpg
import orjson

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Evidence, Release
from evidence_api.domain.statement import Subject
from evidence_api.formats.records import facts_from_json, verification_from_json

EVIDENCE = (
    "e.id, e.leaf_index, e.received, e.kind, e.predicate_type, e.media_type, e.body_digest, e.body_size, "
    "e.verification, e.facts, e.effective, e.collected, e.series, e.sources, "
    "(SELECT b.content IS NULL FROM body b WHERE b.tenant_id = e.tenant_id AND b.digest = e.body_digest) AS erased, "
    "(SELECT json_agg(json_build_array(s.position, s.name, s.digest) ORDER BY s.position, s.digest) "
    "FROM evidence_subject s WHERE s.tenant_id = e.tenant_id AND s.leaf_index = e.leaf_index) AS subjects"
)
RELEASE = (
    "r.id, r.name, r.version, r.leaf_index, (SELECT array_agg(o.digest ORDER BY o.digest) FROM release_subject o "
    "WHERE o.tenant_id = r.tenant_id AND o.release_id = r.id) AS digests"
)


def id_bytes(evidence_id: str) -> bytes:
    """The 32 bytes of "sha256:<hex>". Raises Malformed."""
    name, _, digits = evidence_id.partition(":")
    try:
        if name == "sha256" and len(digits) == 64:  # noqa: PLR2004  hex digits of SHA-256
            return bytes.fromhex(digits)
    except ValueError as fault:
        raise Malformed(f"not a digest: {evidence_id[:80]!r}", path="id") from fault
    raise Malformed(f"not a digest of the form sha256:<64 hex digits>: {evidence_id[:80]!r}", path="id")


def id_text(raw: bytes) -> str:
    """The inverse of id_bytes."""
    return f"sha256:{raw.hex()}"


def evidence_of(row: asyncpg.Record) -> Evidence:
    """A row with the columns EVIDENCE."""
    return Evidence(
        id=id_text(row["id"]),
        leaf_index=row["leaf_index"],
        received=row["received"],
        kind=row["kind"],
        predicate_type=row["predicate_type"],
        media_type=row["media_type"],
        body_digest=id_text(row["body_digest"]),
        body_size=row["body_size"],
        subjects=subjects_of(orjson.loads(row["subjects"] or "[]")),
        verification=verification_from_json(orjson.loads(row["verification"])),
        facts=facts_from_json(orjson.loads(row["facts"])),
        effective=row["effective"],
        collected=row["collected"],
        series=row["series"],
        sources=tuple(row["sources"]),
        erased=bool(row["erased"]),
    )


def release_of(row: asyncpg.Record) -> Release:
    """A row with the columns RELEASE."""
    return Release(
        id=id_text(row["id"]),
        name=row["name"],
        version=row["version"],
        digests=tuple(row["digests"] or ()),
        leaf_index=row["leaf_index"],
    )


def subjects_of(listed: list[Any]) -> tuple[Subject, ...]:
    """[[position, name, "algorithm:hex"], …] grouped by position."""
    grouped: dict[int, tuple[str, dict[str, str]]] = {}
    for position, name, digest in listed:
        algorithm, _, value = digest.partition(":")
        grouped.setdefault(position, (name, {}))[1][algorithm] = value
    return tuple(Subject(name, digests) for name, digests in grouped.values())
