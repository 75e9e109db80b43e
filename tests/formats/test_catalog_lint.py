"""Warnings about catalogs that load: where they stand and what they say."""

from datetime import date

import pytest

from evidence_api.domain.control import Catalog
from evidence_api.formats.catalog_lint import lint
from tests.support.catalogs import catalog_of, shipped_catalog

TODAY = date(2026, 9, 1)
CONTROL = "id: A\nquery: [{kind: opa, where: denies==0}]\n"
MAPPING = "---\nexternal: SOC2-CC7.2\nmaps_to: [A]\nnarrative: Policy allowed every change.\n"
WAIVER = "---\nid: W\ncontrol: A\nreason: r\nowner: x\napprover: y\nfrom: 2026-01-01\nuntil: %s\n"
WORDED = "tier: 1\ntitle: t\nstatement: s\nowner: o\nfix: f\nseverity: low\nfrequency: daily\nmethod: inspection\n"


def told(catalog: Catalog) -> list[tuple[str, int, int]]:
    return [(warning.code, warning.line, warning.column) for warning in lint(catalog, TODAY)]


def where(condition: str) -> str:
    return CONTROL.replace("denies==0", condition) + MAPPING


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CONTROL + MAPPING, []),
        (CONTROL, [("unmapped_control", 1, 1)]),
        (CONTROL + "state: retired\n", []),
        (CONTROL + "state: retired\ntier: 1\n", []),
        (CONTROL + "state: retired\n" + MAPPING, [("retired_in_use", 1, 1)]),
        (CONTROL + "state: draft\n" + MAPPING, [("draft_in_use", 1, 1)]),
        (CONTROL + "method: inquiry\n" + MAPPING, [("inquiry_alone", 1, 1)]),
        (CONTROL + "method: [inquiry, inspection]\n" + MAPPING, []),
        (CONTROL + "tier: 2\n" + MAPPING, [("wording", 1, 1)]),
        (CONTROL + WORDED + MAPPING, []),
        (CONTROL + "tier: 3\n" + MAPPING, []),
        (where("denies == null"), [("never_true", 2, 28)]),
        (where("denies != null"), []),
        (where("denies == 0 && (denies == 1 || denies > 2)"), [("never_true", 2, 28)]),
        (where("false"), [("never_true", 2, 28)]),
        (where("true"), []),
        (where("denies >= 0 || denies < 0"), [("always_true", 2, 28)]),
        (where("rule != null && (result==allow || result==deny)"), [("always_true", 2, 45)]),
        (where("verified"), [("always_true", 2, 28)]),
        (where("denies == 0 || denies == 1 && denies == 2"), [("dead_alternative", 2, 43)]),
        (where("denies == 0, population: {where: 'result==allow && result==deny'}"), [("never_true", 2, 79)]),
        (CONTROL + MAPPING + WAIVER % "2026-08-31", [("waiver_ending", 8, 1)]),
        (CONTROL + MAPPING + WAIVER % "2026-10-01", [("waiver_ending", 8, 1)]),
        (CONTROL + MAPPING + WAIVER % "2026-10-02", []),
    ],
)
def test_a_second_look(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert told(catalog_of(text)) == expected


def test_every_warning_names_a_fix_and_a_place() -> None:
    text = CONTROL + "tier: 1\nmethod: inquiry\n---\n" + CONTROL.replace("id: A", "id: B") + WAIVER % "2026-08-31"
    warnings = lint(catalog_of(text), TODAY)
    assert len({warning.code for warning in warnings}) >= 4
    assert all(warning.hint and warning.file and warning.message for warning in warnings)


def test_controls_that_ask_the_same_are_one() -> None:
    both = "- {kind: opa, where: denies==0}\n- {kind: sbom, where: analysed}\n"
    swapped = "- {kind: sbom, where: analysed == true, name: other}\n- {kind: opa, where: (denies == 0)}\n"
    text = f"id: A\nquery:\n{both}---\nid: B\nquery:\n{swapped}{MAPPING.replace('[A]', '[A, B]')}"
    assert told(catalog_of(text)) == [("duplicate_control", 6, 1)]
    assert told(catalog_of(text.replace("id: B\n", "id: B\ncombine: any\n"))) == []


def test_criteria_without_a_control_are_counted_by_framework() -> None:
    framework = '---\nframework: f\ntitle: F\nedition: "1"\ncriteria: [{ref: r-1, title: t}, {ref: r-2, title: t}]\n'
    mapping = MAPPING.replace("SOC2-CC7.2", "f-r-1")
    (warning,) = lint(catalog_of(CONTROL + mapping + framework), TODAY)
    assert (warning.code, warning.line) == ("unmapped_criteria", 8)
    assert warning.message == "1 of 2 criteria of F have no control: r-2"
    assert warning.hint == "write a mapping with external: f-r-2"


def test_text_its_licence_does_not_show_is_warned_of() -> None:
    framework = '---\nframework: f\ntitle: F\nedition: "1"\ncriteria: [{ref: r-1, title: t, text: said}]\n'
    mapping = MAPPING.replace("SOC2-CC7.2", "f-r-1")
    (warning,) = lint(catalog_of(CONTROL + mapping + framework), TODAY)
    assert (warning.code, warning.line) == ("text_not_shown", 8)
    shown = framework.replace("criteria:", "licence: by_permission\ncriteria:")
    assert lint(catalog_of(CONTROL + mapping + shown), TODAY) == ()


def test_a_chain_of_replacements_is_followed_to_its_end() -> None:
    retired = "---\nid: {id}\nstate: retired\nreplaced_by: {by}\nquery: [{{kind: vulns, where: {fact} == 0}}]\n"
    text = "id: A\nstate: deprecated\nreplaced_by: B\nquery: [{kind: opa, where: denies==0}]\n"
    text += retired.format(id="B", by="C", fact="highs") + retired.format(id="C", by="D", fact="lows")
    text += "---\nid: D\nquery: [{kind: vulns, where: total == 0}]\n" + MAPPING.replace("[A]", "[A, D]")
    warnings = lint(catalog_of(text), TODAY)
    assert [(warning.code, warning.hint) for warning in warnings] == [
        ("replaced_by_retired", "write replaced_by: D"),
        ("replaced_by_retired", "write replaced_by: D"),
    ]


def test_the_shipped_catalog_warns_of_nothing_but_criteria_nobody_covers_yet() -> None:
    assert {warning.code for warning in lint(shipped_catalog(), TODAY)} <= {"unmapped_criteria"}
