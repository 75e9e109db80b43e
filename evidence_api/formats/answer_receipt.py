"""A receipt for an answer: what was asked, by whom, when, of which tree, and the digest of what was answered.

    statement    in-toto, its one subject the answer: SHA-256 of the canonical form (RFC 8785) of {data, errors}
    predicate    who asked and for which tenant, the digests of document and variables, the operation's name,
                 the log's checkpoint (a signed note) as it was when the answer was read, the request's id, the time
    envelope     DSSE, signed with the server's evidence key; in the answer as `extensions.receipt`

So whoever holds the answer can show afterwards that the server gave it, to that question, and when.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from pydantic import Field

from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import Malformed
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.statement import Subject
from evidence_api.domain.typed_json import Moment, Own, read_typed
from evidence_api.formats.dsse import IN_TOTO, Envelope
from evidence_api.formats.statement import parse_statement

RECEIPT_TYPE = "urn:evidence-api:answer-receipt:v1"
PRODUCER = "evidence-api/graphql"
VERSION = "1"
_SUBJECT = "answer"
_PARTS = ("data", "errors")


@dataclass(frozen=True, slots=True)
class Asked:
    """The question a receipt is about. Digests are "sha256:<hex>", "" if there is none."""

    tenant: str
    principal_kind: str
    principal_id: str
    document: str
    operation: str
    variables: str
    request_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TreeRead:
    """The tree it was answered from. `checkpoint` is the signed note, "" where the log has no leaf yet."""

    size: int
    checkpoint: str


class _Producer(Own):
    id: str
    version: str


class _Principal(Own):
    kind: str
    id: str


class AnswerReceipt(Own):
    """The predicate."""

    producer: _Producer
    tenant: str
    principal: _Principal
    document: str
    operation: str
    variables: str
    as_of: int = Field(alias="asOf", ge=0)
    checkpoint: str
    request_id: str = Field(alias="requestId")
    at: Moment


def answer_digest(answer: Mapping[str, Any]) -> str:
    """The digest of what was answered: of {data, errors} alone, each as far as it is there. Raises Malformed where
    that has no canonical form."""
    return digest_of(canonical({part: answer[part] for part in _PARTS if part in answer}))


def receipt_statement(asked: Asked, tree: TreeRead, answer: bytes) -> tuple[tuple[Subject, ...], dict[str, Any]]:
    """Subjects and predicate of the statement to be signed; `answer` is the JSON as it is sent. Raises Malformed."""
    algorithm, _, digest = answer_digest(orjson.loads(answer)).partition(":")
    predicate = {
        "producer": {"id": PRODUCER, "version": VERSION},
        "tenant": asked.tenant,
        "principal": {"kind": asked.principal_kind, "id": asked.principal_id},
        "document": asked.document,
        "operation": asked.operation,
        "variables": asked.variables,
        "asOf": tree.size,
        "checkpoint": tree.checkpoint,
        "requestId": asked.request_id,
        "at": format_rfc3339(asked.at),
    }
    return (Subject(_SUBJECT, {algorithm: digest}),), predicate


def read_receipt(envelope: Envelope) -> tuple[AnswerReceipt, str]:
    """What a receipt says, and the digest of the answer it is about; its signature is not looked at.

    Raises Malformed: another type of payload, another predicate type, not one subject, members nobody defined.
    """
    if envelope.payload_type != IN_TOTO:
        raise Malformed("not an in-toto statement", path="payloadType", value=envelope.payload_type[:80])
    statement = parse_statement(envelope.payload)
    if statement.predicate_type != RECEIPT_TYPE:
        raise Malformed(f"not a receipt for an answer but {statement.predicate_type[:80]}", path="predicateType")
    if len(statement.subjects) != 1 or "sha256" not in statement.subjects[0].digest:
        raise Malformed("a receipt has one subject, with its SHA-256", path="subject")
    receipt = read_typed(AnswerReceipt, statement.predicate, at="predicate")
    return receipt, f"sha256:{statement.subjects[0].digest['sha256']}"
