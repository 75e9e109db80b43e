"""Membership with a key is taken where it cannot be about a set, and refused elsewhere with the fix."""

import pytest

from evidence_api.engines.rego_worker import check


def faults(body: str) -> list[tuple[str, int]]:
    text = f"package p\n\nimport rego.v1\n\nr if {{\n\t{body}\n}}\n"
    return [(fault.code, fault.line) for fault in check({"modules": {"p.rego": text}, "data": "{}"}, "")]


@pytest.mark.parametrize(
    "body", ["0, 0 in {0}", "0, 1 in input.xs", "not 0, 1 in input.xs", "0, 1 in {y | some y in input.xs}"]
)
def test_what_may_be_a_set_is_refused(body: str) -> None:
    assert ("key_membership", 6) in faults(body)


@pytest.mark.parametrize(
    "body", ["0, 1 in [1]", '"a", 1 in {"a": 1}', "some k, v in input.xs; v == k", "1 in input.xs", "input.xs[0] == 1"]
)
def test_what_cannot_be_a_set_is_taken(body: str) -> None:
    assert faults(body) == []


def test_the_column_counts_a_tab_as_one() -> None:
    text = "package p\n\nimport rego.v1\n\nr if {\n\t\tx := 1; 0, x in input.xs\n}\n"
    (fault,) = check({"modules": {"p.rego": text}, "data": "{}"}, "")
    line = text.splitlines()[fault.line - 1]
    assert line[fault.column - 1 :].startswith("0, x in input.xs")
