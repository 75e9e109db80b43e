"""Rego text before the parser sees it, and the parser's words after."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_api.domain.errors import SourceFault
from evidence_api.formats.rego_source import (
    MAX_NESTING,
    engine_fault,
    is_data_reference,
    nesting_fault,
    without_backtrace,
)
from evidence_api.formats.rego_source import (
    test_rules as rules_of,
)


@given(st.lists(st.sampled_from(['"[{("', '"\\"["', "`[\n{`", "# [[[\n", "x", "[", "]", "(", ")", "{", "}", "\n"])))
def test_nesting_is_counted_outside_strings_and_comments(tokens: list[str]) -> None:
    depth = deepest = 0
    for mark in tokens:
        depth = depth + 1 if mark in "[({" else max(0, depth - 1) if mark in "])}" else depth
        deepest = max(deepest, depth)
    assert (nesting_fault("f", " ".join(tokens)) is not None) == (deepest > MAX_NESTING)


@given(st.text(alphabet='"`#\\[](){}\n ax', max_size=200))
def test_any_text_can_be_scanned(text: str) -> None:
    fault = nesting_fault("f", text)
    assert fault is None or fault.line <= text.count("\n") + 1


def test_place_of_the_seventeenth_bracket() -> None:
    fault = nesting_fault("f", "package p\nr := " + "[" * 8 + "\n" + "(" * 9)
    assert fault is not None
    assert (fault.line, fault.column, fault.code) == (3, 9, "nesting")


def test_a_megabyte_of_unclosed_text_is_scanned_quickly() -> None:
    for letter in '"`#[\\':
        nesting_fault("f", letter * 2**20)
    nesting_fault("f", '"a\n' * 2**18)


@pytest.mark.parametrize(
    ("query", "plain"),
    [
        ("data", True),
        ("data.a.b_1", True),
        ('data.a["b c"].d', True),
        ('data["x"]', True),
        ("data.a[0]", False),
        ("data.a = x", False),
        ("data.a(1)", False),
        ("data.a; data.b", False),
        ("input.a", False),
        ("data.a\n", False),
        ('data["a\\"]', False),
        ("datum.x", False),
        ("", False),
    ],
)
def test_plain_paths(query: str, plain: bool) -> None:  # noqa: FBT001  a table
    assert is_data_reference(query) is plain


def test_engine_errors_become_faults() -> None:
    modules = {"a b.rego": "package p\n\tx := [ ]]\n"}
    message = "\n--> a b.rego:2:13\n  |\n2 | x\n  | ^\nerror: expecting expression"
    assert engine_fault(message, modules) == SourceFault("a b.rego", 2, 10, "syntax", "expecting expression")
    assert engine_fault("no place", modules, "other") == SourceFault("a b.rego", 1, 1, "other", "no place")
    assert engine_fault("--> gone.rego:7:3\nerror: x", modules) == SourceFault("gone.rego", 7, 3, "syntax", "x")


def test_backtraces_are_cut() -> None:
    assert without_backtrace("\nerror: a\n\nStack backtrace:\n 0: x\n 1: _start") == "error: a"
    assert without_backtrace("error: a") == "error: a"


def test_test_rules_are_found_where_they_are() -> None:
    text = "package a.b_test\n\n# test_no\nx := `\ntest_raw`\n\ntest_one if true\n\ntest_two if {\n\ttest_one\n}\n"
    text += "\ntest_one if false\n"
    assert [(rule.name, rule.path, rule.line) for rule in rules_of("f", text)] == [
        ("test_one", "data.a.b_test.test_one", 7),
        ("test_two", "data.a.b_test.test_two", 9),
    ]
    assert rules_of("f", "test_one := 1") == ()
