"""SLSA levels in a verdict: stated by a control, and held; nothing else gives one."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from evidence_api.domain.assessment import Outcome
from evidence_api.domain.evidence import Fact
from evidence_api.domain.slsa_levels import build_level
from evidence_api.formats.catalog import load_catalog
from tests.support.catalogs import DIGESTS, RELEASE, assess, row

LEVEL_3 = "SLSA_BUILD_LEVEL_3"
FRAMEWORK = """\
framework: slsa-build
title: SLSA
edition: 1.2, build track
licence: own
aliases: [SLSA]
criteria: [{ref: BUILD-L1, title: One}, {ref: BUILD-L2, title: Two}, {ref: BUILD-L3, title: Three}]
"""
ONE = replace(RELEASE, digests=DIGESTS[:1])


def level(query: str, *facts: Mapping[str, Fact], subjects: int = 1) -> str | None:
    """The level of a release with these summaries, by one control with these queries."""
    catalog = load_catalog({"a.yaml": f"id: A-LEVEL\nquery: [{query}]\n"})
    rows = [row("vsa", fact, number=number) for number, fact in enumerate(facts, 1)]
    return build_level(catalog, assess(catalog, rows, ONE), subjects)


def test_a_summary_counts_where_a_control_cannot_pass_without_it() -> None:
    three: dict[str, Fact] = {"levels": (LEVEL_3,), "result": "passed"}
    asked = f"{{kind: vsa, where: '\"{LEVEL_3}\" in levels && result==passed'}}"
    assert level(asked, three) == LEVEL_3
    assert level(asked, {**three, "result": "failed"}) is None  # the control does not pass
    assert level(asked) is None
    assert level("{kind: vsa, where: result==passed}", three) is None  # no control says so


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (f'"{LEVEL_3}" in levels || "SLSA_BUILD_LEVEL_2" in levels', "SLSA_BUILD_LEVEL_2"),
        (f'"{LEVEL_3}" in levels || "OTHER" in levels', None),
        (f'"{LEVEL_3}" in levels || ("{LEVEL_3}" in levels && result==passed)', LEVEL_3),
        ('"OTHER" in levels', None),
        (f'!("{LEVEL_3}" in levels) || result==passed', None),
    ],
)
def test_only_what_is_necessary_is_stated(where: str, expected: str | None) -> None:
    facts: dict[str, Fact] = {"levels": (LEVEL_3, "OTHER"), "result": "passed"}
    assert level(f"{{kind: vsa, where: '{where}'}}", facts) == expected


def test_a_population_is_as_necessary_as_a_condition() -> None:
    query = f"{{kind: vsa, where: result==passed, population: {{where: '\"{LEVEL_3}\" in levels'}}}}"
    assert (
        level(query, {"levels": (LEVEL_3,), "result": "passed"}, {"levels": ("OTHER",), "result": "failed"}) == LEVEL_3
    )
    assert level(query, {"levels": ("OTHER",), "result": "passed"}) is None


def test_of_several_subjects_each_must_be_asked_for() -> None:
    where = f"where: '\"{LEVEL_3}\" in levels'"
    facts: dict[str, Fact] = {"levels": (LEVEL_3,)}
    assert level(f"{{kind: vsa, {where}}}", facts, subjects=2) is None
    assert level(f"{{kind: vsa, {where}, per: subject}}", facts, subjects=2) == LEVEL_3


def test_a_query_that_did_not_apply_states_nothing() -> None:
    empty = f"{{kind: vsa, where: '\"{LEVEL_3}\" in levels', on_empty: {{outcome: not_applicable, reason: None.}}}}"
    catalog = load_catalog({"a.yaml": f"id: A\nquery: [{{kind: sbom, where: criticals==0}}, {empty}]\n"})
    assessment = assess(catalog, [row("sbom", {"criticals": 0})], ONE)
    assert assessment.findings[0].outcome is Outcome.PASS
    assert build_level(catalog, assessment, 1) is None


@pytest.mark.parametrize(
    ("mapping", "criticals", "expected"),
    [
        ("maps_to: [A]\nrelation: equal\n", 0, "SLSA_BUILD_LEVEL_2"),
        ("maps_to: [A]\nrelation: subset_of\n", 0, "SLSA_BUILD_LEVEL_2"),
        ("maps_to: [A]\nrelation: equal\n", 1, None),
        ("maps_to: [A]\n", 0, None),
        ("maps_to: [A]\nrelation: supports\n", 0, None),
        ("maps_to: [{control: A, coverage: partial}]\nrelation: equal\n", 0, None),
    ],
)
def test_a_mapping_counts_where_its_relation_says_that_all_of_it_is_asked_for(
    mapping: str, criticals: int, expected: str | None
) -> None:
    mapped = f"external: SLSA-BUILD-L2\nnarrative: n\n{mapping}"
    control = "id: A\nquery: [{kind: sbom, where: criticals==0}]\n"
    catalog = load_catalog({"a.yaml": control, "frameworks/f.yaml": FRAMEWORK, "mappings/m.yaml": mapped})
    assert build_level(catalog, assess(catalog, [row("sbom", {"criticals": criticals})], ONE), 1) == expected
