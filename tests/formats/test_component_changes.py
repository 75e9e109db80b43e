from evidence_api.domain.drift import Inventory, VersionChange
from evidence_api.domain.sbom import SbomComponent, SbomVulnerability
from evidence_api.formats.component_changes import EVERYWHERE, NOWHERE, bill_of, compare_bills
from tests.support.drifts import component, evidence_id, inventory, sbom


def changes(
    before: list[SbomComponent], after: list[SbomComponent]
) -> dict[str, set[tuple[str, str | None, str | None]]]:
    found = compare_bills(bill_of(inventory(*before)), bill_of(inventory(*after)))
    return {
        kind: {(one.package.removeprefix("pkg:npm/"), one.before, one.after) for one in listed}
        for kind, listed in found.versions.items()
    }


def versions(*listed: str) -> list[SbomComponent]:
    return [component("lib", version) for version in listed]


def test_each_change_is_told_by_its_name() -> None:
    before = [
        component("gone"),
        component("up"),
        component("down", "2.0.0"),
        component("odd", "main"),
        component("same"),
    ]
    after = [component("new"), component("up", "1.0.1"), component("down"), component("odd", "dev"), component("same")]
    assert changes(before, after) == {
        "removed": {("gone", "1.0.0", None)},
        "added": {("new", None, "1.0.0")},
        "upgraded": {("up", "1.0.0", "1.0.1")},
        "downgraded": {("down", "2.0.0", "1.0.0")},
        "changed": {("odd", "main", "dev")},
    }


def test_several_versions_are_paired_with_their_nearest() -> None:
    assert changes(versions("1.0.0", "2.0.0"), versions("2.1.0")) == {
        "upgraded": {("lib", "2.0.0", "2.1.0")},
        "removed": {("lib", "1.0.0", None)},
    }
    assert changes(versions("1.0.0"), versions("1.1.0", "2.0.0")) == {
        "upgraded": {("lib", "1.0.0", "1.1.0")},
        "added": {("lib", None, "2.0.0")},
    }
    assert changes(versions("1.0.0", "1.1.0"), versions("2.0.0", "2.1.0")) == {
        "upgraded": {("lib", "1.0.0", "2.0.0"), ("lib", "1.1.0", "2.1.0")}
    }
    assert changes(versions("1.0.0", "3.0.0"), versions("1.0.0", "2.0.0")) == {
        "downgraded": {("lib", "3.0.0", "2.0.0")}
    }


def test_the_same_component_listed_twice_is_one_and_another_spelling_is_the_same_version() -> None:
    assert changes(versions("1.0.0", "1.0.0"), versions("1.0.0")) == {}
    assert changes([component("a", "1.0", kind="pypi")], [component("A", "1.0.0", kind="pypi")]) == {}


def test_without_purl_name_and_supplier_say_which_component_it_is() -> None:
    before = component("lib", "1.0", kind="", supplier="Mine")
    assert changes([before], [component("lib", "1.1", kind="", supplier="Mine")]) == {
        "upgraded": {("lib (Mine)", "1.0", "1.1")}
    }
    assert set(changes([before], [component("lib", "1.0", kind="", supplier="Yours")])) == {"added", "removed"}


def test_hashes_suppliers_and_licences_are_compared_where_both_sides_state_them() -> None:
    before = component("a", hashes=("sha256:aa",), supplier="Mine", licence="MIT OR Apache-2.0")
    same = component("a", hashes=("sha256:aa", "sha512:bb"), supplier="Mine", licence="Apache-2.0 OR MIT")
    other = component("a", hashes=("sha256:ab",), supplier="Yours", licence="GPL-3.0-only")
    silent = component("a")

    def attributes(after: SbomComponent) -> list[list[tuple[tuple[str, ...], tuple[str, ...]]]]:
        found = compare_bills(bill_of(inventory(before)), bill_of(inventory(after)))
        return [
            [(one.before, one.after) for one in listed] for listed in (found.rehashed, found.suppliers, found.licences)
        ]

    assert attributes(same) == attributes(silent) == [[], [], []]
    assert attributes(other) == [
        [(("sha256:aa",), ("sha256:ab",))],
        [(("Mine",), ("Yours",))],
        [(("Apache-2.0 OR MIT",), ("GPL-3.0-only",))],
    ]


def test_a_new_version_has_other_hashes_but_may_have_another_licence() -> None:
    before, after = (
        component("a", licence="MIT", hashes=("sha256:aa",)),
        component("a", "2.0.0", licence="BUSL-1.1", hashes=("sha256:bb",)),
    )
    found = compare_bills(bill_of(inventory(before)), bill_of(inventory(after)))
    assert found.versions == {"upgraded": [VersionChange("pkg:npm/a", "1.0.0", "2.0.0")]}
    assert (found.rehashed, [one.version for one in found.licences]) == ([], ["2.0.0"])


def test_references_lead_to_components_across_documents() -> None:
    serial = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
    link = f"urn:cdx:{serial.removeprefix('urn:uuid:')}/1#a@1.0.0"
    product = component("product")
    vex = sbom(vulnerabilities=(SbomVulnerability("CVE-1", affects=(link, "a@1.0.0", "product@1.0.0")),))
    bill = bill_of(
        Inventory(
            (
                (evidence_id("sbom"), sbom(component("a"), serial=serial.upper(), subject=product)),
                (evidence_id("vex"), vex),
            )
        )
    )
    assert bill.places(evidence_id("vex"), (link,)) == {("pkg:npm/a", "1.0.0")}
    assert bill.places(evidence_id("sbom"), ("a@1.0.0", "product@1.0.0")) == {("pkg:npm/a", "1.0.0"), EVERYWHERE}
    assert bill.places(evidence_id("vex"), ("a@1.0.0",)) == bill.places(evidence_id("vex"), ()) == {NOWHERE}
    assert bill.size == 1
