"""Reading VEX: one OpenVEX v0.2.0 document as a typed `VexDocument`.

Sources: OpenVEX specification v0.2.0, its JSON schema (openvex_json_schema_0.2.0) and ATTESTING.md. Times cascade from
the document to its statements. A document of an earlier form is refused with code `unsupported_version`, naming the
version: it has the same context, but its vulnerabilities and products are bare text.
"""

from collections.abc import Mapping
from typing import Any

from evidence_api.domain.errors import Malformed
from evidence_api.domain.statement import Subject
from evidence_api.domain.typed_json import check_length, read_typed
from evidence_api.domain.vex import VexComponent, VexDocument, VexProduct, VexStatement
from evidence_api.formats.cyclonedx_reading import hash_name
from evidence_api.formats.document_subjects import image_digests
from evidence_api.formats.openvex_document import CONTEXTS, Component, Document, Product, Stated

MAX_STATEMENTS = 50_000
VERSION = "v0.2.0"
_BASE = "https://openvex.dev/ns"
_FIRST = "v0.0.1"
_SHOWN = 80


def read_openvex(document: Mapping[str, Any]) -> VexDocument:
    """Read one document. Raises Malformed with a dotted path (code `unsupported_version` for another version of
    OpenVEX, with `value` and `limit`), TooLarge."""
    version = version_of(document)
    if version not in {VERSION, ""}:
        message = f"@context: OpenVEX {version} is not read, only {VERSION}"
        raise Malformed(message, code="unsupported_version", path="@context", value=version, limit=VERSION)
    check_length(document, "statements", MAX_STATEMENTS)
    model = read_typed(Document, document)
    return VexDocument(
        id=model.id,
        author=model.author,
        version=model.version,
        time=model.timestamp,
        updated=model.last_updated or model.timestamp,
        statements=tuple(_statement(one, model) for one in model.statements),
        tooling=model.tooling,
    )


def version_of(document: Mapping[str, Any]) -> str:
    """Which version of OpenVEX a document is written in, by context and form; "" if it is none at all."""
    context = document.get("@context")
    if context is None:
        return _FIRST if document.get("format") == "text/vex+json" else ""
    if not isinstance(context, str) or not context.startswith(_BASE):
        return ""
    if context not in CONTEXTS:
        return context.removeprefix(_BASE).lstrip("/")[:_SHOWN] or VERSION
    return _FIRST if context == _BASE and _has_bare_names(document.get("statements")) else VERSION


def vex_subjects(document: Mapping[str, Any]) -> tuple[Subject, ...]:
    """The products a document names by digest: by hash, or by the package URL of a container image."""
    found: dict[tuple[tuple[str, str], ...], Subject] = {}
    for statement in read_openvex(document).statements:
        for product in statement.products:
            digest = _digest(product.whole)
            if digest:
                found.setdefault(tuple(sorted(digest.items())), Subject(product.whole.id, digest))
    return tuple(found.values())


def _has_bare_names(statements: object) -> bool:
    """Before v0.2.0 a vulnerability was its name, and a product its identifier."""
    for one in statements if isinstance(statements, list) else ():
        if isinstance(one, dict):
            products = one.get("products")
            texts = [one.get("vulnerability"), *(products if isinstance(products, list) else ())]
            if any(isinstance(text, str) for text in texts):
                return True
    return False


def _statement(stated: Stated, document: Document) -> VexStatement:
    vulnerability = stated.vulnerability
    return VexStatement(
        vulnerability=vulnerability.name,
        status=stated.status,
        time=stated.timestamp or document.timestamp,
        aliases=vulnerability.aliases,
        products=tuple(_product(one) for one in stated.products),
        justification=stated.justification or "",
        impact=stated.impact_statement,
        action=stated.action_statement,
    )


def _product(product: Product) -> VexProduct:
    return VexProduct(_component(product), tuple(map(_component, product.subcomponents)))


def _component(component: Component) -> VexComponent:
    stated = component.identifiers.purl if component.identifiers else ""
    purls = tuple(dict.fromkeys(purl for purl in (component.id, stated) if purl.startswith("pkg:")))
    hashes = {hash_name(name) + ":" + text.lower() for name, text in component.hashes.items()}
    return VexComponent(component.id or stated, purls, tuple(sorted(hashes)))


def _digest(component: VexComponent) -> dict[str, str]:
    digest = {algorithm: text for algorithm, _, text in (one.partition(":") for one in component.hashes)}
    for algorithm, text in image_digests(*component.purls):
        digest.setdefault(algorithm, text)
    return digest
