"""Coverage of policies: reports added up, heads of denials found, percentages."""

import pytest

from evidence_api.formats.rego_coverage import Reached, coverage, shown

TEXT = """package evidence.policy.a

denials contains {"rule": "a.one", "reason": "1"} if {
	input.x
}

# denials contains {"rule": "a.comment", "reason": "no"} if {
denials contains {"rule": "a.two", "reason": reason} if {
	reason := "2"
}

denials contains {"rule": "a.one", "reason": "again"} if {
	input.y
}
"""
MODULES = {"a/a.rego": TEXT, "a/a_test.rego": "package a_test\n", "a/a_invariant.rego": "package b\n"}


def reached(*reports: tuple[list[int], list[int]]) -> Reached:
    lines = Reached()
    for covered, not_covered in reports:
        lines.add({"a/a.rego": {"covered": covered, "not_covered": not_covered}})
    return lines


def test_reports_add_up() -> None:
    found = coverage(MODULES, reached(([4, 9], [3, 8, 12, 13]), ([8], [3, 4])))
    (file,) = found.files
    assert (file.file, file.covered, file.not_covered) == ("a/a.rego", (4, 8, 9), (3, 12, 13))
    assert found.percent == file.percent == 50.0
    assert [(rule.rule, rule.line, rule.fired) for rule in found.rules] == [("a.one", 3, False), ("a.two", 8, True)]
    assert [rule.rule for rule in found.never_fired] == ["a.one"]


@pytest.mark.parametrize("head", [3, 12])
def test_any_head_of_a_rule_makes_it_fire(head: int) -> None:
    assert [rule.rule for rule in coverage(MODULES, reached(([head], []))).never_fired] == ["a.two"]


def test_a_module_that_no_test_touches_is_not_covered() -> None:
    found = coverage(MODULES, Reached())
    assert found.percent == 0.0
    assert len(found.never_fired) == 2
    assert coverage({"b.rego": "package b\n"}, Reached()).percent == 0.0


def test_as_json() -> None:
    told = shown(coverage(MODULES, reached(([3, 8], [12]))))
    assert told["percent"] == 66.67
    assert told["files"] == [{"file": "a/a.rego", "percent": 66.67, "lines": 3, "not_covered": (12,)}]
    assert told["rules"][1] == {"rule": "a.two", "file": "a/a.rego", "line": 8, "fired": True}
