"""Writing: a document a tool made becomes the predicate of an in-toto statement, its bytes unchanged inside.

    JSON document   is the predicate itself, under the predicate type of its kind
    XML document    goes as urn:evidence-api:document:v1 {type, mediaType, content: base64}

What was made is read again as the server will read it, so that what is signed is what can be stored.
Source: in-toto attestation framework, spec/v1/statement.md.
"""

from collections.abc import Sequence

import orjson

from evidence_api.domain.errors import Malformed
from evidence_api.domain.statement import Statement, Subject
from evidence_api.formats import strict_json
from evidence_api.formats.documents import DOCUMENTS, DocumentType, document_type, recognise_document
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import parse_statement

_TYPE = "https://in-toto.io/Statement/v1"
FAMILIES = {"sbom": ("cyclonedx", "cyclonedx-xml", "spdx")}  # names for several types, told apart by shape


def chosen_type(name: str, body: bytes) -> DocumentType:
    """The type of that name, or the one a family's name and the document's shape say; "" is any. Raises Malformed."""
    members = FAMILIES.get(name)
    if name and members is None:
        return document_type(name)
    kind = recognise_document(body)
    if members is not None and kind.name not in members:
        raise Malformed(f"a document of type {kind.name}, not {name} ({', '.join(members)})", path="$", value=kind.name)
    return kind


def names() -> tuple[str, ...]:
    """Every name `chosen_type` knows."""
    return (*FAMILIES, *DOCUMENTS)


def named_subjects(kind: DocumentType, body: bytes) -> tuple[Subject, ...]:
    """The subjects the document itself names. Raises as reading it does."""
    return tuple(subject for subject in kind.read(body).subjects if subject.digest)


def attest_document(kind: DocumentType, body: bytes, subjects: Sequence[Subject]) -> bytes:
    """The statement about these subjects, as bytes to sign. Raises Malformed, TooLarge."""
    predicate = body if kind.is_json else orjson.dumps(dict(kind.predicate(body)))
    return attest_predicate(kind.predicate_type, predicate, subjects)


def attest_predicate(predicate_type: str, predicate: bytes, subjects: Sequence[Subject]) -> bytes:
    """The same around any predicate; `predicate` is JSON and stays as it is written. Raises Malformed, TooLarge."""
    strict_json.load_object(predicate, what="predicate")  # by itself, so that it cannot end early and say more
    about = [{"name": one.name, "digest": dict(one.digest)} for one in subjects]
    head = orjson.dumps({"_type": _TYPE, "subject": about, "predicateType": predicate_type})
    payload = head[:-1] + b',"predicate":' + predicate.strip() + b"}"
    read_back(payload)
    return payload


def read_back(payload: bytes) -> tuple[Statement, str]:
    """What the server will make of a statement: itself and its kind. Raises Malformed, TooLarge."""
    statement = parse_statement(payload)
    return statement, normalise(statement, len(payload)).kind
