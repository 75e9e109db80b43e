"""Warnings about catalogs that load: where they stand and what they say."""

from datetime import date

import pytest

from evidence_api.domain.control import Catalog
from evidence_api.formats.catalog_lint import lint
from tests.support.catalogs import catalog_of, shipped_catalog

TODAY = date(2026, 9, 1)
CONTROL = "id: A\nquery: [{kind: opa, where: denies==0}]\n"
MAPPING = "---\nexternal: SOC2-CC7.2\nmaps_to: [A]\nnarrative: n\n"
WAIVER = "---\nid: W\ncontrol: A\nreason: r\nowner: x\napprover: y\nfrom: 2026-01-01\nuntil: %s\n"


def told(catalog: Catalog) -> list[tuple[str, int, int]]:
    return [(warning.code, warning.line, warning.column) for warning in lint(catalog, TODAY)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CONTROL + MAPPING, []),
        (CONTROL, [("unmapped_control", 1, 1)]),
        (CONTROL + "state: retired\n", []),
        (CONTROL + "state: retired\n" + MAPPING, [("retired_in_use", 1, 1)]),
        (CONTROL + "method: inquiry\n" + MAPPING, [("inquiry_alone", 1, 1)]),
        (CONTROL + "tier: 2\n" + MAPPING, [("wording", 1, 1)]),
        (CONTROL.replace("denies==0", "denies == null") + MAPPING, [("never_true", 2, 28)]),
        (CONTROL + MAPPING + WAIVER % "2026-08-31", [("waiver_ending", 8, 1)]),
        (CONTROL + MAPPING + WAIVER % "2026-10-01", [("waiver_ending", 8, 1)]),
        (CONTROL + MAPPING + WAIVER % "2026-10-02", []),
    ],
)
def test_a_second_look(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert told(catalog_of(text)) == expected


def test_criteria_without_a_control_are_counted_by_framework() -> None:
    framework = '---\nframework: f\ntitle: F\nedition: "1"\ncriteria: [{ref: r-1, title: t}, {ref: r-2, title: t}]\n'
    (warning,) = lint(catalog_of(CONTROL + "---\nexternal: f-r-1\nmaps_to: [A]\nnarrative: n\n" + framework), TODAY)
    assert (warning.code, warning.line) == ("unmapped_criteria", 8)
    assert warning.message == "1 of 2 criteria of F have no control: r-2"


def test_the_shipped_catalog_warns_of_nothing_but_criteria_nobody_covers_yet() -> None:
    assert {warning.code for warning in lint(shipped_catalog(), TODAY)} == {"unmapped_criteria"}
