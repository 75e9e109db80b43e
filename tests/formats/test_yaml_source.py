"""YAML text to nodes: places through every scalar style, and the traps of YAML closed."""

import pytest

from evidence_api.domain.errors import SourceFault
from evidence_api.formats.yaml_source import MAX_CHARACTERS, Mapping, Node, Scalar, documents


def load(text: str) -> tuple[tuple[Node, ...], list[SourceFault]]:
    found: list[SourceFault] = []
    return documents(text, "f.yaml", found), found


def scalars(text: str) -> dict[str, Scalar]:
    (node,), faults = load(text)
    assert not faults
    assert isinstance(node, Mapping)
    return {key.text: value for key, value in node.entries if isinstance(value, Scalar)}


STYLES = """\
plain: required == pass && x
folded: >
    required == pass &&
      x || y
literal: |
  required == pass
  && x
single: 'it''s
   two'
double: "a\\"b\\x41 \\
   and é"
spread: required == pass
   && x
"""


def test_every_character_is_found_where_it_is_written() -> None:
    lines = STYLES.splitlines()
    for name, scalar in scalars(STYLES).items():
        locate = scalar.locate()
        for at, character in enumerate(scalar.text):
            line, column = locate(at)
            written = lines[line - 1][column - 1 : column]
            if not character.isspace():
                assert written in {character, "\\"}, (name, at, character)


def test_places_of_a_folded_scalar() -> None:
    locate = scalars(STYLES)["folded"].locate()
    assert locate(0) == (3, 5)
    assert locate(scalars(STYLES)["folded"].text.index("x")) == (4, 7)
    assert locate(10_000)[0] >= 4


def test_scalars_stay_text() -> None:
    found = scalars("a: no\nb: on\nc: 2026-09-01\nd: 1e3\ne: 0o17\nf: ~\ng: 1_000\n")
    assert {key: value.text for key, value in found.items()} == {
        "a": "no", "b": "on", "c": "2026-09-01", "d": "1e3", "e": "0o17", "f": "~", "g": "1_000",
    }  # fmt: skip


def test_documents_before_a_syntax_error_are_kept_and_empty_ones_left_out() -> None:
    nodes, faults = load("a: 1\n---\n---\n# nothing\n---\nb: [\n")
    assert len(nodes) == 1
    assert [(fault.code, fault.line) for fault in faults] == [("yaml_syntax", 7)]


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: &x [1]\nb: *x\n", "yaml_alias", 1, 4),
        ("b: *x\n", "yaml_alias", 1, 4),
        ("a: &x [*x]\n", "yaml_alias", 1, 4),
        ("a: !!python/object:os.system x\n", "yaml_tag", 1, 4),
        ("where: !x == 1\n", "yaml_tag", 1, 8),
        ("a: 1\nb: 2\na: 3\n", "duplicate_key", 3, 1),
        ("[a]: 1\n", "yaml_key", 1, 1),
        ("a: " + "[" * 40 + "]" * 40, "too_deep", 1, 20),
        ("a: 1\nb: x\x00y\n", "yaml_syntax", 2, 5),
        ("a: 1\nb: x\x94y\n", "yaml_syntax", 2, 5),
        ("a: 'x\n", "yaml_syntax", 1, 4),
        ("a:\n\t- x\n", "yaml_syntax", 2, 1),
        ("a: b: c\n", "yaml_syntax", 1, 5),
        ("x" * (MAX_CHARACTERS + 1), "too_large", 1, 1),
    ],
)
def test_refuses_with_place(text: str, code: str, line: int, column: int) -> None:
    _, faults = load(text)
    assert (faults[0].code, faults[0].line, faults[0].column) == (code, line, column)


def test_deep_nesting_is_refused_without_recursion() -> None:
    _, faults = load("a: " + "[" * 200_000)
    assert faults[0].code == "too_deep"


def test_a_byte_order_mark_is_no_column() -> None:
    nodes, faults = load("\ufeffa: &x 1\n")
    assert not nodes
    assert (faults[0].line, faults[0].column) == (1, 4)
