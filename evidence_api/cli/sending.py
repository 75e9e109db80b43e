"""Command line, sending: uploads go out alone or in batches, and each receipt is checked before it is believed.

The plan, for each upload:
  1. its evidence id is computed here, so that the server cannot have recorded something else
  2. it is sent: in a batch if it is one line of JSON and others are too, otherwise alone
  3. the receipt's leaf names that id, and the inclusion proof leads from the leaf to the checkpoint's root
     (RFC 9162 section 2.1.3.2)
  4. with the log's key, that key signed the checkpoint (C2SP signed-note)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evidence_api.cli import output
from evidence_api.cli.client import Client, refusal_of
from evidence_api.domain.errors import Denied, EvidenceError, Undecided, VerificationFailed
from evidence_api.domain.evidence import Receipt
from evidence_api.domain.merkle import leaf_hash, verify_inclusion
from evidence_api.formats.checkpoint import NoteVerifier, parse_checkpoint, parse_verifier
from evidence_api.formats.leaf import parse_leaf
from evidence_api.formats.receipt import receipt_from_json, verify_receipt
from evidence_api.formats.upload import DocumentUpload, identity, recognise

MAX_LINES = 1_000  # of a batch, as the server has it
MAX_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One upload: the file it is from and, where the file holds several, its place there, from 1."""

    file: str
    member: int
    body: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """What people are shown."""
        return f"{self.file} #{self.member}" if self.member else self.file


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one upload: the receipt as the server sent it, checked, or why not."""

    upload: Outgoing
    receipt: Mapping[str, Any] = field(default_factory=dict)
    signed: bool = False  # the checkpoint's signature was checked too
    fault: EvidenceError | None = None

    def to_json(self) -> dict[str, Any]:
        """{"file", "receipt", "proved", "signed"} or {"file", "error"}, with "member" where a file held several."""
        place: dict[str, Any] = {"file": self.upload.file}
        if self.upload.member:
            place["member"] = self.upload.member
        if self.fault:
            return {**place, "error": output.failure(self.fault)}
        return {**place, "receipt": self.receipt, "proved": True, "signed": self.signed}


class Sender:
    """Sends uploads in their order and checks what comes back; ends early when the next would fare no better."""

    def __init__(self, client: Client, verifier: NoteVerifier | None, subjects: Sequence[str] = ()) -> None:
        self._client = client
        self._verifier = verifier
        self._subjects = subjects

    def send(self, uploads: Sequence[Outgoing], sent: Callable[[int], None] = lambda _: None) -> Iterator[Result]:
        """A result for each upload, in order; `sent` is told how many more are done. After a Denied or Undecided
        answer nothing more is sent, so results may be fewer than uploads."""
        groups = ([upload] for upload in uploads) if self._subjects else _groups(uploads)  # a batch can name none
        for group in groups:
            results = self._batch(group) if len(group) > 1 else [self._alone(group[0])]
            yield from results
            sent(len(results))
            if any(isinstance(result.fault, Denied | Undecided) for result in results):
                return

    def _alone(self, upload: Outgoing) -> Result:
        try:
            found = recognise(upload.body)
            subjects = self._subjects if isinstance(found, DocumentUpload) else ()
            return self._proved(upload, identity(found), self._client.submit(upload.body, subjects))
        except EvidenceError as fault:
            return Result(upload, fault=fault)

    def _batch(self, group: Sequence[Outgoing]) -> list[Result]:
        known: list[tuple[Outgoing, str]] = []
        results: dict[int, Result] = {}
        for place, upload in enumerate(group):
            try:
                known.append((upload, identity(recognise(upload.body))))
            except EvidenceError as fault:
                results[place] = Result(upload, fault=fault)
        places = [place for place in range(len(group)) if place not in results]
        answered = self._answers([upload.body for upload, _ in known]) if known else []
        for place, (upload, evidence_id), answer in zip(places, known, answered, strict=True):
            results[place] = self._told(upload, evidence_id, answer)
        return [results[place] for place in range(len(group))]

    def _answers(self, bodies: Sequence[bytes]) -> Sequence[dict[str, Any] | EvidenceError]:
        try:
            return self._client.submit_batch(bodies)
        except EvidenceError as fault:
            return [fault] * len(bodies)

    def _told(self, upload: Outgoing, evidence_id: str, answer: dict[str, Any] | EvidenceError) -> Result:
        try:
            if isinstance(answer, EvidenceError):
                raise answer
            if "problem" in answer:
                raise refusal_of(answer["problem"])
            return self._proved(upload, evidence_id, answer["receipt"])
        except EvidenceError as fault:
            return Result(upload, fault=fault)
        except (KeyError, TypeError) as fault:
            return Result(upload, fault=Undecided(f"a line without an answer of ours: {fault}", code="not_our_server"))

    def _proved(self, upload: Outgoing, evidence_id: str, document: Mapping[str, Any]) -> Result:
        check_receipt(document, evidence_id, self._verifier)
        return Result(upload, document, signed=self._verifier is not None)


def send_one(client: Client, upload: Outgoing, log_key: str | None) -> Result:
    """What became of one upload, checked with the log's key if that is given. Raises Malformed for what is no key."""
    (result,) = Sender(client, parse_verifier(log_key) if log_key else None).send([upload])
    return result


def _groups(uploads: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """Uploads as they go out together: whole lines of JSON in batches within the bounds, anything else alone."""
    group: list[Outgoing] = []
    size = 0
    for upload in uploads:
        if not _is_line(upload.body):
            if group:
                yield group
            yield [upload]
            group, size = [], 0
            continue
        if group and (len(group) == MAX_LINES or size + len(upload.body) + 1 > MAX_BYTES):
            yield group
            group, size = [], 0
        group.append(upload)
        size += len(upload.body) + 1
    if group:
        yield group


def _is_line(body: bytes) -> bool:
    """Bytes are kept as they are sent, so what has several lines, or could not be told from a container, goes alone."""
    return body[:1] == b"{" and b"\n" not in body and len(body) < MAX_BYTES


def check_receipt(document: Mapping[str, Any], evidence_id: str, verifier: NoteVerifier | None) -> Receipt:
    """Check a receipt for what was sent. Raises Malformed, VerificationFailed, UnknownKey, BadSignature."""
    # 1. it is for what was sent
    if document.get("evidenceId") != evidence_id:
        raise VerificationFailed("the receipt is for other evidence", code="receipt", value=evidence_id)
    # 2. with the log's key, everything is checked against its signature
    if verifier is not None:
        return verify_receipt(document, verifier)
    # 3. without it, the leaf and the proof are checked against the root the checkpoint states
    receipt = receipt_from_json(document)
    checkpoint = parse_checkpoint(receipt.checkpoint)
    if checkpoint.size != receipt.tree_size:
        raise VerificationFailed("the checkpoint is of another tree size", code="checkpoint", value=checkpoint.size)
    if parse_leaf(receipt.leaf).evidence_id != evidence_id:
        raise VerificationFailed("the leaf is of other evidence", code="leaf", value=evidence_id)
    verify_inclusion(leaf_hash(receipt.leaf), receipt.leaf_index, receipt.tree_size, receipt.proof, checkpoint.root)
    return receipt
