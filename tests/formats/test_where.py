"""`where` text to a typed tree: what is read, what is refused and where, and back to text."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.errors import InvalidSource, SourceFault
from evidence_api.domain.where import And, Compare, Constant, Expression, Not, Or, comparisons, paths, write
from evidence_api.formats.where import MAX_LENGTH, parse_where
from evidence_api.formats.where_types import parse_duration
from tests.support import where as support


def parse(text: str, kind: str = "every_type") -> Expression:
    return parse_where(text, kind, file="f.yaml", line=3, column=12, kinds=support.KINDS)


def faults(text: str, kind: str = "every_type") -> tuple[SourceFault, ...]:
    with pytest.raises(InvalidSource) as caught:
        parse(text, kind)
    return caught.value.faults


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("required==pass", "github_checks"),
        ("denies==0", "opa"),
        ("provenance==verified && sbom.criticals==0", "attest"),
    ],
)
def test_the_planning_documents_conditions_load_as_written(text: str, kind: str) -> None:
    assert len(list(comparisons(parse_where(text, kind, file="f", line=1, column=1)))) == text.count("==")


A, B, C = Compare("count", "==", 1), Compare("flag", "==", value=True), Compare("word", "==", "x")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("count==1", A),
        ("  count  ==\n 1 ", A),
        ("flag", B),
        ("flag == true", B),
        ("!flag", Not(B)),
        ("!count==1", Not(A)),
        ("true", Constant(value=True)),
        ("false", Constant(value=False)),
        ("count==1 && flag && word==x", And((A, B, C))),
        ("count==1 || flag && word==x", Or((A, And((B, C))))),
        ("(count==1 || flag) && word==x", And((Or((A, B)), C))),
        ("!(count==1 || !!flag)", Not(Or((A, Not(Not(B)))))),
        ("count >= -2.5", Compare("count", ">=", -2.5)),
        ("count < 1e3", Compare("count", "<", 1000.0)),
        ("word == 'it\\'s'", Compare("word", "==", "it's")),
        ('word == "\\u00e9\\ud83d\\ude00\\n"', Compare("word", "==", "é😀\n")),
        ("word == '1.5'", Compare("word", "==", "1.5")),
        ("word == sha256:ab/c@d+e-f", Compare("word", "==", "sha256:ab/c@d+e-f")),
        ("word != null", Compare("word", "!=", None)),
        ("deep.word in [a, 'b c', P30D]", Compare("deep.word", "in", ("a", "b c", "P30D"))),
        ("count in [1, 2]", Compare("count", "in", (1, 2))),
        ("a in names", Compare("names", "contains", "a")),
        ('"a b" in names', Compare("names", "contains", "a b")),
        ("names in [a, b]", Compare("names", "in", ("a", "b"))),
        ("names == [a]", Compare("names", "==", ("a",))),
        ("time > 2026-01-31T12:00:00+01:00", Compare("time", ">", "2026-01-31T11:00:00.000000Z")),
        ("lasted <= PT5M", Compare("lasted", "<=", timedelta(minutes=5))),
        ("lasted in [P30D, P1DT2H]", Compare("lasted", "in", (timedelta(days=30), timedelta(days=1, hours=2)))),
        (
            "signer == release-key && verified",
            And((Compare("signer", "==", "release-key"), Compare("verified", "==", value=True))),
        ),
        ("word == interior", Compare("word", "==", "interior")),
        ("closed == yes", Compare("closed", "==", "yes")),
    ],
)
def test_reads(text: str, tree: Expression) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "code", "column", "hint"),
    [
        ("cout==1", "unknown_path", 12, "'count'"),
        ("flag && deep.wrod==x", "unknown_path", 20, "'deep.word'"),
        ("count==x", "type_mismatch", 19, ""),
        ("count=='1'", "type_mismatch", 19, "without quotes"),
        ("word==1", "type_mismatch", 18, 'quote it: "1"'),
        ("word==true", "type_mismatch", 18, 'quote it: "true"'),
        ("word < x", "unordered_type", 19, "=="),
        ("names > [a]", "unordered_type", 20, "=="),
        ("flag == 1", "type_mismatch", 20, "true or false"),
        ("flag < true", "unordered_type", 19, "=="),
        ("closed == yse", "unknown_word", 22, "'yes'"),
        ("closed in [yes, maybe]", "unknown_word", 28, "no, yes"),
        ("time > P30D", "type_mismatch", 19, "fresh"),
        ("time > yesterday", "type_mismatch", 19, "2026-"),
        ("lasted < P1M", "type_mismatch", 21, "P30D"),
        ("lasted < 30", "type_mismatch", 21, "P30D"),
        ("count in 1", "unknown_path", 21, ""),
        ("count in '1'", "type_mismatch", 21, "list"),
        ("count in []", "bad_literal", 21, ""),
        ("word in [a, 2]", "type_mismatch", 24, "quote"),
        ("count == [1]", "type_mismatch", 21, "in"),
        ("a in word", "type_mismatch", 17, "in ["),
        ("word", "type_mismatch", 12, ""),
        ("'word' == x", "unknown_path", 12, ""),
        ("count == 9007199254740993", "bad_literal", 21, ""),
        ("word == '\\q'", "bad_literal", 21, "\\n"),
        ("word == '\\uzzzz'", "bad_literal", 21, ""),
        ("", "where_syntax", 12, "true"),
        ("count ==", "where_syntax", 19, ""),
        ("count = 1", "where_syntax", 18, "=="),
        ("count==1 and flag", "where_syntax", 21, "&&"),
        ("count==1 & flag", "where_syntax", 21, "&&"),
        ("not flag", "where_syntax", 16, ""),
        ("(flag", "where_syntax", 16, ""),
        ("flag)", "where_syntax", 16, ""),
        ("word == 'x", "where_syntax", 20, ""),
        ("word =~ x", "where_syntax", 17, "=="),
        ("count + 1 == 2", "where_syntax", 18, ""),
        ("(" * 40 + "flag" + ")" * 40, "too_deep", 45, ""),
        ("!" * 4000 + "flag", "too_deep", 45, ""),
        ("word == '" + "x" * 1000 + "'", "too_large", 20, ""),
        ("count in [" + "1," * 300 + "1]", "too_large", 21, ""),
        ("flag || " * 600 + "flag", "too_large", 12 + MAX_LENGTH, ""),
    ],
)
def test_refuses_with_place_code_and_hint(text: str, code: str, column: int, hint: str) -> None:
    (fault,) = faults(text)
    assert (fault.file, fault.line, fault.column, fault.code) == ("f.yaml", 3, column, code)
    assert hint in fault.hint


def test_an_unknown_kind_is_named_with_the_nearest() -> None:
    with pytest.raises(InvalidSource) as caught:
        parse_where("required==pass", "github_check", file="f", line=1, column=1)
    (fault,) = caught.value.faults
    assert (fault.code, fault.hint) == ("unknown_kind", "did you mean 'github_checks'?")


def test_all_faults_of_a_condition_are_told_at_once_in_order() -> None:
    found = faults("cout==1 &&\n(word < x ||\n  flag == 1)")
    assert [(fault.code, fault.line, fault.column) for fault in found] == [
        ("unknown_path", 3, 12),
        ("unordered_type", 4, 9),
        ("type_mismatch", 5, 11),
    ]


def test_a_comparison_knows_where_it_is_written() -> None:
    tree = parse("flag &&\n  count==1")
    assert [(one.line, one.column) for one in comparisons(tree)] == [(3, 12), (4, 3)]
    assert paths(tree) == ("flag", "count")


@settings(max_examples=150, deadline=None)
@given(support.expressions())
def test_what_is_written_reads_as_the_same_tree(tree: Expression) -> None:
    assert parse(write(tree)) == tree


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="aw.ord=<>!&|()[],'\"\\u 1\n-intrue", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    tree: Expression = Constant(value=True)
    refused: tuple[SourceFault, ...] = ()
    try:
        tree = parse(text)
    except InvalidSource as invalid:
        refused = invalid.faults
    assert all(fault.line >= 3 and fault.column >= 1 for fault in refused)
    assert refused or parse(write(tree)) == tree


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("P30D", 2_592_000), ("PT5M", 300), ("P1W", 604_800), ("P1DT2H3M4S", 93_784), ("PT0S", 0)],
)
def test_durations_of_fixed_length(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["P", "PT", "P1DT", "P1Y", "P1M", "30D", "P-1D", "PT1.5H", "p1d", ""])
def test_other_durations_are_none(text: str) -> None:
    assert parse_duration(text) is None
