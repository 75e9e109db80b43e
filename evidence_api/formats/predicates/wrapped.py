"""`urn:evidence-api:document:v1`: a document that is no JSON object, as {type, mediaType, content: base64}.

JSON documents are predicates themselves, so a wrapped one would be a second spelling of the same evidence: only the
XML types are taken here.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import pybase64
from pydantic import Field

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.domain.typed_json import inside
from evidence_api.formats.predicates.junit_report import read_junit_report
from evidence_api.formats.predicates.sbom import read_cyclonedx_xml
from evidence_api.formats.predicates.shape import Own, Word, read_model

XmlReader: TypeAlias = Callable[[bytes], Normalised]

XML_READERS: Mapping[str, XmlReader] = {"cyclonedx-xml": read_cyclonedx_xml, "junit": read_junit_report}


class Wrapped(Own):
    """The predicate."""

    type: Word
    media_type: Word = Field(alias="mediaType")
    content: str


def read_wrapped(statement: Statement) -> Normalised:
    """Read what is wrapped. Raises Malformed with the path inside the predicate, TooLarge."""
    wrapped = read_model(Wrapped, statement.predicate)
    reader = XML_READERS.get(wrapped.type)
    if reader is None:
        names = ", ".join(XML_READERS)
        message = f"predicate.type: not a type of document that is wrapped ({names}): {wrapped.type[:80]!r}"
        raise Malformed(message, path="predicate.type", value=wrapped.type[:80])
    try:
        content = pybase64.b64decode(wrapped.content, validate=True)
    except ValueError as fault:
        raise Malformed("predicate.content: not base64", path="predicate.content") from fault
    try:
        return reader(content)
    except Malformed as fault:
        raise inside(fault, "predicate.content") from fault
