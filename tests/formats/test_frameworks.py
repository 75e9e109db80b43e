"""The frameworks shipped: every criterion is there once, under its licence, and old names still find it."""

from pathlib import Path

import pytest

from evidence_api.domain.control import Framework
from evidence_api.domain.errors import InvalidSource
from evidence_api.formats.framework_names import WELL_KNOWN
from evidence_api.formats.framework_yaml import framework_yaml, parse_framework
from tests.support.catalogs import CONTROLS, catalog_of, shipped_catalog

# Id, criteria, licence, and a name that mappings use.
FRAMEWORKS = (
    ("aicpa-tsc", 33 + 3 + 2, "own", "SOC2"),
    ("iso-27001", 93, "own", "ISO27001"),
    ("nist-800-53", 287 + 1, "public_domain", "NIST-800-53"),  # the moderate baseline, and AU-10
    ("fedramp-moderate", 323, "cc0", "FEDRAMP-MOD"),
    ("nist-ssdf", 19 + 42, "public_domain", "SSDF"),
    ("osps-baseline", 64, "apache-2.0", "OSPS"),
    ("slsa-build", 3 + 8, "own", "SLSA"),
)
FILES = sorted((CONTROLS / "frameworks").glob("*.yaml"))


def shipped(name: str) -> Framework:
    return parse_framework((CONTROLS / "frameworks" / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml")


def refs(name: str) -> list[str]:
    return [criterion.ref for criterion in shipped(name).criteria]


def test_these_and_no_others_are_shipped() -> None:
    assert {path.stem for path in FILES} == {name for name, *_ in FRAMEWORKS} == set(WELL_KNOWN)
    assert {one.id for one in shipped_catalog().frameworks} == set(WELL_KNOWN)


@pytest.mark.parametrize(("name", "count", "licence", "alias"), FRAMEWORKS)
def test_each_is_complete_and_licensed(name: str, count: int, licence: str, alias: str) -> None:
    framework = shipped(name)
    assert (framework.id, len(framework.criteria), framework.licence) == (name, count, licence)
    assert len({criterion.ref for criterion in framework.criteria}) == count
    assert alias in framework.aliases
    assert framework.credit or licence == "own"
    assert licence != "own" or not any(criterion.text for criterion in framework.criteria)
    assert parse_framework(framework_yaml(framework, {})) == framework


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_says_where_it_is_from(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "\nlicence: " in text


@pytest.mark.parametrize("framework", WELL_KNOWN.values(), ids=lambda framework: framework.id)
def test_what_is_known_without_a_file_agrees_with_the_file(framework: Framework) -> None:
    with_file = shipped(framework.id)
    known = (framework.title, framework.edition, framework.licence, framework.aliases)
    assert known == (with_file.title, with_file.edition, with_file.licence, with_file.aliases)
    assert framework.credit in {"", with_file.credit}


def test_trust_services_criteria() -> None:
    found = refs("aicpa-tsc")
    series = {
        "CC1": 5,
        "CC2": 3,
        "CC3": 4,
        "CC4": 2,
        "CC5": 3,
        "CC6": 8,
        "CC7": 5,
        "CC8": 1,
        "CC9": 2,
        "A1": 3,
        "C1": 2,
    }
    assert found == [f"{name}.{number}" for name, count in series.items() for number in range(1, count + 1)]


def test_annex_a() -> None:
    themes = {5: 37, 6: 8, 7: 14, 8: 34}
    assert refs("iso-27001") == [f"A.{theme}.{n}" for theme, count in themes.items() for n in range(1, count + 1)]


def test_fedramp_holds_all_of_nist_moderate_under_the_same_titles() -> None:
    fedramp = {criterion.ref: criterion.title for criterion in shipped("fedramp-moderate").criteria}
    nist = {criterion.ref: criterion.title for criterion in shipped("nist-800-53").criteria}
    assert nist.keys() - fedramp.keys() == {"AU-10"}
    assert all(fedramp[ref] == title for ref, title in nist.items() if ref in fedramp)
    assert len(fedramp.keys() - nist.keys()) == 36


def test_practices_of_ssdf_stand_before_their_tasks() -> None:
    found = refs("nist-ssdf")
    tasks = [ref for ref in found if ref.count(".") == 2]
    assert (len(found) - len(tasks), len(tasks)) == (19, 42)
    assert all(found.index(task.rpartition(".")[0]) < found.index(task) for task in tasks)
    assert all(criterion.text for criterion in shipped("nist-ssdf").criteria if criterion.ref in tasks)


def test_every_requirement_of_osps_is_quoted_with_its_level() -> None:
    criteria = shipped("osps-baseline").criteria
    levels = [criterion.title[-2] for criterion in criteria]
    assert {level: levels.count(level) for level in "123"} == {"1": 24, "2": 19, "3": 21}
    assert all("MUST" in criterion.text for criterion in criteria)


@pytest.mark.parametrize(
    ("external", "shown"),
    [
        ("SOC2-A1.2", "AICPA TSC A1.2"),
        ("ISO27001-A.7.4", "ISO/IEC 27001 A.7.4"),
        ("NIST-800-53-AC-2(1)", "NIST SP 800-53 AC-2(1)"),
        ("NIST-800-53-AU-10", "NIST SP 800-53 AU-10"),
        ("FEDRAMP-MOD-AC-2(1)", "FedRAMP Moderate AC-2(1)"),
        ("SSDF-PO.1.1", "NIST SSDF PO.1.1"),
        ("OSPS-AC-01.01", "OSPS Baseline AC-01.01"),
        ("SLSA-BUILD-L3", "SLSA BUILD-L3"),
    ],
)
def test_criteria_are_found_by_the_names_people_use(external: str, shown: str) -> None:
    control = "id: A\nquery: [{kind: opa, where: denies==0}]\n"
    files = {path.stem: path.read_text(encoding="utf-8") for path in FILES}
    loaded = catalog_of(f"{control}---\nexternal: {external}\nmaps_to: [A]\nnarrative: n\n", **files)
    (mapping,) = loaded.mappings
    framework = next(one for one in loaded.frameworks if one.id == mapping.framework)
    assert framework.shown(mapping.ref) == shown


@pytest.mark.parametrize("ref", ["AC-2()", "AC-2(1", "(1)", "AC 2", "A" * 62 + "(1)"])
def test_refs_that_are_none(ref: str) -> None:
    from_text = f"framework: f\ntitle: F\nedition: '1'\ncriteria: [{{ref: '{ref}', title: t}}]\n"
    with pytest.raises(InvalidSource) as caught:
        parse_framework(from_text)
    assert [fault.code for fault in caught.value.faults] == ["bad_id"]


@pytest.mark.parametrize(("word", "now"), [("ids-only", "own"), ("public-domain", "public_domain"), ("cc0-1.0", "cc0")])
def test_licences_as_they_were_spelt_still_load(word: str, now: str) -> None:
    text = f"framework: f\ntitle: F\nedition: '1'\nlicence: {word}\ncriteria: [{{ref: a, title: t, text: said}}]\n"
    framework = parse_framework(text)
    assert framework.licence == now
    assert framework.quoted(framework.criteria[0]) == ("" if now == "own" else "said")
