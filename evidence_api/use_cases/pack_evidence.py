"""Verifying a pack, steps 3 to 5: the log's checkpoint, each record's place in the log, each record's signature.

Nothing the index says of a record is kept: what a signed body says is read from the body again, and the record
must agree. An erased record keeps only what its leaf proves (identity, kind, time) and the index asserts
(subjects, series, sources); its row can never help a verdict.
"""

from dataclasses import replace

from evidence_api.domain.decisions.reading import DECISION_KINDS
from evidence_api.domain.decisions.reperforming import agree
from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import EvidenceError, PackRejected, VerificationFailed
from evidence_api.domain.evidence import Checked, Evidence
from evidence_api.domain.merkle import leaf_hash, verify_inclusion
from evidence_api.domain.pack import PackContents, PackedEvidence, PackedTrust, Redaction
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
from evidence_api.engines.keys import load_public_key
from evidence_api.engines.sigstore import FORMERLY_UNSUPPORTED, AnyIdentity, BundleVerifier, IdentityRule
from evidence_api.formats.checkpoint import Checkpoint, parse_verifier, verify_checkpoint
from evidence_api.formats.leaf import leaf_bytes
from evidence_api.formats.predicates import reader_of
from evidence_api.formats.upload import recognise
from evidence_api.use_cases.check import Trust, read_checked, verify

# A bundle of a type we cannot check is not checked without a rule either; this one trusts nobody that exists.
_NOBODY = (IdentityRule("urn:nobody", "urn:nobody"),)


def check_log(contents: PackContents) -> Checkpoint:
    """Step 3. Raises PackRejected: `checkpoint_signature`, `checkpoint_origin`, `stale_checkpoint`."""
    try:
        checkpoint = verify_checkpoint(contents.checkpoint, parse_verifier(contents.log_key))
    except EvidenceError as fault:
        raise PackRejected(f"the checkpoint does not hold: {fault.message}", code="checkpoint_signature") from fault
    if checkpoint.origin != contents.log_origin:
        raise PackRejected("the checkpoint is of another log", code="checkpoint_origin", value=checkpoint.origin)
    if checkpoint.size < contents.assessment.tree_size:
        raise PackRejected(
            f"the checkpoint is of {checkpoint.size} leaves, the assessment of {contents.assessment.tree_size}",
            code="stale_checkpoint",
        )
    return checkpoint


def check_records(contents: PackContents, checkpoint: Checkpoint) -> int:
    """Step 4: bytes, leaf and inclusion of every record; how many there are.

    Raises PackRejected: `body_digest`, `body_missing`, `leaf`, `leaf_index`, `inclusion_proof`.
    """
    last = -1
    for item in contents.evidence:
        record = item.evidence
        # 1. in the order of the log, inside the tree that was assessed
        if not last < record.leaf_index < contents.assessment.tree_size:
            raise _rejected(item, "leaf_index", "is not in the tree that was assessed, or out of order")
        last = record.leaf_index
        # 2. the bytes received
        if item.body is None and not record.erased and item.redaction is None:
            raise _rejected(item, "body_missing", "has no body and is not marked as erased or redacted")
        if item.body is not None and (digest_of(item.body), len(item.body)) != (record.body_digest, record.body_size):
            raise _rejected(item, "body_digest", "has other bytes than those received")
        # 3. the leaf says what the record says (DESIGN section 4)
        if item.leaf != leaf_bytes(record.id, record.received, record.kind):
            raise _rejected(item, "leaf", "does not agree with its leaf")
        # 4. and is in the tree (RFC 9162, 2.1.3.2)
        try:
            verify_inclusion(leaf_hash(item.leaf), record.leaf_index, checkpoint.size, item.proof, checkpoint.root)
        except VerificationFailed as fault:
            raise _rejected(item, "inclusion_proof", f"is not in the log: {fault.message}") from fault
    return len(contents.evidence)


def check_signatures(contents: PackContents) -> tuple[Evidence, ...]:
    """Step 5: verify and read every body again; the records as they follow from the bodies alone.

    Raises PackRejected: `trust`, `evidence_unreadable`, `evidence_id`, `evidence_signature`, `evidence_facts`,
    `redaction`.
    """
    trust = _trust(contents.trust)
    return tuple(_record(item, trust) for item in contents.evidence)


def _trust(packed: PackedTrust) -> Trust:
    try:
        return Trust(
            keys=tuple(load_public_key(key.pem, key.name) for key in packed.keys),
            identities=tuple(IdentityRule(rule.issuer, rule.identity) for rule in packed.identities) or _NOBODY,
            verifier=None if packed.trusted_root is None else BundleVerifier(packed.trusted_root),
        )
    except EvidenceError as fault:
        raise PackRejected(f"the keys or the trusted root do not load: {fault.message}", code="trust") from fault


def _record(item: PackedEvidence, trust: Trust) -> Evidence:
    record = item.evidence
    if item.redaction is not None:
        return _redacted(item, item.redaction)
    if item.body is None:
        return replace(record, facts={})
    try:
        checked = _check(item.body, record, trust)
    except EvidenceError as fault:
        raise _rejected(item, "evidence_unreadable", f"cannot be read: {fault.message}") from fault
    # 1. it is the evidence its leaf names
    if checked.id != record.id:
        raise _rejected(item, "evidence_id", "is not the evidence its leaf names")
    # 2. the signature checks come out as recorded (the set of trusted keys may have grown or shrunk since)
    if _stays_unsupported(record.verification, checked.verification):
        checked = replace(checked, verification=record.verification, collected=record.collected)
    if not _same(checked.verification, record.verification):
        raise _rejected(
            item,
            "evidence_signature",
            f"was recorded as {record.verification.status}, and is {_told(checked.verification)}",
        )
    # 3. and it says what is recorded
    read = _as_recorded(_read_again(record, checked), record)
    if read != record:
        raise _rejected(item, "evidence_facts", "says something else than its record")
    return read


def _redacted(item: PackedEvidence, redaction: Redaction) -> Evidence:
    """The record of a body that may not leave: what it says is read from the redacted copy, and must be what is
    recorded. Who signed the original is the word of whoever signed the pack; the steps say so."""
    record = item.evidence
    if item.body is not None or record.erased or not redaction.found:
        raise _rejected(item, "redaction", "is redacted, and its body is here, or erased, or nothing was found in it")
    try:
        checked = copy_checked(record, redaction.copy)
    except EvidenceError as fault:
        raise _rejected(
            item, "evidence_unreadable", f"cannot be read from its redacted copy: {fault.message}"
        ) from fault
    read = as_copied(record, checked)
    if read != record:
        raise _rejected(item, "evidence_facts", "says something else than its redacted copy")
    return read


def copy_checked(record: Evidence, copy: bytes) -> Checked:
    """A redacted copy, read as the record's body was. Raises Refused."""
    return read_checked(copy, recognise(copy), record.verification, reader=reader_of(record.kind))


def as_copied(record: Evidence, checked: Checked) -> Evidence:
    """The record with everything the redacted copy says taken from the copy. What it came in, and when it was signed,
    only the original says."""
    return replace(_read_again(record, checked), media_type=record.media_type, collected=record.collected)


def _same(found: Verification, recorded: Verification) -> bool:
    if isinstance(found, Verified) and isinstance(recorded, Verified):
        signer = found.signer
        if isinstance(signer, KeySigner) and isinstance(recorded.signer, KeySigner):
            signer = replace(signer, name=recorded.signer.name)  # a key may be called something else by now
        if isinstance(signer, CertificateSigner) and isinstance(recorded.signer, CertificateSigner):
            signer = replace(signer, claims=signer.claims if recorded.signer.claims else {})  # older records keep none
        return replace(found, trust_root=recorded.trust_root, signer=signer) == recorded
    return found == recorded


def _check(body: bytes, record: Evidence, trust: Trust) -> Checked:
    """What cannot be checked counts for nothing, so nobody needs to be trusted for it, and packs name nobody."""
    upload = recognise(body)
    anybody = AnyIdentity() if isinstance(record.verification, Unsupported) else None
    return read_checked(body, upload, verify(upload, trust, identities=anybody), reader=reader_of(record.kind))


def _stays_unsupported(recorded: Verification, found: Verification) -> bool:
    """Recorded when this type of evidence could not be checked yet, or its key is not enclosed. Whatever is found
    now, the record stands: it did not count then, and a verdict that was given does not change."""
    if not isinstance(recorded, Unsupported):
        return False
    unknown = isinstance(found, Failed) and found.code == "unknown_key"
    return unknown or recorded.what in FORMERLY_UNSUPPORTED


def _told(verification: Verification) -> str:
    return verification.status if isinstance(verification, Verified) else f"{verification.status} ({verification.code})"


def _read_again(record: Evidence, checked: Checked) -> Evidence:
    """The record with everything the body decides taken from the body."""
    return replace(
        record,
        kind=checked.normalised.kind,
        predicate_type=checked.predicate_type,
        media_type=checked.media_type,
        subjects=record.subjects if _same_subjects(record, checked) else checked.subjects,
        facts=dict(checked.normalised.facts),
        effective=checked.normalised.effective,
        collected=checked.collected,
        series=checked.normalised.series,
        sources=checked.normalised.sources,
        erased=False,
    )


def _as_recorded(read: Evidence, record: Evidence) -> Evidence:
    """Numbers recomputed on another machine may differ in their last digits: within the tolerance of reperformance
    they are those recorded, so that the verdicts are derived from the same."""
    if read.kind not in DECISION_KINDS or read.facts.keys() != record.facts.keys():
        return read
    same = all(agree(record.facts[path], fact) for path, fact in read.facts.items())
    return replace(read, facts=record.facts) if same else read


def _same_subjects(record: Evidence, checked: Checked) -> bool:
    """Whether the record is about what the body says. An uploader may have named more for what nobody signed: its row
    counts for nothing, so more of it helps no verdict, and none that the body names can be left out."""
    recorded, read = _named(record.subjects), _named(checked.subjects)
    return recorded == read or (isinstance(record.verification, Unsigned) and recorded[: len(read)] == read)


def _named(subjects: tuple[Subject, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """Subjects as the store indexes them: in-toto's gitCommit and sha1 name the same digest."""
    return [(subject.name, subject.digests) for subject in subjects]


def _rejected(item: PackedEvidence, code: str, message: str) -> PackRejected:
    return PackRejected(f"leaf {item.evidence.leaf_index} ({item.evidence.kind}) {message}", code=code)
