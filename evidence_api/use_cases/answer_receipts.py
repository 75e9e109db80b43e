"""Receipts for answers: signed with the server's evidence key, for readers who ask for one. Nothing is stored."""

from evidence_api.engines.clock import Clock
from evidence_api.formats.answer_receipt import RECEIPT_TYPE, Asked, TreeRead, receipt_statement
from evidence_api.formats.dsse import Envelope
from evidence_api.use_cases.own_evidence import OwnEvidence


class AnswerReceipts:
    """Makes them. `now` is the clock they are stamped with."""

    def __init__(self, own: OwnEvidence, clock: Clock) -> None:
        self._own = own
        self.now = clock.now

    def make(self, asked: Asked, tree: TreeRead, answer: bytes) -> Envelope:
        """The receipt for an answer; `answer` is its JSON as it is sent, without `extensions`. Raises Malformed."""
        subjects, predicate = receipt_statement(asked, tree, answer)
        return self._own.sign(subjects, RECEIPT_TYPE, predicate)
