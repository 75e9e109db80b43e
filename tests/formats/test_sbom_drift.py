from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.advisory import Advisory
from evidence_api.domain.digest import canonical
from evidence_api.domain.drift import Drift, Inventory, KnownVulnerability, RiskPolicy, StatedVulnerability
from evidence_api.domain.sbom import SbomComponent, SbomVulnerability
from evidence_api.domain.vex import VexStatement
from evidence_api.formats.advisory_index import AdvisoryIndex
from evidence_api.formats.drift_predicate import drift_predicate, explain, known_vulnerabilities
from evidence_api.formats.sbom_drift import derive_drift
from tests.support.drifts import NOW, SUBJECT, advisory, component, evidence_id, inventory, statement

FEED = evidence_id("advisories")


def drift(
    before: Inventory | None,
    after: Inventory,
    *advisories: Advisory,
    known: Sequence[KnownVulnerability] | None = None,
    policy: RiskPolicy | None = None,
) -> Drift:
    index = AdvisoryIndex(advisories) if advisories else None
    digest = FEED if advisories else None
    return derive_drift(before, after, advisories=index, advisories_digest=digest, known=known, policy=policy)


def ids(found: Sequence[object]) -> list[object]:
    return [(one.package.removeprefix("pkg:npm/"), one.id) for one in found]  # type: ignore[attr-defined]


LIB = component("lib")


def test_nothing_changed_is_none_and_anything_else_is_drift() -> None:
    assert drift(inventory(LIB), inventory(LIB, name="next")).status == "none"
    assert drift(inventory(LIB), inventory(LIB, component("more"))).status == "drift"
    assert (
        drift(
            inventory(component("lib", hashes=("sha256:aa",))), inventory(component("lib", hashes=("sha256:bb",)))
        ).status
        == "drift"
    )


def test_without_a_baseline_there_are_no_changes_but_risks() -> None:
    calm = drift(None, inventory(LIB), advisory("GHSA-1", severity="high"))
    assert (calm.status, calm.added, ids(calm.new)) == ("no_baseline", (), [("lib", "GHSA-1")])
    risky = drift(None, inventory(LIB), advisory("GHSA-1"))
    assert (risky.status, [one.after for one in risky.risky]) == ("risky", ["1.0.0"])


def test_a_vulnerability_published_since_is_new_on_a_component_nobody_touched() -> None:
    found = drift(inventory(LIB), inventory(LIB), advisory("GHSA-1", severity="high"), known=())
    assert [(one.id, one.change) for one in found.new] == [("GHSA-1", "unchanged")]
    assert (found.status, found.added, found.risky) == ("drift", (), ())
    assert drift(inventory(LIB), inventory(LIB), advisory("GHSA-1"), known=()).status == "risky"


def test_what_the_baselines_own_drift_recorded_is_not_new() -> None:
    records = [advisory("GHSA-1", aliases=("CVE-2025-1",))]
    first = drift(None, inventory(LIB), *records)
    known = known_vulnerabilities(drift_predicate(first))
    again = drift(inventory(LIB), inventory(LIB), *records, advisory("GHSA-2"), known=known)
    assert ids(again.vulnerabilities) == [("lib", "CVE-2025-1"), ("lib", "GHSA-2")]
    assert ids(again.new) == [("lib", "GHSA-2")]


def test_an_upgrade_past_the_fix_fixes_and_one_before_it_is_risky() -> None:
    record = advisory("GHSA-1", aliases=("CVE-2025-1",))
    fixed = drift(inventory(LIB), inventory(component("lib", "2.0.0")), record, known=())
    assert ([one.names for one in fixed.fixed], fixed.status) == ([("CVE-2025-1", "GHSA-1")], "drift")
    still = drift(inventory(LIB), inventory(component("lib", "1.5.0")), record, known=())
    assert [(one.before, one.after, one.vulnerabilities, one.unaffected) for one in still.risky] == [
        ("1.0.0", "1.5.0", ("CVE-2025-1",), "2.0.0")
    ]


def test_the_nearest_unaffected_version_avoids_every_severe_advisory() -> None:
    records = [
        advisory("GHSA-1", fixed="1.2.0"),
        advisory("GHSA-2", fixed="1.4.0"),
        advisory("GHSA-3", fixed="", severity="low"),
    ]
    (risky,) = drift(None, inventory(LIB), *records).risky
    assert risky.unaffected == "1.4.0"
    (hopeless,) = drift(None, inventory(LIB), advisory("GHSA-4", fixed=""), *records).risky
    assert hopeless.unaffected is None
    back = replace(
        advisory("GHSA-5", fixed=""),
        affected=tuple(replace(one, versions=("2.0.0",), ranges=()) for one in records[0].affected),
    )
    (downwards,) = drift(inventory(LIB), inventory(component("lib", "2.0.0")), back).risky
    assert downwards.unaffected == "1.0.0"  # the baseline's


def test_cve_and_ghsa_of_one_thing_count_once_with_every_source_named() -> None:
    stated = SbomVulnerability("CVE-2025-1", "high", affects=("lib@1.0.0",))
    scanned = StatedVulnerability(("GHSA-1",), "medium", evidence_id("scan"), "pkg:npm/lib@1.0.0")
    nowhere = StatedVulnerability(("CVE-2025-1",), None, evidence_id("scan"))
    found = drift(
        None,
        inventory(LIB, vulnerabilities=(stated,), stated=[scanned, nowhere]),
        advisory("GHSA-1", aliases=("CVE-2025-1",), severity="low"),
    )
    (one,) = found.vulnerabilities
    assert (one.id, one.names, one.severity, one.package) == (
        "CVE-2025-1",
        ("CVE-2025-1", "GHSA-1"),
        "high",
        "pkg:npm/lib",
    )
    assert one.sources == ("osv:GHSA-1", f"sbom:{evidence_id('sbom')}", f"scan:{evidence_id('scan')}")


def test_a_notice_of_several_counts_as_those_and_of_one_as_its_other_name() -> None:
    several = advisory("DSA-1", upstream=("CVE-2025-1", "CVE-2025-2"))
    single = advisory("DEBIAN-CVE-2025-1", upstream=("CVE-2025-1",))
    assert ids(drift(None, inventory(LIB), several, single).vulnerabilities) == [
        ("lib", "CVE-2025-1"),
        ("lib", "CVE-2025-2"),
    ]


def test_a_scan_that_names_no_component_counts_for_the_release() -> None:
    found = drift(
        inventory(LIB), inventory(LIB, stated=[StatedVulnerability(("CVE-2025-9",), "critical", evidence_id("scan"))])
    )
    assert (ids(found.new), found.analysed, found.status) == ([("", "CVE-2025-9")], True, "risky")


def test_where_nothing_speaks_of_vulnerabilities_none_are_counted() -> None:
    found = drift(inventory(LIB), inventory(LIB, component("b")))
    assert not found.analysed
    assert {"risky", "criticals", "new_criticals"}.isdisjoint(drift_predicate(found)["counts"])
    assert drift(None, inventory(LIB, vulnerabilities=())).analysed
    assert drift(None, inventory(LIB, stated=[])).analysed


def test_an_advisory_that_cannot_be_decided_is_told_and_leaves_the_risk_unknown() -> None:
    odd, known = component("lib", "main"), SbomVulnerability("GHSA-1", "low", affects=("lib@main",))
    found = drift(None, inventory(odd), advisory("GHSA-1"))
    assert (found.vulnerabilities, [(one.advisory, one.change) for one in found.undecided]) == (
        (),
        [("GHSA-1", "added")],
    )
    assert "risky" not in drift_predicate(found)["counts"]
    assert drift_predicate(drift(None, inventory(odd), advisory("GHSA-1", severity="low")))["counts"]["risky"] == 0
    untouched = drift(inventory(odd), inventory(odd), advisory("GHSA-1"))
    assert (len(untouched.undecided), drift_predicate(untouched)["counts"]["risky"]) == (1, 0)
    assert not drift(None, inventory(odd, vulnerabilities=(known,)), advisory("GHSA-1")).undecided
    ruled_out = statement("GHSA-1", "not_affected", product="pkg:npm/lib@main")
    assert not drift(None, inventory(odd, vex=[ruled_out]), advisory("GHSA-1")).undecided


VEX = (
    (statement("CVE-2025-1", "not_affected", product="pkg:npm/lib@1.0.0"), True),
    (statement("CVE-2025-1", "fixed", product="pkg:npm/lib"), True),
    (statement("GHSA-1", "not_affected", product="pkg:npm/lib"), True),
    (statement("CVE-2025-1", "not_affected"), True),
    (statement("CVE-2025-1", "not_affected", product=SUBJECT), True),
    (statement("CVE-2025-1", "not_affected", product=SUBJECT, part="pkg:npm/lib"), True),
    (
        statement(
            "CVE-2025-1", "not_affected", product="pkg:oci/app@" + SUBJECT.replace(":", "%3A"), part="pkg:npm/lib"
        ),
        True,
    ),
    (statement("CVE-2025-1", "not_affected", product=SUBJECT, part="pkg:npm/other"), False),
    (statement("CVE-2025-1", "not_affected", product="sha256:" + "6" * 64), False),
    (statement("CVE-2025-1", "not_affected", product="pkg:npm/product", part="pkg:npm/lib"), False),
    (statement("CVE-2025-1", "not_affected", product="pkg:npm/lib@1.0.1"), False),
    (statement("CVE-2025-1", "not_affected", product="pkg:npm/lib?arch=arm64"), False),
    (statement("CVE-2025-2", "not_affected", product="pkg:npm/lib"), False),
    (statement("CVE-2025-1", "under_investigation", product="pkg:npm/lib"), False),
    (statement("CVE-2025-1", "affected", product="pkg:npm/lib"), False),
)


@pytest.mark.parametrize(("said", "expected"), VEX, ids=lambda one: getattr(one, "status", one))
def test_vex_rules_out_what_it_is_about(said: VexStatement, expected: object) -> None:
    found = drift(None, inventory(LIB, vex=[said]), advisory("GHSA-1", aliases=("CVE-2025-1",)))
    assert (not found.vulnerabilities) is expected
    assert [one.statement for one in found.suppressed] == (
        [f"{evidence_id('vex')}#statements/000000"] if expected else []
    )
    assert found.vex == (evidence_id("vex"),)


def test_the_latest_statement_decides() -> None:
    early = statement("CVE-2025-1", "not_affected", product="pkg:npm/lib")
    late = statement("CVE-2025-1", "affected", product="pkg:npm/lib", time=NOW + timedelta(days=1))
    for said in ([early, late], [late, early]):
        assert not drift(None, inventory(LIB, vex=said), advisory("CVE-2025-1")).suppressed


def test_an_sboms_own_analysis_rules_out_what_others_say_of_the_same_component() -> None:
    analysed = SbomVulnerability("CVE-2025-1", "critical", state="not_affected", affects=("lib@1.0.0",))
    found = drift(
        None,
        inventory(LIB, component("b"), vulnerabilities=(analysed,)),
        advisory("CVE-2025-1"),
        advisory("GHSA-2", "b", aliases=("CVE-2025-1",)),
    )
    assert [(one.package, one.status, one.statement) for one in found.suppressed] == [
        ("pkg:npm/lib", "not_affected", f"{evidence_id('sbom')}#vulnerabilities/000000")
    ]
    assert ids(found.vulnerabilities) == [("b", "CVE-2025-1")]


def test_a_licence_is_risky_where_it_is_new_and_of_a_class_the_policy_names() -> None:
    def risky(
        before: str, after: str, version: str = "1.0.0", policy: RiskPolicy | None = None
    ) -> list[tuple[str, ...]]:
        found = drift(
            inventory(component("lib", licence=before)),
            inventory(component("lib", version, licence=after)),
            policy=policy,
        )
        return [one.licences for one in found.risky]

    assert risky("MIT", "GPL-3.0-only") == risky("MIT", "GPL-3.0-only", "1.1.0") == [("copyleft",)]
    assert risky("MIT", "AGPL-3.0-only") == [("network-copyleft",)]
    assert risky("MIT", "LGPL-3.0-only") == risky("GPL-2.0-only", "GPL-3.0-only", "1.1.0") == []
    assert risky("MIT", "LGPL-3.0-only", policy=RiskPolicy(licences=("weak-copyleft",))) == [("weak-copyleft",)]


def test_the_sentence_names_what_changed_what_is_wrong_and_what_to_take() -> None:
    record = advisory("GHSA-1", aliases=("CVE-2025-1",))
    found = drift(inventory(LIB), inventory(component("lib", "1.5.0"), component("b")), record, known=())
    assert explain(found) == (
        "Since the baseline: 1 added, 1 upgraded; 2 components; known vulnerabilities: 1 critical (1 new, 0 of them in"
        " components that did not change); risky: pkg:npm/lib 1.5.0 (nearest unaffected 2.0.0)."
    )
    assert explain(drift(None, inventory(LIB))) == (
        "No earlier release to compare with; 1 components; nothing says which vulnerabilities they have."
    )


NAMES = st.sampled_from(["a", "b", "lib"])
COMPONENTS = st.lists(
    st.builds(
        component,
        NAMES,
        st.sampled_from(["1.0.0", "1.1.0", "2.0.0", "v1.0.0", "1.0.0+x", "odd"]),
        licence=st.sampled_from(["", "MIT", "GPL-2.0-only", "MIT OR GPL-2.0-only"]),
        supplier=st.sampled_from(["", "Mine"]),
        hashes=st.sampled_from([(), ("sha256:aa",), ("sha256:bb",)]),
    ),
    max_size=8,
)
RECORDS = [
    advisory("GHSA-1", "a", fixed="1.1.0", aliases=("CVE-1",)),
    advisory("GHSA-2", "a", severity=None),
    advisory("GHSA-3", "lib", fixed="", severity="low", upstream=("CVE-1", "CVE-3")),
]


@settings(max_examples=60, deadline=None)
@given(COMPONENTS)
def test_a_release_has_no_drift_from_itself(components: list[SbomComponent]) -> None:
    known = known_vulnerabilities(drift_predicate(drift(None, inventory(*components), *RECORDS)))
    found = drift(inventory(*components), inventory(*components), *RECORDS, known=known)
    assert (found.status, found.new, found.fixed) == ("none", (), ())


@settings(max_examples=60, deadline=None)
@given(COMPONENTS, COMPONENTS)
def test_swapping_the_sides_swaps_the_result(before: list[SbomComponent], after: list[SbomComponent]) -> None:
    there, back = drift(inventory(*before), inventory(*after)), drift(inventory(*after), inventory(*before))

    def swapped(changes: Sequence[object]) -> set[object]:
        return {replace(one, before=one.after, after=one.before) for one in changes}  # type: ignore[type-var,attr-defined]

    assert set(there.added) == swapped(back.removed)
    assert set(there.upgraded) == swapped(back.downgraded)
    assert set(there.changed) == swapped(back.changed)
    parts = {(one.name, one.version) for one in after}
    standing = len(parts) - len(there.added) - len(there.upgraded) - len(there.downgraded) - len(there.changed)
    assert 0 <= standing <= len({(one.name, one.version) for one in before})


@settings(max_examples=60, deadline=None)
@given(COMPONENTS, COMPONENTS, st.randoms(use_true_random=False))
def test_the_same_inputs_in_any_order_give_the_same_bytes(
    before: list[SbomComponent], after: list[SbomComponent], random: object
) -> None:
    def derived(*, shuffled: bool) -> bytes:
        sides, records = [list(before), list(after)], list(RECORDS)
        if shuffled:
            for listed in (*sides, records):
                random.shuffle(listed)  # type: ignore[attr-defined]
        return canonical(drift_predicate(drift(inventory(*sides[0]), inventory(*sides[1]), *records)))

    assert derived(shuffled=False) == derived(shuffled=True)


def test_nothing_is_named_unaffected_of_a_vulnerability_that_no_advisory_bounds() -> None:
    stated = SbomVulnerability("CVE-2025-7", "critical", affects=("lib@1.0.0",))
    (unbounded,) = drift(None, inventory(LIB, vulnerabilities=(stated,)), advisory("GHSA-1", fixed="1.2.0")).risky
    assert (unbounded.vulnerabilities, unbounded.unaffected) == (("CVE-2025-7", "GHSA-1"), None)
    rated_lower = advisory("GHSA-2", fixed="1.4.0", aliases=("CVE-2025-7",), severity="low")
    records = (advisory("GHSA-1", fixed="1.2.0"), rated_lower)
    (bounded,) = drift(None, inventory(LIB, vulnerabilities=(stated,)), *records).risky
    assert bounded.unaffected == "1.4.0"


TEXT = st.text(max_size=12)
PURLS = st.builds(
    "pkg:{}/{}@{}?{}".format,
    st.sampled_from(["npm", "pypi", "maven", "deb/debian", "rpm/redhat", "apk/alpine", "odd"]),
    st.sampled_from(["a", "lib", "%40s/a", "%ff"]),
    TEXT,
    st.sampled_from(["", "epoch=1", "upstream=a.src.rpm", "distro=x", "distro"]),
)
ANYTHING = st.lists(
    st.builds(SbomComponent, ref=TEXT, name=TEXT, version=TEXT, purl=PURLS | TEXT, supplier=TEXT, licence=TEXT),
    max_size=5,
)


@settings(max_examples=80, deadline=None)
@given(ANYTHING, ANYTHING, st.lists(st.builds(SbomVulnerability, id=TEXT, state=TEXT), max_size=2))
def test_whatever_documents_say_a_drift_is_derived_and_told(
    before: list[SbomComponent], after: list[SbomComponent], vulnerabilities: list[SbomVulnerability]
) -> None:
    found = drift(inventory(*before), inventory(*after, vulnerabilities=tuple(vulnerabilities)), *RECORDS)
    assert canonical(drift_predicate(found))
    assert explain(found).endswith(".")
