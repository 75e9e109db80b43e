"""Reading, first step beside envelopes: which of the closed set of raw document types some bytes are, by shape.

A raw document is what a tool of a pipeline writes, with no statement around it. It becomes one in two ways: a JSON
document is the predicate itself, under its predicate type; an XML document goes as `urn:evidence-api:document:v1`
{type, mediaType, content: base64}. Reading a raw document reads exactly that predicate, so that a document says the
same raw and attested.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pybase64

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement, Subject
from evidence_api.formats import strict_json
from evidence_api.formats.document_subjects import sbom_subjects
from evidence_api.formats.openvex import version_of, vex_subjects
from evidence_api.formats.predicates import MAX_PAYLOAD, check_bounds, normalise
from evidence_api.formats.predicates.check_runs import check_runs_subjects
from evidence_api.formats.predicates.sarif_log import sarif_subjects
from evidence_api.formats.predicates.sbom import normalised_sbom
from evidence_api.formats.sboms import read_sbom
from evidence_api.formats.statement import MAX_SUBJECTS

WRAPPER = "urn:evidence-api:document:v1"
_PREFIXES = ("predicate.content.", "predicate.")  # of a wrapped document's parts, and of a predicate's


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """What a raw document says, and the subjects it names itself (maybe none)."""

    normalised: Normalised
    subjects: tuple[Subject, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentType:
    """One type of raw document, attested under `predicate_type`. A JSON type is told by its shape (`matches`), an XML
    type by the local name of its root element (`roots`). `subjects` finds what the document itself names; an SBOM is
    large, so it is read once for both (`is_sbom`)."""

    name: str
    predicate_type: str
    media_types: tuple[str, ...]
    matches: Callable[[Mapping[str, Any]], bool] | None = None
    roots: tuple[str, ...] = ()
    subjects: Callable[[Mapping[str, Any]], tuple[Subject, ...]] | None = None
    is_sbom: bool = False

    @property
    def is_json(self) -> bool:
        """Whether the document is the predicate itself; XML is wrapped."""
        return not self.roots

    def read(self, body: bytes) -> ReadDocument:
        """Read the document. Raises Malformed, TooLarge with paths inside the document."""
        if self.is_sbom:
            return _read_sbom(self.predicate_type, body)
        predicate = self.predicate(body)
        statement = Statement("v1", self.predicate_type, (), MappingProxyType(dict(predicate)))
        try:
            normalised = normalise(statement, len(body))
            named = self.subjects(predicate) if self.subjects else ()
        except (Malformed, TooLarge) as fault:
            raise _inside(fault) from fault
        if len(named) > MAX_SUBJECTS:
            raise TooLarge("the document names too many subjects", limit=MAX_SUBJECTS, value=len(named))
        return ReadDocument(normalised, named)

    def predicate(self, body: bytes) -> Mapping[str, Any]:
        """The predicate as which the document is attested. Raises Malformed, TooLarge if it is not JSON."""
        if self.is_json:
            return strict_json.load_object(body, what="document")
        content = pybase64.b64encode(body).decode("ascii")
        return {"type": self.name, "mediaType": self.media_types[0], "content": content}


def _read_sbom(predicate_type: str, body: bytes) -> ReadDocument:
    if len(body) > MAX_PAYLOAD:
        raise TooLarge("the document is too large to be read", limit=MAX_PAYLOAD, value=len(body))
    sbom = read_sbom(predicate_type, body)
    normalised = normalised_sbom(sbom)
    check_bounds(normalised)
    return ReadDocument(normalised, sbom_subjects(sbom))


def _inside(fault: Malformed | TooLarge) -> Malformed | TooLarge:
    """The same refusal with paths from the document's own top instead of the statement's."""
    fields, message = dict(fault.fields), fault.message
    for prefix in _PREFIXES:
        message = message.removeprefix(prefix)
        if isinstance(path := fields.get("path"), str):
            fields["path"] = path.removeprefix(prefix)
    if fields.get("path") in {"predicate", "content"}:
        fields["path"] = "$"
    return type(fault)(message, code=fault.code, **fields)


def _is_cosign_vuln(document: Mapping[str, Any]) -> bool:
    scanner = document.get("scanner")
    return isinstance(scanner, dict) and "uri" in scanner and isinstance(document.get("metadata"), dict)


# In the order in which shapes are tried: the general ones (OSV has only an id and a time) come last.
_TYPES: Sequence[DocumentType] = (
    DocumentType(
        "cyclonedx",
        "https://cyclonedx.org/bom",
        ("application/vnd.cyclonedx+json",),
        lambda document: document.get("bomFormat") == "CycloneDX",
        is_sbom=True,
    ),
    DocumentType(
        "cyclonedx-xml",
        WRAPPER,
        ("application/vnd.cyclonedx+xml",),
        roots=("bom",),
        is_sbom=True,
    ),
    DocumentType(
        "spdx",
        "https://spdx.dev/Document",
        ("application/spdx+json",),
        lambda document: "spdxVersion" in document,
        is_sbom=True,
    ),
    DocumentType(
        "sarif",
        "urn:evidence-api:sarif:v2.1.0",
        ("application/sarif+json",),
        lambda document: isinstance(document.get("runs"), list) and "version" in document,
        subjects=sarif_subjects,
    ),
    DocumentType(
        "junit",
        WRAPPER,
        ("application/xml",),
        roots=("testsuites", "testsuite"),
    ),
    DocumentType(
        "openvex",
        "https://openvex.dev/ns/v0.2.0",
        ("application/vnd.openvex+json",),
        lambda document: version_of(document) != "",
        subjects=vex_subjects,
    ),
    DocumentType(
        "cosign-vuln",
        "https://cosign.sigstore.dev/attestation/vuln/v1",
        ("application/vnd.cosign.vuln+json",),
        _is_cosign_vuln,
    ),
    DocumentType(
        "check-runs",
        "urn:evidence-api:check-runs:v1",
        ("application/vnd.github+json",),
        lambda document: isinstance(document.get("check_runs"), list),
        subjects=check_runs_subjects,
    ),
    DocumentType(
        "opa-decision",
        "urn:evidence-api:opa-decision:v1",
        ("application/vnd.opa.decision+json",),
        lambda document: isinstance(document.get("decision_id"), str),
    ),
    DocumentType(
        "osv",
        "urn:evidence-api:osv:v1",
        ("application/vnd.osv+json",),
        lambda document: isinstance(document.get("id"), str) and isinstance(document.get("modified"), str),
    ),
)

DOCUMENTS: Mapping[str, DocumentType] = MappingProxyType({one.name: one for one in _TYPES})

# Up to the first element: declarations, processing instructions and comments may stand before it (XML 1.0, prolog).
# Atomic and possessive, so that no crafted prolog makes the search try again and again.
_ROOT = re.compile(
    rb"(?>\s+|<\?.*?\?>|<!--.*?-->|<![A-Z][^\[>]*(?:\[.*?\]\s*)?>)*+<(?:[^\s<>/:!?]+:)?([^\s<>/:!?]+)", re.DOTALL
)
_SNIFFED = 65_536  # bytes


def document_type(name: str) -> DocumentType:
    """The type of that name. Raises Malformed listing the names there are."""
    found = DOCUMENTS.get(name)
    if found is None:
        names = ", ".join(DOCUMENTS)
        raise Malformed(f"not a document type ({names}): {name[:80]!r}", path="type", value=name[:80])
    return found


def recognise_document(body: bytes) -> DocumentType:
    """The type of a raw document. Raises Malformed listing what was looked for, TooLarge (JSON depth)."""
    root = xml_root(body)
    if root is None:
        return recognise_object(strict_json.load_object(body))
    for one in _TYPES:
        if root in one.roots:
            return one
    raise Malformed(f"no XML document of a known type: its root is {root[:80]!r}; {_looked_for()}", path="$")


def recognise_object(document: Mapping[str, Any]) -> DocumentType:
    """The type of a JSON document already parsed. Raises Malformed listing what was looked for."""
    for one in _TYPES:
        if one.matches is not None and one.matches(document):
            return one
    raise Malformed(f"not a document of a known type; {_looked_for()}", path="$")


def xml_root(body: bytes) -> str | None:
    """The local name of an XML document's root, as far as it can be told without parsing; "" if it does not come in
    the first 64 KiB, None if this is no XML."""
    head = body[:_SNIFFED]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head[: len(head) & ~1].decode("utf-16", errors="replace").encode()
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head.startswith(b"<"):
        return None
    found = _ROOT.match(head)
    return found[1].decode("utf-8", errors="replace") if found else ""


def _looked_for() -> str:
    return "looked for " + ", ".join(DOCUMENTS)
