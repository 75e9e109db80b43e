"""Reading again what is in the log: the statement inside stored bytes, whatever form they came in, and its bytes.

It was read once, when it came in; what cannot be read now is refused with the same codes.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from evidence_api.domain.decisions.reading import DecisionReading, reading_of
from evidence_api.domain.errors import Malformed
from evidence_api.domain.statement import Statement
from evidence_api.formats.documents import document_type
from evidence_api.formats.statement import parse_statement
from evidence_api.formats.upload import AttestationUpload, DocumentUpload, StatementUpload, recognise


def stored_payload(body: bytes) -> bytes | None:
    """The bytes that were signed, or that would have been: a statement, or a raw document. None: a signature over
    something that is not here. Raises Malformed, TooLarge."""
    upload = recognise(body)
    if isinstance(upload, DocumentUpload):
        return upload.body
    inner = upload.bundle if isinstance(upload, AttestationUpload) else upload
    if isinstance(inner, StatementUpload):
        return inner.payload
    return None if inner.envelope is None else inner.envelope.payload


def stored_statement(body: bytes) -> Statement:
    """The statement; a raw document is the predicate of one without subjects. Raises Malformed, TooLarge."""
    upload = recognise(body)
    if isinstance(upload, DocumentUpload):
        kind = document_type(upload.type)
        return Statement("v1", kind.predicate_type, (), MappingProxyType(dict(kind.predicate(upload.body))))
    inner = upload.bundle if isinstance(upload, AttestationUpload) else upload
    if isinstance(inner, StatementUpload):
        return parse_statement(inner.payload)
    if inner.envelope is None:
        raise Malformed("the bundle holds no envelope", path="dsseEnvelope")
    return parse_statement(inner.envelope.payload)


def stored_decision(body: bytes) -> tuple[DecisionReading, Mapping[str, Any]] | None:
    """The decision inside, recomputed, and its predicate; None for what is no decision. Raises Malformed, TooLarge."""
    statement = stored_statement(body)
    reading = reading_of(statement.predicate_type, statement.predicate)
    return None if reading is None else (reading, statement.predicate)
