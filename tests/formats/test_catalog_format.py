"""Formatting: one spelling for each condition, the same meaning, and not another byte of the file changed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import InvalidSource
from evidence_api.domain.evidence import Fact
from evidence_api.domain.where import Expression, write
from evidence_api.engines.files import read_texts
from evidence_api.formats import catalog_format, where_format
from evidence_api.formats.catalog_format import WIDTH, flat, format_source
from evidence_api.formats.where import parse_where, parse_where_at
from evidence_api.formats.where_format import format_where
from tests.support import where as support
from tests.support.catalogs import CONTROLS


@pytest.mark.parametrize(
    ("written", "formatted"),
    [
        ("denies==0", "denies == 0"),
        ("  denies  ==\n 0 ", "denies == 0"),
        ("((denies==0))", "denies == 0"),
        ("a==1&&b==2||c", "a == 1 && b == 2 || c"),
        ("(a==1 && b==2) || c", "a == 1 && b == 2 || c"),
        ("a==1 && (b==2 || c)", "a == 1 && (b == 2 || c)"),
        ("a==1 && ((b==2) || (c))", "a == 1 && (b == 2 || c)"),
        ("(a && b) && (c && d)", "a && b && c && d"),
        ("(a || b) || c", "a || b || c"),
        ("!a", "!a"),
        ("! (a)", "!a"),
        ("!(!a)", "!!a"),
        ("!a==1", "!(a == 1)"),
        ("!(a && b)", "!(a && b)"),
        ("!((a || b))", "!(a || b)"),
        ("word=='x'", "word == x"),
        ("word=='two words'", 'word == "two words"'),
        ("word=='it\\'s'", 'word == "it\'s"'),
        ('word=="1.5"', 'word == "1.5"'),
        ('word=="true"', 'word == "true"'),
        ('word=="in"', 'word == "in"'),
        ('word==""', 'word == ""'),
        ('word=="sha256:ab/c@d+e-f"', "word == sha256:ab/c@d+e-f"),
        ('"MIT" in licences', "MIT in licences"),
        ("word in [ 'a' ,b,\"c d\" ]", 'word in [a, b, "c d"]'),
        ("took<=PT300S", "took <= PT300S"),
        ("count<1e3", "count < 1e3"),
        ("time>'2026-01-31T12:00:00+01:00'", "time > 2026-01-31T12:00:00+01:00"),
        ("word!=null", "word != null"),
        ('word=="\\u0007"', 'word == "\\u0007"'),
    ],
)
def test_one_spelling(written: str, formatted: str) -> None:
    assert format_where(written) == formatted
    assert format_where(formatted) == formatted


OPEN = st.sampled_from(("", "", " ", "\n  "))


@st.composite
def spelled(draw: st.DrawFn) -> tuple[Expression, str]:
    """A condition, and one of the ways to spell it."""
    tree = draw(support.expressions())
    text = write(tree)
    if draw(st.booleans()):
        text = f"({draw(OPEN)}{text}{draw(OPEN)})"
    return tree, text.replace(" && ", f"{draw(OPEN)}&&{draw(OPEN)}").replace(" || ", f"{draw(OPEN)}||{draw(OPEN)}")


def parse(text: str) -> Expression:
    return parse_where(text, "every_type", file="f", line=1, column=1, kinds=support.KINDS)


@settings(max_examples=150, deadline=None)
@given(spelled())
def test_it_means_what_it_meant_and_is_formatted_once_for_all(given_one: tuple[Expression, str]) -> None:
    _, text = given_one
    formatted = format_where(text)
    assert flat(parse(formatted)) == flat(parse(text))
    assert format_where(formatted) == formatted


@settings(max_examples=60, deadline=None)
@given(support.expressions(), support.facts())
def test_taking_terms_together_changes_no_answer(tree: Expression, facts: dict[str, Fact]) -> None:
    assert support.reference(flat(tree), facts) is support.reference(tree, facts)


FILE = """\
# A comment.
id:   A          # the id
title: "Quoted: kept"
owner: 'no'
query:
  - {kind: opa, where: 'denies==0' , per: occurrence}   # in a flow mapping
  - kind: opa
    where:   result==allow    # spaces are kept
    population: {where: '"x" in rules'}
  - {kind: opa, where: "result in [allow,deny]"}
  - kind: attest
    where: >-  # folded

      provenance==verified
        && (sbom.present)

    # still here
    name: folded
  - kind: attest
    where: |
        !sbom.present||
        sbom.criticals==0
  - kind: opa
    where: !!str
"""
FORMATTED = """\
# A comment.
id:   A          # the id
title: "Quoted: kept"
owner: 'no'
query:
  - {kind: opa, where: denies == 0 , per: occurrence}   # in a flow mapping
  - kind: opa
    where:   result == allow    # spaces are kept
    population: {where: x in rules}
  - {kind: opa, where: 'result in [allow, deny]'}
  - kind: attest
    where: >-  # folded

      provenance == verified && sbom.present

    # still here
    name: folded
  - kind: attest
    where: |
        !sbom.present || sbom.criticals == 0
"""
WELL = FILE.rpartition("  - kind: opa\n")[0]


def test_nothing_but_the_conditions_changes() -> None:
    assert format_source(WELL, "f.yaml") == FORMATTED
    assert format_source(FORMATTED, "f.yaml") == FORMATTED


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_the_byte_order_mark_stay(end: str, mark: str) -> None:
    given_text, wanted = (mark + text.replace("\n", end) for text in (WELL, FORMATTED))
    assert format_source(given_text, "f.yaml") == wanted


def test_what_is_long_stands_on_several_lines() -> None:
    sides = "||".join(f"LEVEL_{number} in levels" for number in range(12))
    for style in ("{}", "'{}'", ">-\n      {}", "|\n      {}"):
        text = f"id: A\nquery:\n  - kind: vsa\n    where: {style.format(sides)}\n    name: n\n"
        formatted = format_source(text, "f.yaml")
        assert max(map(len, formatted.splitlines())) <= WIDTH
        assert len(formatted.splitlines()) > len(text.splitlines())
        assert format_source(formatted, "f.yaml") == formatted
    flow = f"id: A\nquery: [{{kind: vsa, where: '{sides}', name: n}}]\n"
    assert format_source(format_source(flow, "f.yaml"), "f.yaml") == format_source(flow, "f.yaml")


@settings(max_examples=80, deadline=None)
@given(spelled(), st.sampled_from(("where: '{single}'", "where: >-\n      {line}", "where: |\n      {line}")))
def test_in_any_yaml_style_the_file_says_the_same(given_one: tuple[Expression, str], style: str) -> None:
    tree, text = given_one
    line = " ".join(write(tree).split())  # on one line, whatever a word of it holds
    written = style.format(single=text.replace("'", "''").replace("\n", " "), line=line)
    source = f"id: A\nquery:\n  - kind: every_type\n    {written}\n    name: n # kept\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog_format, "parse_where_at", _with_every_type)
        formatted = format_source(source, "f.yaml")
        assert format_source(formatted, "f.yaml") == formatted
    assert formatted.startswith("id: A\nquery:\n  - kind: every_type\n    where: ")
    assert formatted.endswith("\n    name: n # kept\n")


def _with_every_type(text: str, kind: str, **where: object) -> Expression:
    return parse_where_at(text, kind, kinds=support.KINDS, **where)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        (FILE, (24, 12), "yaml_tag"),
        ("id: A\nquery: [{kind: opa, where: denis==0}]\n", (2, 28), "unknown_path"),
        ("id: A\nquery: [{kind: oppa, where: denies==0}]\n", (2, 29), "unknown_kind"),
        ("id: A\nquery: [{kind: opa, where: denies=0}]\n", (2, 34), "where_syntax"),
        ("id: A\nquery: [\n", (3, 1), "yaml_syntax"),
    ],
)
def test_what_does_not_load_is_refused(text: str, place: tuple[int, int], code: str) -> None:
    with pytest.raises(InvalidSource) as caught:
        format_source(text, "f.yaml")
    assert [((fault.line, fault.column), fault.code) for fault in caught.value.faults] == [(place, code)]


def test_a_result_that_means_something_else_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(where_format, "chunks", lambda _text: ["denies == 1"])
    with pytest.raises(InvalidSource) as caught:
        format_source("id: A\nquery: [{kind: opa, where: denies==0}]\n", "f.yaml")
    assert [fault.code for fault in caught.value.faults] == ["not_formatted"]


def test_the_shipped_files_are_formatted() -> None:
    sources = read_texts(CONTROLS, (".yaml",))
    assert [name for name, text in sources.items() if format_source(text, name) != text] == []
