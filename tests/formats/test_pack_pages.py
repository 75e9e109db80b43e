"""The pages as HTML: escaped, bounded, and saying what the contents say."""

import re
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from evidence_api.engines.rego import RegoPool
from evidence_api.formats.pack_pages.index import index_of
from evidence_api.formats.pack_pages.markup import el, join, printable
from evidence_api.formats.pack_pages.matrix import criterion_matrix
from evidence_api.formats.pack_pages.words import cut, lasting, plural, short
from tests.support.packs import build_world

TAG = re.compile(r"<[^>]*>")


@given(st.text())
def test_text_becomes_text_whatever_it_says(text: str) -> None:
    written = el("p", text, title=text)
    assert len(TAG.findall(written)) == 2
    assert "<script" not in written
    assert written.startswith('<p title="')


@given(st.text())
def test_nothing_invisible_is_printed(text: str) -> None:
    shown = printable(text)
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert printable(shown) == shown


def test_what_fonts_lack_is_named() -> None:
    assert printable("a\u202eb\u4e2d") == "a[U+202E]b[U+4E2D]"
    assert printable("tab\tand\u00a0space") == "tab and space"


def test_void_elements_have_no_end() -> None:
    assert join(el("br"), el("col", style="width:1mm"), None, ["x", [el("b", "y")]]) == (
        '<br><col style="width:1mm">x<b>y</b>'
    )


def test_words() -> None:
    assert plural(1, "control") == "1 control"
    assert plural(2, "control") == "2 controls"
    assert lasting(timedelta(days=30)) == "30 days"
    assert lasting(timedelta(hours=36)) == "36 hours"
    assert lasting(timedelta(seconds=90)) == "90 seconds"
    assert short("sha256:" + "ab" * 32) == "abababababab"
    assert cut("x" * 2000, 10) == "xxxxxxxxx…"


async def test_a_control_that_covers_a_criterion_in_part_is_marked_there_alone() -> None:
    async with RegoPool() as pool:
        contents = (await build_world(pool)).contents
    assert "½" not in str(criterion_matrix(index_of(contents, signer="s"))).partition("<table")[2]
    first, *others = contents.catalog.mappings
    halved = replace(first, partial=frozenset(first.maps_to[:1]))
    catalog = replace(contents.catalog, mappings=(halved, *others))
    shown = str(criterion_matrix(index_of(replace(contents, catalog=catalog), signer="s"))).partition("<table")[2]
    assert re.findall(r"([\w-]+)(?:</a>)? ½", shown) == [first.maps_to[0]]


async def test_whose_words_the_titles_are_is_printed_with_them() -> None:
    async with RegoPool() as pool:
        contents = (await build_world(pool)).contents
    quoted = tuple(replace(one, licence="cc0", credit="Its owner") for one in contents.catalog.frameworks)
    for frameworks, said in (
        (contents.catalog.frameworks, "titles in our own words"),
        (quoted, "Quoted under CC0 1.0: Its owner."),
    ):
        catalog = replace(contents.catalog, frameworks=frameworks)
        assert said in str(criterion_matrix(index_of(replace(contents, catalog=catalog), signer="s")))


async def test_the_head_of_a_matrix_names_its_framework_on_every_page() -> None:
    async with RegoPool() as pool:
        index = index_of((await build_world(pool)).contents, signer="s")
    shown = str(criterion_matrix(index))
    heads = re.findall(r'<thead><tr><th scope="col">([^<]+)</th>', shown)
    assert heads == [index.framework_title(name) for name in index.frameworks]
