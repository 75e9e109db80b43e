"""Reading a pack's PDF: its attachments and the text of its pages, bounded, for a file anybody may have made.

Attachments are read as packs write them and no other way: one flat, sorted name tree, each file once, the
same files in /AF, Flate or nothing. A PDF that hides a second file of a name, or a file outside the tree
(in an annotation, in /RF), is refused and not interpreted.
"""

import io
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import pikepdf
import pypdfium2

from evidence_api.domain.errors import PackRejected

MAX_PAGES = 20_000
MAX_ATTACHED = 512 * 1024 * 1024
MAX_FILES = 50_000
_SPEC_KEYS = frozenset({"/Type", "/F", "/UF", "/EF", "/Desc", "/AFRelationship"})


def read_attachments(content: bytes, *, limit: int = MAX_ATTACHED) -> Mapping[str, bytes]:
    """Name -> bytes of every attachment; together at most `limit` bytes.

    Raises PackRejected: `pdf_structure`, `attachment_tree`, `too_large`.
    """
    try:
        with pikepdf.open(io.BytesIO(content), attempt_recovery=False, suppress_warnings=True) as pdf:
            return _attachments(pdf, limit)
    except (pikepdf.PdfError, KeyError, TypeError, ValueError, AttributeError, zlib.error) as fault:
        raise PackRejected(f"the PDF cannot be read: {str(fault)[:200]}", code="pdf_structure") from fault


def _attachments(pdf: pikepdf.Pdf, limit: int) -> Mapping[str, bytes]:
    root: Any = pdf.Root
    tree = root.Names.EmbeddedFiles
    if set(tree.keys()) != {"/Names"}:
        raise PackRejected("the attachments are not one flat list", code="attachment_tree")
    flat = list(tree.Names)
    names, entries = [str(name) for name in flat[::2]], flat[1::2]
    if len(names) != len(entries) or len(names) > MAX_FILES:
        raise PackRejected("the list of attachments is odd or too long", code="attachment_tree", limit=MAX_FILES)
    # 1. sorted and each once: readers that search the tree and readers that walk it see the same file
    if names != sorted(set(names), key=str.encode):
        raise PackRejected("the attachments are not sorted, each name once", code="attachment_tree")
    # 2. the same files are associated with the document, and no others (ISO 19005-3, 6.8)
    if [entry.objgen for entry in root.AF] != [entry.objgen for entry in entries]:
        raise PackRejected("the associated files are not the attachments", code="attachment_tree")
    # 3. no file hangs on a page
    for page in pdf.pages:
        for note in page.obj.get("/Annots", ()):
            if note.get("/Subtype") not in {"/Link", "/Widget"}:
                raise PackRejected("a page carries something else than links", code="attachment_tree")
    read: dict[str, bytes] = {}
    left = limit
    for name, entry in zip(names, entries, strict=True):
        read[name] = _file(name, entry, left)
        left -= len(read[name])
    return read


def _file(name: str, entry: Any, left: int) -> bytes:  # noqa: ANN401  pikepdf objects are dynamic
    stream = entry.EF.F
    same = (
        set(entry.keys()) == _SPEC_KEYS
        and str(entry.F) == str(entry.UF) == name
        and set(entry.EF.keys()) == {"/F", "/UF"}
        and entry.EF.UF.objgen == stream.objgen
        and stream.get("/Filter") in {None, "/FlateDecode"}
        and "/DecodeParms" not in stream
    )
    if not same:
        raise PackRejected(f"the attachment is not written as packs write it: {name[:200]}", code="attachment_tree")
    raw = bytes(stream.read_raw_bytes())
    if "/Filter" not in stream:
        unpacked = raw
    else:
        inflate = zlib.decompressobj()
        unpacked = inflate.decompress(raw, left + 1)
        if len(unpacked) <= left and (not inflate.eof or inflate.unused_data.strip()):
            raise PackRejected(f"the attachment does not end where it should: {name[:200]}", code="attachment_tree")
    if len(unpacked) > left:
        raise PackRejected("the attachments are too large", code="too_large", limit=MAX_ATTACHED)
    return unpacked


def read_pages(content: bytes) -> Sequence[str]:
    """The text of each page in reading order. Raises PackRejected: `pdf_structure`, `too_large`."""
    try:
        with pypdfium2.PdfDocument(content) as document:
            if len(document) > MAX_PAGES:
                raise PackRejected("too many pages", code="too_large", limit=MAX_PAGES, value=len(document))
            return tuple(_page_text(document, number) for number in range(len(document)))
    except (pypdfium2.PdfiumError, ValueError) as fault:
        raise PackRejected(f"the pages cannot be read: {str(fault)[:200]}", code="pdf_structure") from fault


def _page_text(document: pypdfium2.PdfDocument, number: int) -> str:
    page = document[number]
    try:
        text = page.get_textpage()
        try:
            return str(text.get_text_range())
        finally:
            text.close()
    finally:
        page.close()
