"""Append, first part: one checked piece of evidence becomes one row of a batch, outside any transaction.

This runs once per envelope of an upload, so it does everything that needs no lock: digests, compression, JSON, and
the bounds that PostgreSQL would otherwise find in the middle of a batch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson

from evidence_api.domain.errors import Malformed, TooLarge, VerificationFailed
from evidence_api.domain.evidence import Checked
from evidence_api.domain.merkle import leaf_hash
from evidence_api.domain.verification import Failed, Verification, Verified
from evidence_api.formats.leaf import leaf_bytes
from evidence_api.formats.records import facts_to_json, verification_to_json
from evidence_api.store.compression import encoded

MAX_DIGEST = 1200  # characters; an index entry of two must stay under PostgreSQL's 2,704 bytes
MAX_NAME = 1024
EVERY_KIND = "*"


@dataclass(frozen=True, slots=True)
class Record:
    """One envelope, ready to insert. `row` is a `new_evidence` (0001_create_evidence_log.sql); the rest becomes rows
    of other tables."""

    evidence_id: str
    id: bytes
    leaf: bytes
    leaf_hash: bytes
    received: datetime
    row: tuple[Any, ...] = field(repr=False)
    subjects: tuple[tuple[int, str, str], ...] = field(repr=False)  # position, digest, name
    links: tuple[tuple[str, str], ...] = field(repr=False)  # subject digest, source digest
    release: tuple[str, str] | None = None  # name, version


def prepare(checked: Checked, received: datetime, decision_id: str) -> Record:
    """Make the row. Raises Malformed, TooLarge, VerificationFailed (failed checks are never stored)."""
    verification, normalised = checked.verification, checked.normalised
    if isinstance(verification, Failed):
        raise VerificationFailed(verification.message, code=verification.code)
    signer = verification.signer.label if isinstance(verification, Verified) else ""
    subjects = _subjects(checked)
    links = _links(checked, {digest for _, digest, _ in subjects})
    release = _release(checked)
    leaf = leaf_bytes(checked.id, received, normalised.kind)
    hashed = leaf_hash(leaf)
    identity = bytes.fromhex(checked.id.removeprefix("sha256:"))
    encoding, content = encoded(checked.body)
    row = (
        *(identity, leaf, hashed, received, normalised.kind, checked.predicate_type, checked.media_type),
        *(sha256(checked.body).digest(), len(checked.body), encoding, content),
        *(verification.status, signer, _verification_text(verification)),
        *(orjson.dumps(facts_to_json(normalised.facts)).decode(), normalised.effective, checked.collected),
        *(normalised.series, " ".join(normalised.sources), decision_id),
        EVERY_KIND if links or release else normalised.kind,
    )
    return Record(checked.id, identity, leaf, hashed, received, row, subjects, links, release)


@lru_cache(maxsize=4096)
def _verification_text(verification: Verification) -> str:
    """Signers repeat from envelope to envelope, and so does this text."""
    return orjson.dumps(verification_to_json(verification)).decode()


def _subjects(checked: Checked) -> tuple[tuple[int, str, str], ...]:
    rows = tuple(
        (position, digest, subject.name)
        for position, subject in enumerate(checked.subjects)
        for digest in subject.digests
    )
    _check_digests((digest for _, digest, _ in rows), "subject.digest")
    return rows


def _links(checked: Checked, subjects: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Only verified provenance links: an unverified claim must not draw evidence into a release."""
    sources = checked.normalised.sources
    _check_digests(sources, "sources")
    if not isinstance(checked.verification, Verified) or not sources:
        return ()
    return tuple((subject, source) for subject in subjects for source in dict.fromkeys(sources))


def _release(checked: Checked) -> tuple[str, str] | None:
    if checked.normalised.kind != "release" or not isinstance(checked.verification, Verified):
        return None
    name, version = (str(checked.normalised.facts.get(key, "")) for key in ("name", "version"))
    if not name:
        raise Malformed("a release statement has no name", path="predicate.name")
    for path, value in (("predicate.name", name), ("predicate.version", version)):
        if len(value) > MAX_NAME:
            raise TooLarge(f"{path} is too long", path=path, limit=MAX_NAME, value=len(value))
    return name, version


def _check_digests(digests: Iterable[str], path: str) -> None:
    for digest in digests:
        if len(digest) > MAX_DIGEST:
            raise TooLarge("a digest is too long to be indexed", path=path, limit=MAX_DIGEST, value=len(digest))
        if " " in digest:
            raise Malformed(f"a digest has a space: {digest[:80]!r}", path=path)
