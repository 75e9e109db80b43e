"""Reading again: any stored SBOM, by the predicate type it was stored under, as one `Sbom`.

What is stored is a predicate (of a signed or unsigned statement) or a raw document; XML stands in a predicate as
base64 (`urn:evidence-api:document:v1`). The same bytes give the same `Sbom`, in the same order, for ever.
"""

from collections.abc import Mapping
from typing import Any

import pybase64

from evidence_api.domain.errors import Malformed
from evidence_api.domain.sbom import Sbom
from evidence_api.formats import strict_json
from evidence_api.formats.cyclonedx import SPEC_VERSIONS, read_bom
from evidence_api.formats.cyclonedx_xml import read_bom_xml
from evidence_api.formats.spdx import SPDX_VERSIONS, read_spdx_document

CYCLONEDX_TYPES = ("https://cyclonedx.org/bom", *(f"https://cyclonedx.org/bom/v{one}" for one in SPEC_VERSIONS))
SPDX_TYPES = ("https://spdx.dev/Document", *(f"https://spdx.dev/Document/v{one}" for one in SPDX_VERSIONS))
WRAPPED_TYPE = "urn:evidence-api:document:v1"
XML_NAME = "cyclonedx-xml"


def is_sbom_type(predicate_type: str) -> bool:
    """Whether `read_sbom` knows the type; a wrapped document may still be something else."""
    return predicate_type in {*CYCLONEDX_TYPES, *SPDX_TYPES, WRAPPED_TYPE}


def read_sbom(predicate_type: str, document: Mapping[str, Any] | bytes) -> Sbom:
    """Read a predicate, or the bytes of a raw document. Raises Malformed (path inside the document), TooLarge."""
    if predicate_type == WRAPPED_TYPE:
        return read_bom_xml(document if isinstance(document, bytes) else _unwrapped(document))
    parsed = strict_json.load_object(document, what="SBOM") if isinstance(document, bytes) else document
    if predicate_type in CYCLONEDX_TYPES:
        return read_bom(parsed)
    if predicate_type in SPDX_TYPES:
        return read_spdx_document(parsed)
    raise Malformed(f"not an SBOM: predicate type {predicate_type[:120]!r}", path="predicateType")


def _unwrapped(predicate: Mapping[str, Any]) -> bytes:
    """The XML inside a predicate. Raises Malformed if it says to be something else."""
    if predicate.get("type") != XML_NAME:
        raise Malformed(f"not an SBOM: type {str(predicate.get('type'))[:80]!r} is not {XML_NAME}", path="type")
    content = predicate.get("content")
    try:
        return pybase64.b64decode(content if isinstance(content, str) else b"!", validate=True)
    except ValueError as fault:
        raise Malformed("content: not base64", path="content") from fault
