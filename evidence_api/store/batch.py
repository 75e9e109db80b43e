"""Append, first part: one checked piece of evidence becomes one row of a batch, outside any transaction.

This runs once per envelope of an upload, so it does everything that needs no lock: digests, compression, JSON, and
the bounds that PostgreSQL would otherwise find in the middle of a batch. All of it but the leaf follows from the bytes
and the tenant's trust: that is the draft, which is made in another process (use_cases/draft_worker.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson

from evidence_api.domain.errors import Malformed, TooLarge, VerificationFailed
from evidence_api.domain.evidence import Checked, Fact
from evidence_api.domain.merkle import leaf_hash
from evidence_api.domain.statement import Subject
from evidence_api.domain.verification import Failed, Verification, Verified
from evidence_api.formats.leaf import leaf_bytes
from evidence_api.formats.records import facts_from_json, facts_to_json, verification_to_json
from evidence_api.store.compression import encoded

MAX_DIGEST = 1200  # characters; an index entry of two must stay under PostgreSQL's 2,704 bytes
MAX_NAME = 1024
EVERY_KIND = "*"
_FACTS, _EFFECTIVE = 10, 11  # columns of a draft


@dataclass(frozen=True, slots=True)
class Draft:
    """A record without its leaf. `columns` are those of new_evidence from `kind` to `sources`, in order, and `due_kind`
    its last; None where the check failed, for failed evidence is never stored."""

    evidence_id: str
    size: int  # bytes of the body
    verification: Verification
    kind: str
    predicate_type: str
    columns: tuple[Any, ...] | None = field(repr=False)
    due_kind: str
    subject_rows: tuple[tuple[int, str, str], ...] = field(repr=False)  # position, digest, name
    links: tuple[tuple[str, str], ...] = field(repr=False)  # subject digest, source digest
    release: tuple[str, str] | None  # name, version

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """What it is about, from the rows that will say so."""
        return tuple(
            Subject(rows[0][2], dict(digest.split(":", 1) for _, digest, _ in rows))
            for rows in (list(group) for _, group in groupby(self.subject_rows, key=itemgetter(0)))
        )

    @property
    def facts(self) -> Mapping[str, Fact]:
        """What its predicate says; nothing where the check failed."""
        return {} if self.columns is None else facts_from_json(orjson.loads(self.columns[_FACTS]))

    @property
    def effective(self) -> datetime | None:
        """The time it is about."""
        return None if self.columns is None else self.columns[_EFFECTIVE]


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
    return complete(draft(checked), received, decision_id)


def draft(checked: Checked) -> Draft:
    """All of a row but the leaf. Raises Malformed, TooLarge."""
    verification, normalised = checked.verification, checked.normalised
    subjects = _subjects(checked)
    links = _links(checked, {digest for _, digest, _ in subjects})
    release = _release(checked)
    return Draft(
        evidence_id=checked.id,
        size=len(checked.body),
        verification=verification,
        kind=normalised.kind,
        predicate_type=checked.predicate_type,
        columns=None if isinstance(verification, Failed) else _columns(checked, verification),
        due_kind=EVERY_KIND if links or release else normalised.kind,
        subject_rows=subjects,
        links=links,
        release=release,
    )


def complete(draft: Draft, received: datetime, decision_id: str) -> Record:
    """Add the leaf: when it was received, and by which decision it was let in. Raises VerificationFailed."""
    if draft.columns is None:
        fault = draft.verification
        assert isinstance(fault, Failed)  # noqa: S101  nothing else has no columns
        raise VerificationFailed(fault.message, code=fault.code)
    leaf = leaf_bytes(draft.evidence_id, received, draft.kind)
    hashed = leaf_hash(leaf)
    identity = bytes.fromhex(draft.evidence_id[7:])
    row = (identity, leaf, hashed, received, *draft.columns, decision_id, draft.due_kind)
    return Record(
        draft.evidence_id, identity, leaf, hashed, received, row, draft.subject_rows, draft.links, draft.release
    )


def _columns(checked: Checked, verification: Verification) -> tuple[Any, ...]:
    normalised = checked.normalised
    signer = verification.signer.label if isinstance(verification, Verified) else ""
    encoding, content = encoded(checked.body)
    return (
        *(normalised.kind, checked.predicate_type, checked.media_type),
        *(sha256(checked.body).digest(), len(checked.body), encoding, content),
        *(verification.status, signer, verification_text(verification)),
        *(orjson.dumps(facts_to_json(normalised.facts)).decode(), normalised.effective, checked.collected),
        *(normalised.series, " ".join(normalised.sources)),
    )


@lru_cache(maxsize=4096)
def verification_text(verification: Verification) -> str:
    """A verification as JSON. Signers repeat from envelope to envelope, and so does this text."""
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
