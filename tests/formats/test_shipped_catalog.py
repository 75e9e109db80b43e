"""What we ship in controls/ is what its README says: whole, worded, mapped with reasons, and nothing twice."""

import re
from collections import Counter
from datetime import date

import pytest

from evidence_api.domain.control import Control, Query
from evidence_api.domain.kinds import KINDS
from evidence_api.domain.where import write
from evidence_api.engines.files import read_texts
from evidence_api.formats.catalog_lint import lint
from tests.support.catalogs import CONTROLS, shipped_catalog

ACTIVE = tuple(control for control in shipped_catalog().controls if control.state == "active")
README = (CONTROLS / "README.md").read_text()
FRAMEWORKS = {
    "aicpa-tsc",
    "iso-27001",
    "nist-800-53",
    "fedramp-moderate",
    "nist-ssdf",
    "osps-baseline",
    "slsa-build",
}
_FAMILY = re.compile(r"^\| `(IG-[A-Z]+)` \| `internal/([a-z-]+)\.yaml` \| .+ \| (\d+) \|$", re.MULTILINE)


def family(control: Control) -> str:
    return control.id.rpartition("-")[0]


def asked(query: Query) -> tuple[str, ...]:
    """A query without its name and its white space."""
    about = write(query.population) if query.population else ""
    return (query.kind, write(query.where), about, str(query.per), str(query.at_least), str(query.fresh))


def test_there_are_enough_and_the_table_of_families_counts_them() -> None:
    assert len(ACTIVE) >= 60
    counted = Counter(family(control) for control in ACTIVE)
    shown = {prefix: int(number) for prefix, _, number in _FAMILY.findall(README)}
    assert shown == counted
    files = {prefix: name for prefix, name, _ in _FAMILY.findall(README)}
    places = shipped_catalog().places
    assert {control.id: places[control.id].file for control in ACTIVE} == {
        control.id: f"internal/{files[family(control)]}.yaml" for control in ACTIVE
    }


@pytest.mark.parametrize("control", ACTIVE, ids=lambda control: str(control.id))
def test_a_control_is_fully_worded(control: Control) -> None:
    worded = (control.title, control.statement, control.fix, control.owner, control.frequency, control.severity)
    assert all(worded)
    assert control.tier
    assert control.method
    assert control.method != ("inquiry",)
    assert control.queries or control.policy
    assert len(control.statement) >= 40
    assert len(control.fix) >= 40
    assert all(query.on_empty_reason or query.on_empty == "missing" for query in control.queries)


def test_no_two_controls_ask_the_same() -> None:
    whole = Counter(tuple(sorted(asked(query) for query in control.queries)) for control in ACTIVE)
    assert [queries for queries, count in whole.items() if count > 1] == []
    assert [title for title, count in Counter(control.title for control in ACTIVE).items() if count > 1] == []


def test_all_that_the_server_derives_and_what_people_record_is_asked_for() -> None:
    asked_for = {query.kind for control in ACTIVE for query in control.queries}
    # an advisory is about packages, a bare signature and an unread statement say nothing that could be asked for; who
    # read what, and what was asked for (a pack, say), is no property of a release
    assert asked_for == set(KINDS) - {"access_audit", "action_request", "advisory", "signature", "statement"}


def test_every_control_is_mapped_and_every_mapping_gives_its_reason() -> None:
    catalog = shipped_catalog()
    mapped = {name for mapping in catalog.mappings for name in mapping.maps_to}
    assert {control.id for control in ACTIVE if control.tier in {1, 2}} - mapped == set()
    assert {mapping.framework for mapping in catalog.mappings} == FRAMEWORKS
    short = [mapping.external for mapping in catalog.mappings if not 70 <= len(mapping.narrative) <= 600]
    assert short == []
    assert len({mapping.external for mapping in catalog.mappings}) == len(catalog.mappings)
    for name in FRAMEWORKS:
        reasons = Counter(mapping.narrative for mapping in catalog.mappings if mapping.framework == name)
        assert [reason for reason, count in reasons.items() if count > 1] == []
    assert all(f"`mappings/{name}.yaml`" in README for name in FRAMEWORKS)
    assert all("opinion" in text for name, text in read_texts(CONTROLS / "mappings", (".yaml",)).items())


def test_only_criteria_that_our_controls_do_not_bear_on_are_warned_about() -> None:
    warned = {(fault.code, fault.file.split("/")[0]) for fault in lint(shipped_catalog(), date(2026, 9, 1))}
    assert warned <= {("unmapped_criteria", "frameworks")}
