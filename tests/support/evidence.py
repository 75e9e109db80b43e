"""Evidence records made straight from statements, for tests of what is derived from evidence."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from evidence_api.domain.digest import digest_of
from evidence_api.domain.evidence import Evidence, Release
from evidence_api.domain.verification import KeySigner, Unsigned, Verified
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import read_statement
from tests.support.statements import Statement, statement_bytes

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def verified_by(name: str = "ci") -> Verified:
    """A verification by a registered key of that name."""
    return Verified(KeySigner(digest_of(name.encode()), "ed25519", name), digest_of(b"keys"), ("signature",))


def evidence_of(document: Statement, leaf_index: int, *, signer: str = "ci", verified: bool = True) -> Evidence:
    """The record of a statement; received one minute after the one before it."""
    payload = statement_bytes(document)
    statement = read_statement(document)
    normalised = normalise(statement, len(payload))
    return Evidence(
        id=digest_of(payload + b"%d" % leaf_index),
        leaf_index=leaf_index,
        received=EPOCH + timedelta(minutes=leaf_index),
        kind=normalised.kind,
        predicate_type=statement.predicate_type,
        media_type="application/vnd.dsse.envelope.v1+json",
        body_digest=digest_of(payload),
        body_size=len(payload),
        subjects=statement.subjects,
        verification=verified_by(signer) if verified else Unsigned(),
        facts=normalised.facts,
        effective=normalised.effective,
        collected=None,
        series=normalised.series,
        sources=normalised.sources,
    )


def release_of(evidence: Evidence) -> Release:
    """The release a release statement makes."""
    digests = dict.fromkeys(digest for subject in evidence.subjects for digest in subject.digests)
    facts = evidence.facts
    return Release(evidence.id, str(facts["name"]), str(facts["version"]), tuple(digests), evidence.leaf_index)


def erased(evidence: Evidence) -> Evidence:
    """The same record with its body gone."""
    return replace(evidence, erased=True)
