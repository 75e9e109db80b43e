"""The renderer's own process: HTML and files in on stdin, one PDF/A-3b out on stdout, then it ends.

Started by engines/pdf.py and killed by it when time is up. Its environment names a font configuration
with one folder, empty at first, into which the four faces of pdf_assets are unpacked: no font of the
machine is seen, so the pages are the same everywhere.

The PDF is PDF/A-3b (ISO 19005-3) and tagged (`pdf_tags`, the structure level A asks for); level A itself
is not claimed. Fonts are subset and embedded, the output intent is sRGB. Files are attached here and not
by weasyprint, which would write an unsorted name tree, name each file twice in /AF, and take media types
from the machine's tables.
"""

import hashlib
import io
import os
import resource
import sys
from pathlib import Path
from typing import Any, NoReturn

import pydyf
import weasyprint
from fontTools.ttLib import TTFont
from weasyprint.urls import URLFetcher

from evidence_api.domain.pack import Artifact
from evidence_api.engines.pdf_frames import RenderJob, read_job
from evidence_api.formats.pdf_signature import signature_dictionary

ASSETS = Path(__file__).parent / "pdf_assets"
OUT_OF_MEMORY = 12  # the exit code of a process that ran into its memory limit


def render(job: RenderJob) -> bytes:
    """One PDF. The same job gives the same bytes."""
    files = sorted(job.files, key=lambda file: file.name.encode())

    def finish(_document: object, pdf: pydyf.PDF) -> None:
        pdf.catalog["ViewerPreferences"] = pydyf.Dictionary({"DisplayDocTitle": "true"})
        pdf.catalog["PageMode"] = "/UseOutlines"
        if files:
            _attach(pdf, files, job.modified)
        _leave_room(pdf, job)

    out = io.BytesIO()
    weasyprint.HTML(string=job.page, url_fetcher=_NoFetcher()).write_pdf(
        out,
        stylesheets=[str(ASSETS / "pack.css")],
        finisher=finish,
        pdf_variant="pdf/a-3b",
        pdf_tags=True,
        pdf_identifier=bytes.fromhex(job.identifier),
    )
    return out.getvalue()


def _attach(pdf: pydyf.PDF, files: list[Artifact], modified: str) -> None:
    """ISO 19005-3, 6.8: each file in the name tree (sorted) and once in /AF, with type, size and date."""
    names, associated = pydyf.Array(), pydyf.Array()
    for file in files:
        checksum = hashlib.md5(file.content, usedforsecurity=False).hexdigest()
        about = {"CheckSum": f"<{checksum}>", "Size": len(file.content), "ModDate": pydyf.String(modified)}
        extra = {
            "Type": "/EmbeddedFile",
            "Subtype": "/" + file.media_type.replace("/", "#2f"),
            "Params": pydyf.Dictionary(about),
        }
        stream = pydyf.Stream([file.content], pydyf.Dictionary(extra), compress=True)
        pdf.add_object(stream)
        entry = pydyf.Dictionary(
            {
                "Type": "/Filespec",
                "F": pydyf.String(file.name),
                "UF": pydyf.String(file.name),
                "EF": pydyf.Dictionary({"F": stream.reference, "UF": stream.reference}),
                "Desc": pydyf.String(file.description),
                "AFRelationship": f"/{file.relationship}",
            }
        )
        pdf.add_object(entry)
        names.extend([pydyf.String(file.name), entry.reference])
        associated.append(entry.reference)
    tree = pydyf.Dictionary({"Names": names})
    pdf.add_object(tree)
    pdf.catalog.setdefault("Names", pydyf.Dictionary())["EmbeddedFiles"] = tree.reference
    pdf.catalog["AF"] = associated


class _SignatureDictionary(pydyf.Object):  # type: ignore[misc]  # pydyf ships no types
    """Written as it is and never into a compressed stream: its place in the file is what is signed."""

    compressible = False

    def __init__(self, written: bytes) -> None:
        super().__init__()
        self._written = written

    @property
    def data(self) -> bytes:
        """The dictionary as it goes into the file."""
        return self._written


def _leave_room(pdf: pydyf.PDF, job: RenderJob) -> None:
    """An invisible signature field with an empty dictionary, and DocMDP level 1: no change is permitted."""
    signature = _SignatureDictionary(signature_dictionary(name=job.signer, reason="Audit pack", modified=job.modified))
    pdf.add_object(signature)
    page: Any = next(item for item in pdf.objects if isinstance(item, dict) and item.get("Type") == "/Page")
    widget = pydyf.Dictionary(
        {
            "Type": "/Annot",
            "Subtype": "/Widget",
            "FT": "/Sig",
            "T": pydyf.String("Pack"),
            "F": 132,  # print, locked
            "Rect": pydyf.Array([0, 0, 0, 0]),
            "P": page.reference,
            "V": signature.reference,
        }
    )
    pdf.add_object(widget)
    page.setdefault("Annots", pydyf.Array()).append(widget.reference)
    pdf.catalog["AcroForm"] = pydyf.Dictionary({"Fields": pydyf.Array([widget.reference]), "SigFlags": 3})
    pdf.catalog["Perms"] = pydyf.Dictionary({"DocMDP": signature.reference})


def unpack_fonts(folder: Path) -> None:
    """WOFF as shipped -> the plain font files fontconfig looks for."""
    for packed in sorted((ASSETS / "fonts").glob("*.woff")):
        font = TTFont(packed, recalcTimestamp=False)
        font.flavor = None
        font.save(folder / f"{packed.stem}.ttf")


class _NoFetcher(URLFetcher):  # type: ignore[misc]  # weasyprint ships no types
    """Pages refer to nothing outside themselves; whatever does is a fault of ours, not a download."""

    def fetch(self, url: str, headers: object = None) -> NoReturn:
        """Refuse. Raises ValueError."""
        del headers
        raise ValueError(f"the pages of a pack load nothing: {url[:200]!r}")


def main() -> None:
    """One job. stdout is kept for the PDF alone: whatever a library prints goes to stderr."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    job = read_job(sys.stdin.buffer)
    unpack_fonts(Path(os.environ["EVIDENCE_PDF_FONTS"]))
    resource.setrlimit(resource.RLIMIT_AS, (job.memory, job.memory))
    try:
        out.write(render(job))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)  # no memory is left to unwind with
    out.close()


if __name__ == "__main__":
    main()
