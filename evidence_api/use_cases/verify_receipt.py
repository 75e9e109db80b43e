"""Checking a receipt offline: the server gave this answer, to this question, from this tree.

The plan, each step with a code of its own:
  1. the file is an answer, with a receipt in `extensions`             no_receipt, malformed, too_large
  2. the server's evidence key signed the receipt (DSSE)               bad_signature, unknown_key, …
  3. what it signed is a receipt for an answer                         not_an_answer_receipt
  4. `data` and `errors` are those it is about                         answer_changed
  5. the document is the one given                                     other_document
  6. the variables are those given                                     other_variables
  7. the checkpoint is of the tree it names, and the log's own         checkpoint_mismatch, checkpoint_signature
Steps 5 and 6, and the log's signature in 7, are for what is given; what is not given is said not to be checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evidence_api.domain.digest import digest_of
from evidence_api.domain.errors import EvidenceError, Malformed, Refused
from evidence_api.domain.pack_report import StepResult
from evidence_api.domain.verification import Failed
from evidence_api.engines.keys import PublicKey, verify_envelope
from evidence_api.formats.access_audit import asked_with
from evidence_api.formats.answer_receipt import AnswerReceipt, answer_digest, read_receipt
from evidence_api.formats.checkpoint import NoteVerifier, parse_checkpoint, verify_checkpoint
from evidence_api.formats.dsse import Envelope, parse_envelope
from evidence_api.formats.strict_json import load_object

HELD, FAILED, NOT_REACHED, NOT_ASKED = (
    StepResult.HELD, StepResult.FAILED, StepResult.NOT_REACHED, StepResult.NOT_APPLICABLE
)  # fmt: skip
NAMES = ("Receipt", "Signature", "Statement", "Answer", "Document", "Variables", "Checkpoint")


@dataclass(frozen=True, slots=True)
class Given:
    """What the checker has beside the answer: the key, and the question as far as it is known. `variables` is None
    where they are not to be looked at."""

    key: PublicKey
    document: bytes | None = None
    variables: Mapping[str, Any] | None = None
    log: NoteVerifier | None = None


@dataclass(frozen=True, slots=True)
class ReceiptStep:
    """One step. `code` is set when it failed; `detail` says what was found, in words."""

    name: str
    result: StepResult
    detail: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class ReceiptReport:
    """What was found. `receipt` is what it says, where that could be read."""

    steps: tuple[ReceiptStep, ...]
    receipt: AnswerReceipt | None

    @property
    def ok(self) -> bool:
        """Whether everything that was to be checked held."""
        return all(step.result in {HELD, NOT_ASKED} for step in self.steps)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the steps that failed, in order."""
        return tuple(step.code for step in self.steps if step.code)


def verify_receipt(content: bytes, given: Given) -> ReceiptReport:
    """Check an answer as it came from the server. Never raises on what is in it."""
    # 1.
    try:
        answer, envelope = _read(content)
    except Refused as refusal:
        return _stopped([_failed(0, refusal.code, refusal.message)])
    steps = [ReceiptStep(NAMES[0], HELD, f"{len(envelope.payload)} bytes signed")]
    # 2.
    steps.append(_signature(envelope, given.key))
    # 3.
    try:
        receipt, about = read_receipt(envelope)
    except Refused as refusal:
        return _stopped([*steps, _failed(2, "not_an_answer_receipt", refusal.message)])
    named = receipt.operation or "an operation without a name"
    steps.append(ReceiptStep(NAMES[2], HELD, f"{named}, asked by {receipt.principal.kind} of {receipt.tenant}"))
    # 4. to 7.
    steps.append(_answer(answer, about))
    steps.append(_document(receipt, given.document))
    steps.append(_variables(receipt, given.variables))
    steps.append(_checkpoint(receipt, given.log))
    return ReceiptReport(tuple(steps), receipt)


def _read(content: bytes) -> tuple[Mapping[str, Any], Envelope]:
    """Strictly: of two members of one name, one program would look at the first and one at the last."""
    answer = load_object(content, what="answer")
    extensions = answer.get("extensions")
    found = extensions.get("receipt") if isinstance(extensions, dict) else None
    if not isinstance(found, dict):
        raise Malformed("the answer has no receipt: ask with signedReceipt", code="no_receipt", path="extensions")
    return answer, parse_envelope(found)


def _signature(envelope: Envelope, key: PublicKey) -> ReceiptStep:
    verification = verify_envelope(envelope, [key])
    if isinstance(verification, Failed):
        return _failed(1, verification.code, verification.message)
    return ReceiptStep(NAMES[1], HELD, f"by {key.key_id}")


def _answer(answer: Mapping[str, Any], about: str) -> ReceiptStep:
    try:
        found = answer_digest(answer)
    except EvidenceError as fault:
        return _failed(3, "answer_changed", fault.message)
    if found != about:
        return _failed(3, "answer_changed", f"data and errors are {found}, the receipt is about {about}")
    return ReceiptStep(NAMES[3], HELD, found)


def _document(receipt: AnswerReceipt, document: bytes | None) -> ReceiptStep:
    """A line feed at the end that an editor added is looked past."""
    if document is None:
        return ReceiptStep(NAMES[4], NOT_ASKED, f"not compared; the receipt names {receipt.document}")
    if receipt.document not in {digest_of(document), digest_of(document.removesuffix(b"\n"))}:
        return _failed(4, "other_document", f"given is {digest_of(document)}, asked was {receipt.document}")
    return ReceiptStep(NAMES[4], HELD, receipt.document)


def _variables(receipt: AnswerReceipt, variables: Mapping[str, Any] | None) -> ReceiptStep:
    if variables is None:
        told = receipt.variables or "none"
        return ReceiptStep(NAMES[5], NOT_ASKED, f"not compared; the receipt names {told}")
    found = asked_with(variables)
    if found != receipt.variables:
        return _failed(
            5, "other_variables", f"given are {found or 'none'}, asked was with {receipt.variables or 'none'}"
        )
    return ReceiptStep(NAMES[5], HELD, found or "none")


def _checkpoint(receipt: AnswerReceipt, log: NoteVerifier | None) -> ReceiptStep:
    if not receipt.checkpoint and not receipt.as_of:
        return ReceiptStep(NAMES[6], NOT_ASKED, "the log had no leaf")
    try:
        checkpoint = parse_checkpoint(receipt.checkpoint)
    except Refused as fault:
        return _failed(6, "checkpoint_mismatch", fault.message)
    if checkpoint.size != receipt.as_of:
        told = f"the receipt is of {receipt.as_of} leaves, its checkpoint of {checkpoint.size}"
        return _failed(6, "checkpoint_mismatch", told)
    told = f"{checkpoint.size} leaves of {checkpoint.origin}"
    if log is None:
        return ReceiptStep(NAMES[6], HELD, f"{told}; its own signature is not checked without the log's key")
    try:
        verify_checkpoint(receipt.checkpoint, log)
    except Refused as fault:
        return _failed(6, "checkpoint_signature", fault.message)
    return ReceiptStep(NAMES[6], HELD, f"{told}, signed by the log")


def _failed(place: int, code: str, detail: str) -> ReceiptStep:
    return ReceiptStep(NAMES[place], FAILED, detail, code)


def _stopped(steps: list[ReceiptStep]) -> ReceiptReport:
    """Nothing is left to look at."""
    rest = [ReceiptStep(name, NOT_REACHED, "") for name in NAMES[len(steps) :]]
    return ReceiptReport((*steps, *rest), None)
