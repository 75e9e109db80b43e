"""The whole document as HTML: a pure function of the contents and the signer's fingerprint."""

from evidence_api.domain.pack import PackContents
from evidence_api.formats.pack_pages.annexes import annexes
from evidence_api.formats.pack_pages.cards import cards
from evidence_api.formats.pack_pages.front import verdict_page
from evidence_api.formats.pack_pages.index import index_of
from evidence_api.formats.pack_pages.markup import Markup, el, join
from evidence_api.formats.pack_pages.matrix import criterion_matrix, register
from evidence_api.formats.pack_pages.words import exactly, verdict


def document(contents: PackContents, *, signer: str) -> str:
    """HTML of the pack; the style sheet is the renderer's. `signer` is `sha256:<hex>` of the certificate."""
    index = index_of(contents, signer=signer)
    release = f"{contents.release.name} {contents.release.version}".strip()
    at = exactly(contents.assessment.evaluated_at)
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("title", f"Audit pack: {release}"),
        _meta("author", contents.tenant),
        _meta("description", verdict(contents.assessment)),
        _meta("generator", "evidence-api"),
        _meta("dcterms.created", at),
        _meta("dcterms.modified", at),
    )
    running = el(
        "div",
        el("span", f"Audit pack: {release}", class_="running-release"),
        el("span", contents.tenant, class_="running-tenant"),
        class_="running",
    )
    body = el(
        "body", running, verdict_page(index), register(index), criterion_matrix(index), cards(index), annexes(index)
    )
    return join(Markup("<!DOCTYPE html>\n"), el("html", head, body, lang="en"))


def _meta(name: str, content: str) -> Markup:
    return el("meta", name=name, content=content)
