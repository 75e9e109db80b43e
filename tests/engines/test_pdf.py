"""The renderer: PDF/A-3b with its files, the same bytes each time, nothing of the machine, and limits that hold."""

import asyncio
import io
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pikepdf
import pytest
import weasyprint
from fontTools.ttLib import TTFont

from evidence_api.domain.errors import EngineCrashed, EngineMemory, EngineTimeout, PackRejected
from evidence_api.domain.pack import Artifact
from evidence_api.engines import pdf as pdf_engine
from evidence_api.engines.pdf import PdfRenderer
from evidence_api.engines.pdf_reading import read_attachments, read_pages
from evidence_api.formats.pack_pages.markup import printable

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAGE = (
    '<html lang="en"><head><title>A pack</title></head><body><h1>One</h1><p>Text, <b>bold</b>, '
    '<i>italic</i>.</p><h2>Two</h2><p class="mono">sha256</p></body></html>'
)
FILES = [
    Artifact("b/two.json", "application/json", b'{"a": 1}', "two", "Data"),
    Artifact("a.txt", "text/plain", b"text", "one", "Supplement"),
    Artifact("c.rego", "text/x-rego", b"", "empty", "Source"),
]
FONTS = Path(pdf_engine.__file__).parent / "pdf_assets" / "fonts"


async def render(page: str = PAGE, files: list[Artifact] | None = None, **limits: Any) -> bytes:  # noqa: ANN401  limits
    return await PdfRenderer(**limits).render(page, FILES if files is None else files, at=AT, signer="acme")


@pytest.fixture(scope="module")
async def rendered() -> bytes:
    return await render()


async def test_the_same_job_gives_the_same_bytes(rendered: bytes) -> None:
    assert await render() == rendered


async def test_attachments_come_back_as_they_went_in(rendered: bytes) -> None:
    assert read_attachments(rendered) == {file.name: file.content for file in FILES}


def test_it_is_pdf_a_3b_tagged_and_has_bookmarks(rendered: bytes) -> None:
    with pikepdf.open(io.BytesIO(rendered)) as pdf:
        root: Any = pdf.Root
        metadata = bytes(root.Metadata.read_bytes())
        assert b'pdfaid:part="3"' in metadata
        assert b'pdfaid:conformance="B"' in metadata
        assert root.OutputIntents[0].S == "/GTS_PDFA1"
        assert bool(root.MarkInfo.Marked)
        assert root.StructTreeRoot.Type == "/StructTreeRoot"
        assert str(root.Lang) == "en"
        assert str(root.Outlines.First.Title) == "Verdict"
        assert bool(root.ViewerPreferences.DisplayDocTitle)
        assert [str(entry.AFRelationship) for entry in root.AF] == ["/Supplement", "/Data", "/Source"]
        assert "/JavaScript" not in root.Names
        assert len(pdf.trailer.ID) == 2


def test_every_font_is_ours_and_embedded(rendered: bytes) -> None:
    with pikepdf.open(io.BytesIO(rendered)) as pdf:
        objects: Any = pdf.objects
        descriptors = [one for one in objects if isinstance(one, pikepdf.Dictionary) and "/FontName" in one]
        fonts = {str(one.FontName).partition("+")[2] for one in descriptors}
        assert fonts == {"IBM-Plex-Sans", "IBM-Plex-Sans-Semi-Bold", "IBM-Plex-Sans-Italic", "IBM-Plex-Mono"}
        assert all("/FontFile2" in one or "/FontFile3" in one for one in descriptors)


def test_every_face_draws_what_the_pages_print_plain() -> None:
    """What `printable` lets through is in all four faces; what they lack is printed by its number."""
    drawn = [set(TTFont(face).getBestCmap()) for face in sorted(FONTS.glob("*.woff"))]
    assert len(drawn) == 4
    common = set.intersection(*drawn)
    passed = {code for code in range(0x20, 0x3000) if printable(chr(code)) == chr(code)}
    assert passed - {ord("\n")} <= common
    assert set(map(ord, "✓×?↺~!→·–…“”")) <= passed  # noqa: RUF001  the signs the pages use


async def test_what_takes_too_long_is_killed() -> None:
    began = monotonic()
    with pytest.raises(EngineTimeout):
        await render("<html><body>" + "<table><tr><td>x</td></tr></table>" * 4000 + "</body></html>", timeout=1.0)
    assert monotonic() - began < 10


async def test_what_takes_too_much_memory_is_refused() -> None:
    with pytest.raises(EngineMemory):
        await render("<html><body>" + "<p>word word word</p>" * 20000 + "</body></html>", memory=340 * 1024 * 1024)


async def test_pages_load_nothing_from_outside() -> None:
    page = '<html><body><img src="file:///etc/hostname" alt="x"><img src="http://127.0.0.1:9/x" alt="y"></body></html>'
    assert read_pages(await render(page, []))[0].count("127.0.0.1") == 0


async def test_a_process_that_dies_is_said_to_have_died(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_engine, "WORKER", "evidence_api.engines.no_such_worker")
    with pytest.raises(EngineCrashed):
        await render()


async def test_the_loop_stays_free_while_a_page_is_rendered() -> None:
    task = asyncio.create_task(render())
    longest, last = 0.0, monotonic()
    while not task.done():
        await asyncio.sleep(0.01)
        longest, last = max(longest, monotonic() - last), monotonic()
    await task
    assert longest < 0.5


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\n", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"])
def test_what_is_no_pdf_is_refused(content: bytes) -> None:
    with pytest.raises(PackRejected) as refused:
        read_attachments(content)
    assert refused.value.code == "pdf_structure"
    with pytest.raises(PackRejected) as refused:
        read_pages(content)
    assert refused.value.code == "pdf_structure"


async def test_attachments_that_unpack_too_large_are_refused() -> None:
    bomb = await render(files=[Artifact("bomb.txt", "text/plain", b"0" * 5_000_000, "")])
    assert len(bomb) < 200_000
    with pytest.raises(PackRejected) as refused:
        read_attachments(bomb, limit=1_000_000)
    assert refused.value.code == "too_large"


def test_a_file_hung_on_a_page_is_refused(rendered: bytes) -> None:
    with pikepdf.open(io.BytesIO(rendered)) as pdf:
        note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FileAttachment, Rect=[0, 0, 9, 9])
        pdf.pages[0].obj.Annots.append(pdf.make_indirect(note))
        out = io.BytesIO()
        pdf.save(out)
    with pytest.raises(PackRejected) as refused:
        read_attachments(out.getvalue())
    assert refused.value.code == "attachment_tree"


def test_a_file_outside_the_name_tree_is_refused(rendered: bytes) -> None:
    with pikepdf.open(io.BytesIO(rendered)) as pdf:
        root: Any = pdf.Root
        root.Names.EmbeddedFiles.Names = pikepdf.Array(list(root.Names.EmbeddedFiles.Names)[2:])
        out = io.BytesIO()
        pdf.save(out)
    with pytest.raises(PackRejected) as refused:
        read_attachments(out.getvalue())
    assert refused.value.code == "attachment_tree"


@pytest.mark.parametrize("count", range(1, 9))
def test_the_controls_of_a_criterion_stay_in_their_column(count: int) -> None:
    """Each control keeps its sign and its mark beside it, and a line breaks between two controls, before the margin."""
    controls = ", ".join(f'<span class="mini missing"><b>?</b> IG-AUT-{number}</span>' for number in range(count))
    page = (
        '<table class="grid matrix"><colgroup><col style="width:24mm"><col style="width:58mm"><col style="width:32mm">'
        f'<col style="width:58mm"></colgroup><tr><td>A</td><td>b</td><td>c</td><td>{controls}</td></tr></table>'
    )
    sheet = weasyprint.CSS(filename=Path(pdf_engine.__file__).parent / "pdf_assets" / "pack.css")
    (laid,) = weasyprint.HTML(string=page).render(stylesheets=[sheet]).pages
    box = laid._page_box
    lines = [one for one in box.descendants() if getattr(one, "text", "")]
    assert max(one.position_x + one.width for one in lines) <= box.content_box_x() + box.width
    assert not any(one.text.startswith(("IG", "AUT")) for one in lines)
