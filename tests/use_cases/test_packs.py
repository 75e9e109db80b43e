"""Building packs: whole or refused, the same bytes each time, and good to look at even with long content."""

import io
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pikepdf
import pypdfium2
import pytest

from evidence_api.domain.errors import PackRejected
from evidence_api.domain.pack import PackContents, PackStatus
from evidence_api.domain.verdict import Outcome
from evidence_api.engines.pdf import PdfRenderer
from evidence_api.engines.pdf_reading import read_attachments, read_pages
from evidence_api.engines.rego import RegoPool
from evidence_api.use_cases.packs import BuiltPack, PackBuilder
from evidence_api.use_cases.verify_pack import verify_pack
from tests.support import statements
from tests.support.packs import SOURCES, PackWorld, build_world, default_statements

LONG = "Averyveryverylongwordwithoutanyplacetobreakit" * 12


@pytest.fixture(scope="module")
async def rego() -> AsyncIterator[RegoPool]:
    async with RegoPool(workers=1, timeout=20) as pool:
        yield pool


@pytest.fixture(scope="module")
async def world(rego: RegoPool) -> PackWorld:
    return await build_world(rego)


@pytest.fixture(scope="module")
async def built(rego: RegoPool, world: PackWorld) -> BuiltPack:
    return await PackBuilder(PdfRenderer(), world.key, rego).build(world.contents)


async def test_both_renderings_verify_and_name_their_digests(rego: RegoPool, built: BuiltPack) -> None:
    assert built.status is PackStatus.COMPLETE
    for content, digest in ((built.json, built.json_digest), (built.pdf, built.pdf_digest)):
        report = await verify_pack(content, rego=rego)
        assert report.ok
        assert report.digest == digest


async def test_the_same_contents_give_the_same_bytes(rego: RegoPool, world: PackWorld, built: BuiltPack) -> None:
    again = await PackBuilder(PdfRenderer(), world.key, rego).build(world.contents)
    assert (again.json, again.pdf) == (built.json, built.pdf)


def test_every_artifact_is_attached_as_received(world: PackWorld, built: BuiltPack) -> None:
    attached = dict(read_attachments(built.pdf))
    assert "pack.json" in attached
    for item in world.contents.evidence:
        assert item.body in attached.values()
    assert attached["catalog.rego"].decode() == world.contents.rego
    assert attached["README.txt"].startswith(b"HOW TO VERIFY")


def test_pages_are_numbered_bookmarked_and_linked(built: BuiltPack) -> None:
    pages = read_pages(built.pdf)
    assert all(f"Page {number} of {len(pages)}" in page for number, page in enumerate(pages, 1))
    with pikepdf.open(io.BytesIO(built.pdf)) as pdf:
        root: Any = pdf.Root
        with pdf.open_outline() as outline:
            titles = [item.title for item in outline.root]
        assert titles[:2] == ["Verdict", "Exceptions"]
        assert {"Verdict register", "Criteria", "Controls", "Annex B: manifest of attached files"} <= set(titles)
        links = [note for page in pdf.pages for note in page.obj.get("/Annots", ()) if note.Subtype == "/Link"]
        targets = {str(name) for name in list(root.Names.Dests.Names)[::2]}
        assert links
        assert {str(link.A.D) for link in links if "/A" in link} <= targets


@pytest.mark.parametrize(
    ("change", "absent"),
    [
        (lambda contents: replace(contents, checkpoint=""), "log/checkpoint.txt"),
        (lambda contents: replace(contents, rego=""), "catalog.rego"),
        (lambda contents: replace(contents, trust=replace(contents.trust, keys=())), "trust/keys/"),
        (
            lambda contents: replace(
                contents, evidence=(replace(contents.evidence[0], body=None), *contents.evidence[1:])
            ),
            "evidence/000000-release-",
        ),
        (
            lambda contents: replace(
                contents, evidence=(replace(contents.evidence[0], body=b"{}"), *contents.evidence[1:])
            ),
            "evidence/000000-release-",
        ),
    ],
)
async def test_a_pack_that_could_prove_nothing_is_refused(
    rego: RegoPool,
    world: PackWorld,
    change: Callable[[PackContents], PackContents],
    absent: str,
) -> None:
    with pytest.raises(PackRejected) as refused:
        await PackBuilder(PdfRenderer(), world.key, rego).build(change(world.contents))
    assert refused.value.code == "pack_refused"
    named = refused.value.fields["absent"]
    assert isinstance(named, list)
    assert named[0].startswith(absent)


async def test_a_pack_that_does_not_verify_is_not_given_out(rego: RegoPool, world: PackWorld) -> None:
    findings = world.contents.assessment.findings
    better = (replace(findings[3], outcome=Outcome.PASS), *findings[:3])
    wrong = replace(world.contents, assessment=replace(world.contents.assessment, findings=better))
    with pytest.raises(PackRejected) as refused:
        await PackBuilder(PdfRenderer(), world.key, rego).build(wrong)
    assert refused.value.code == "pack_inconsistent"
    assert refused.value.fields["codes"] == ["verdict_detail"]


async def test_erased_evidence_is_named_on_the_first_page(rego: RegoPool) -> None:
    world = await build_world(rego, erased=[2])
    built = await PackBuilder(PdfRenderer(), world.key, rego).build(world.contents)
    assert built.status is PackStatus.PARTIAL
    assert "erased; its leaf and inclusion proof remain" in " ".join(read_pages(built.pdf)[0].split())


async def long_contents(rego: RegoPool) -> PackWorld:
    """Everything people write, far longer than anybody would, and in scripts the fonts lack."""
    controls = SOURCES["internal/controls.yaml"].split("---\n")
    many = []
    for number in range(24):
        text = controls[number % 4].replace("id: IG-", f"id: IG-{number:02}-")
        many.append(text.replace("title: ", f"title: {LONG} "))
    many.append(
        f"id: IG-X\ntitle: 中文 العربية\nstatement: {LONG * 3}\nquery: [{{kind: vulns, where: criticals == 0}}]\n"
    )
    sources = {"a.yaml": "---\n".join(many)}
    release = statements.release(name="release-" + LONG[:80], version="1")
    return await build_world(rego, [release, *default_statements()[1:]], sources)


async def test_long_and_foreign_texts_neither_overflow_nor_break_the_proof(rego: RegoPool) -> None:
    world = await long_contents(rego)
    built = await PackBuilder(PdfRenderer(), world.key, rego).build(world.contents)
    pages = read_pages(built.pdf)
    assert "Pack signed by" in pages[0]
    assert "Verdict register" in pages[1]
    assert "[U+4E2D]" in "".join(pages)
    assert _inside(built.pdf)


def _inside(content: bytes) -> bool:
    """No character is drawn outside the page's margins."""
    with pypdfium2.PdfDocument(content) as document:
        for number in range(len(document)):
            page = document[number]
            text = page.get_textpage()
            boxes = [text.get_charbox(place) for place in range(text.count_chars())]
            text.close()
            width = page.get_width()
            page.close()
            if any(right > width - 45 or left < 50 for left, _, right, _ in boxes if right > left):
                return False
    return True
