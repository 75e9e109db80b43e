"""What the server derives is read back by the same strict readers as anything uploaded."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Fact
from evidence_api.domain.kinds import KINDS
from evidence_api.formats.advisory_index import AdvisoryIndex
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.dependency_debt import DEPENDENCY_DEBT, debt_predicate, derive_debt
from evidence_api.formats.drift_predicate import SBOM_DRIFT, drift_predicate
from evidence_api.formats.predicates import normalise
from evidence_api.formats.reproducible_build import (
    REPRODUCIBLE_BUILD,
    build_of,
    compare_builds,
    reproduction_predicate,
)
from evidence_api.formats.sbom_drift import derive_drift
from evidence_api.formats.statement import read_statement
from tests.support import statements
from tests.support.drifts import advisory, component, evidence_id, inventory, statement
from tests.support.facts import assert_facts_fit

INDEX = AdvisoryIndex([advisory("GHSA-1", aliases=("CVE-2025-1",)), advisory("GHSA-2", "b", severity="high")])
BEFORE = inventory(component("lib"), component("b", licence="MIT"), component("gone"), name="before")
AFTER = inventory(
    component("lib", "1.1.0"),
    component("b", licence="BSD-3-Clause"),
    stated=[],
    vex=[statement("GHSA-2", "not_affected", product="pkg:npm/b")],
)
DRIFT = derive_drift(BEFORE, AFTER, advisories=INDEX, advisories_digest=evidence_id("feed"), known=())
PREDICATE = drift_predicate(DRIFT, supersedes=evidence_id("older"))


def facts_of(predicate_type: str, predicate: Mapping[str, Any]) -> Mapping[str, Fact]:
    """Through JSON, as it is stored."""
    document = json.loads(json.dumps(statements.statement(predicate_type, statements.ARTIFACT, predicate)))
    read = normalise(read_statement(document), 1)
    assert_facts_fit(read.kind, read.facts)
    return read.facts


def test_a_drift_states_every_fact_of_its_kind() -> None:
    facts = facts_of(SBOM_DRIFT, PREDICATE)
    assert set(facts) == set(KINDS["sbom_drift"].facts)
    expected: dict[str, Fact] = {"status": "risky", "upgraded": 1, "removed": 1, "licence_changed": 1, "risky_added": 1}
    expected |= {"criticals": 1, "new_criticals": 1, "highs": 0, "suppressed": 1, "components": 2, "analysed": True}
    assert {path: facts[path] for path in expected} == expected
    assert (facts["baseline"], facts["advisories"]) == (evidence_id("before"), evidence_id("feed"))


def test_a_drift_without_baseline_or_analysis_leaves_unknown_what_it_does_not_know() -> None:
    first = facts_of(SBOM_DRIFT, drift_predicate(derive_drift(None, inventory(component("lib")))))
    assert first == {"status": "no_baseline", "analysed": False, "components": 1}
    risky = derive_drift(None, inventory(component("lib", licence="GPL-3.0-only")))
    assert facts_of(SBOM_DRIFT, drift_predicate(risky)) == {
        "status": "risky",
        "analysed": False,
        "components": 1,
        "risky_added": 1,
    }


WRONG: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("predicate.status", {"status": "fine"}),
    ("predicate.counts.upgraded", {"upgraded": []}),
    ("predicate.counts.risky", {"counts": PREDICATE["counts"] | {"risky": 0}}),
    ("predicate.counts.criticals", {"counts": PREDICATE["counts"] | {"criticals": 0}}),
    ("predicate.counts.new_criticals", {"counts": PREDICATE["counts"] | {"new_criticals": 5}}),
    ("predicate.counts.odd", {"counts": PREDICATE["counts"] | {"odd": 0}}),
    ("predicate.counts.added", {"counts": PREDICATE["counts"] | {"added": -1}}),
    ("predicate.more", {"more": 1}),
    ("predicate.supersedes", {"supersedes": "sha256:1"}),
    ("predicate.inputs.current.0", {"inputs": PREDICATE["inputs"] | {"current": ["x"]}}),
)


@pytest.mark.parametrize(("path", "altered"), WRONG, ids=lambda one: one if isinstance(one, str) else "")
def test_a_drift_that_contradicts_itself_is_refused_with_the_path(path: str, altered: Mapping[str, Any]) -> None:
    with pytest.raises(Malformed) as refusal:
        facts_of(SBOM_DRIFT, {**PREDICATE, **altered})
    assert refusal.value.fields["path"] == path


def test_a_debt_states_its_facts() -> None:
    released = {"pkg:npm/lib": {"1.1.0": date(2025, 1, 1), "2.0.0": date(2026, 1, 1)}}
    predicate = debt_predicate(derive_debt(AFTER, DRIFT, released))
    facts = facts_of(DEPENDENCY_DEBT, predicate)
    assert set(facts) == set(KINDS["dependency_debt"].facts)
    assert (facts["oldest_days"], facts["dated"], facts["vulnerable"], facts["top"]) == (
        365,
        1,
        1,
        ("pkg:npm/lib 1.1.0",),
    )
    with pytest.raises(Malformed) as refusal:
        facts_of(DEPENDENCY_DEBT, predicate | {"ranked": "yes"})
    assert refusal.value.fields["path"] == "predicate.ranked"


def test_a_comparison_of_builds_states_its_facts() -> None:
    documents = [statements.provenance(builder=f"https://example.org/{name}") for name in ("one", "other")]
    builds = [build_of(read_statement(one), evidence_id(str(place))) for place, one in enumerate(documents)]
    (found,) = compare_builds([one for one in builds if one is not None])
    facts = facts_of(REPRODUCIBLE_BUILD, reproduction_predicate(found))
    assert set(facts) == set(KINDS["reproducible_build"].facts)
    assert (facts["status"], facts["rebuilds"], facts["matching"], facts["mismatched"]) == ("reproduced", 1, 1, ())
    with pytest.raises(Malformed) as refusal:
        facts_of(REPRODUCIBLE_BUILD, reproduction_predicate(found) | {"builds": []})
    assert refusal.value.fields["path"] == "predicate.builds"


def test_names_of_others_are_shortened_in_facts_but_not_in_the_statement() -> None:
    odd = component("lib\x00" + "x" * 300)
    after = inventory(odd)
    index = AdvisoryIndex([advisory("GHSA-1", odd.name)])
    predicate = debt_predicate(derive_debt(after, derive_drift(None, after, advisories=index)))
    facts = facts_of(DEPENDENCY_DEBT, predicate)
    assert facts["top"] == ("pkg:npm/lib\N{REPLACEMENT CHARACTER}" + "x" * 188,)
    assert odd.name in predicate["components"][0]["package"]


def test_many_sboms_are_named_in_part() -> None:
    many = replace(BEFORE, sboms=tuple((evidence_id(str(place)), BEFORE.sboms[0][1]) for place in range(200)))
    baseline = facts_of(SBOM_DRIFT, drift_predicate(derive_drift(many, AFTER)))["baseline"]
    assert str(baseline).endswith(" and 192 more")
    assert len(PREDICATE["inputs"]["baseline"]) == 1


CATALOG = """
id: drift
title: No risky change
query:
  - {kind: sbom_drift, where: "risky_added == 0 && status != risky && new_criticals == 0 && analysed"}
  - {kind: attest, where: "sbom.criticals == 0 && sbom.highs == 0 && sbom_drift.risky_added == 0"}
  - {kind: dependency_debt, where: "highest < 2"}
  - {kind: reproducible_build, where: "status == reproduced && rebuilds >= 1"}
"""


def test_controls_may_ask_for_what_is_derived() -> None:
    (control,) = load_catalog({"drift.yaml": CATALOG}).controls
    assert [query.kind for query in control.queries] == [
        "sbom_drift",
        "attest",
        "dependency_debt",
        "reproducible_build",
    ]
