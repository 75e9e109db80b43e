"""What the server derived about an SBOM reaches the facts of each artifact."""

import pytest

from evidence_api.domain.attest import attested
from evidence_api.domain.evidence import Fact
from evidence_api.formats.advisory_index import AdvisoryIndex
from evidence_api.formats.drift_predicate import SBOM_DRIFT, drift_predicate
from evidence_api.formats.sbom_drift import derive_drift
from tests.support import statements
from tests.support.drifts import advisory, component, inventory
from tests.support.evidence import erased, evidence_of


def drift(*advisories: str) -> statements.Statement:
    index = AdvisoryIndex([advisory(f"GHSA-{name}", name) for name in advisories])
    found = derive_drift(None, inventory(component("lib")), advisories=index)
    return statements.statement(SBOM_DRIFT, statements.ARTIFACT, drift_predicate(found))


SBOM = evidence_of(statements.sbom(criticals=0), 1)
SILENT = evidence_of(statements.sbom(criticals=None), 1)
CALM, RISKY = evidence_of(drift("other"), 2), evidence_of(drift("lib"), 2)

CASES: tuple[tuple[tuple[object, ...], dict[str, Fact | None]], ...] = (
    ((SBOM,), {"sbom.criticals": 0, "sbom_drift.status": None, "sbom_drift.risky_added": None}),
    ((SILENT, CALM), {"sbom.criticals": 0, "sbom_drift.status": "no_baseline", "sbom_drift.risky_added": 0}),
    ((SBOM, RISKY), {"sbom.criticals": 1, "sbom_drift.status": "risky", "sbom_drift.risky_added": 1}),
    ((evidence_of(statements.sbom(criticals=3), 1), RISKY), {"sbom.criticals": 3}),
    ((SBOM, CALM, RISKY), {"sbom.criticals": 1, "sbom_drift.status": "risky", "sbom_drift.risky_added": 1}),
    ((RISKY,), {"sbom.criticals": None, "sbom.present": None, "sbom_drift.status": "risky"}),
    ((SBOM, evidence_of(drift("lib"), 2, verified=False)), {"sbom.criticals": 0, "sbom_drift.status": None}),
)


@pytest.mark.parametrize(("evidence", "expected"), CASES)
def test_the_facts_that_help_least_are_those_of_an_artifact(
    evidence: tuple[object, ...], expected: dict[str, Fact | None]
) -> None:
    facts = attested(statements.ARTIFACT, evidence).facts  # type: ignore[arg-type]
    assert {path: facts.get(path) for path in expected} == expected


def test_an_erased_drift_leaves_its_artifact_withheld() -> None:
    assert attested(statements.ARTIFACT, [SBOM, erased(RISKY)]).withheld
