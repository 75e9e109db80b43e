from dataclasses import replace
from datetime import date

import pytest

from evidence_api.domain.digest import canonical
from evidence_api.domain.drift import Inventory
from evidence_api.formats.advisory_index import AdvisoryIndex
from evidence_api.formats.dependency_debt import Released, debt_predicate, derive_debt
from evidence_api.formats.sbom_drift import derive_drift
from tests.support.drifts import advisory, component, evidence_id, sbom

COMPONENTS = (component("app"), component("lib"), component("base"))
EDGES = (
    ("app@1.0.0", "base@1.0.0"),
    ("app@1.0.0", "lib@1.0.0"),
    ("lib@1.0.0", "base@1.0.0"),
    ("product", "app@1.0.0"),
)
RELEASED: Released = {
    "pkg:npm/lib": {"1.0.0": date(2025, 1, 1), "2.0.0": date(2026, 1, 1)},
    "pkg:npm/app": {"1.0.0": date(2026, 1, 1)},
}


def release(edges: tuple[tuple[str, str], ...] | None = EDGES) -> Inventory:
    return Inventory(((evidence_id("sbom"), sbom(*COMPONENTS, edges=edges)),))


def debts(
    inventory: Inventory, *packages: str, released: Released | None = None, severity: str | None = "critical"
) -> dict[str, tuple[float, int | None, float]]:
    index = AdvisoryIndex([advisory(f"GHSA-{name}", name, severity=severity) for name in packages])
    found = derive_debt(inventory, derive_drift(None, inventory, advisories=index), released)
    return {one.package.removeprefix("pkg:npm/"): (one.rank, one.days_behind, one.score) for one in found.components}


def test_what_more_depends_on_owes_more_for_the_same_vulnerability() -> None:
    found = debts(release(), "app", "lib", "base")
    assert found["base"][2] > found["lib"][2] > found["app"][2] > 0
    assert sum(rank for rank, _, _ in found.values()) == pytest.approx(3, abs=1e-5)


def test_the_score_is_rank_times_what_severity_and_age_leave() -> None:
    found = debts(release(None), "lib", released=RELEASED, severity="high")
    assert found["lib"] == (1.0, 365, 1 - (1 - 0.7) * (1 - 0.5))
    assert found["app"] == (1.0, 0, 0.0)
    assert found["base"] == (1.0, None, 0.0)
    assert debts(release(None), "lib", severity=None)["lib"][2] == 0.4
    assert debts(release(None), "lib", severity="none")["lib"][2] == 0.0


def test_unknown_stays_unknown() -> None:
    inventory = release(None)
    predicate = debt_predicate(derive_debt(inventory, derive_drift(None, inventory)))
    assert predicate["totals"] == {"components": 3, "dated": 0, "outdated": 0}
    assert (predicate["ranked"], predicate["analysed"], predicate["components"]) == (False, False, [])


def test_the_same_inputs_in_any_order_give_the_same_bytes() -> None:
    def derived(inventory: Inventory) -> bytes:
        index = AdvisoryIndex([advisory("GHSA-1"), advisory("GHSA-2", "base", severity="low")])
        return canonical(
            debt_predicate(derive_debt(inventory, derive_drift(None, inventory, advisories=index), RELEASED))
        )

    ((source, one),) = release().sboms
    turned = replace(one, components=tuple(reversed(one.components)), edges=tuple(reversed(EDGES)))
    assert derived(release()) == derived(Inventory(((source, turned),)))


def test_a_release_without_components_owes_nothing() -> None:
    empty = Inventory(((evidence_id("sbom"), sbom()),))
    assert derive_debt(empty, derive_drift(None, empty)).components == ()
