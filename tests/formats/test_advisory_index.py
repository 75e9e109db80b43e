from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.advisory import Advisory, AffectedPackage, AffectedRange, EventType, RangeEvent, RangeType
from evidence_api.domain.sbom import SbomComponent
from evidence_api.formats.advisory_index import AdvisoryIndex, is_affected
from evidence_api.formats.packages import Package, package_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def affected(
    *events: tuple[EventType, str],
    ecosystem: str = "npm",
    kind: RangeType = "SEMVER",
    versions: tuple[str, ...] = (),
    release: str = "",
    name: str = "lib",
) -> AffectedPackage:
    ranges = (AffectedRange(kind, tuple(RangeEvent(*one) for one in events)),) if events else ()
    return AffectedPackage(ecosystem, name, release=release, versions=versions, ranges=ranges)


def component(purl: str) -> Package:
    return package_of(SbomComponent("", "x", purl=purl))


def found(purl: str, *packages: AffectedPackage, withdrawn: datetime | None = None) -> list[bool | None]:
    index = AdvisoryIndex([Advisory("GHSA-1", NOW, affected=packages, withdrawn=withdrawn)])
    return [match.affected for match in index.matches(component(purl))]


RANGES = (
    ((("introduced", "0"), ("fixed", "1.2.0")), {"0.1.0": True, "1.1.9": True, "1.2.0": False, "2.0.0": False}),
    ((("introduced", "0"), ("last_affected", "1.2.0")), {"1.2.0": True, "1.2.1": False}),
    ((("introduced", "1.0.0"), ("fixed", "1.5.0")), {"0.9.0": False, "1.0.0-rc.1": False, "1.0.0": True}),
    (
        (("fixed", "2.3.0"), ("introduced", "2.0.0"), ("introduced", "1.0.0"), ("fixed", "1.5.0")),  # in any order
        {"1.4.0": True, "1.5.0": False, "1.9.0": False, "2.0.0": True, "2.3.0": False},
    ),
    ((("introduced", "1.0.0"), ("last_affected", "1.0.0")), {"0.9.0": False, "1.0.0": True, "1.0.1": False}),
    ((("introduced", "1.0.0"),), {"0.9.0": False, "9.0.0": True}),
    ((("introduced", "0"), ("limit", "2.0.0")), {"1.0.0": True, "2.0.0": False}),
    ((("introduced", "0"), ("limit", "*")), {"1.0.0": True}),
    ((("introduced", "0"),), {"not a version": True, "": True}),
    ((("introduced", "0"), ("fixed", "1.0.0")), {"latest": None, "": None}),
    ((("introduced", "0"), ("fixed", "first good")), {"1.0.0": None}),
)


@pytest.mark.parametrize(("events", "expected"), RANGES)
def test_events_are_evaluated_as_osv_says(
    events: tuple[tuple[EventType, str], ...], expected: dict[str, bool | None]
) -> None:
    assert {version: is_affected(affected(*events), version) for version in expected} == expected


def test_versions_listed_one_by_one_need_no_order() -> None:
    one = affected(versions=("1.0-weird", "1.0"), ecosystem="PyPI")
    assert is_affected(one, "1.0-weird") is True
    assert is_affected(one, "1.0.0") is True  # the same version for Python
    assert is_affected(one, "1.1") is False


def test_the_order_is_that_of_the_ecosystem() -> None:
    deb = affected(("introduced", "0"), ("fixed", "1:2.0-1"), ecosystem="Debian", kind="ECOSYSTEM")
    assert is_affected(deb, "3.0-1") is True
    assert is_affected(deb, "1:2.0-1~bpo1") is True
    assert is_affected(deb, "1:2.0-1") is False


def test_commits_say_nothing_about_versions_and_withdrawn_records_nothing_at_all() -> None:
    git = affected(("introduced", "0"), ("fixed", "6ff404b0e12f5b4c8e2ce9e8e8e1d5f4a0b8b8e1"), kind="GIT")
    assert found("pkg:npm/lib@1.0.0", git) == []
    every = affected(("introduced", "0"))
    assert found("pkg:npm/lib@1.0.0", every) == [True]
    assert found("pkg:npm/lib@1.0.0", every, withdrawn=NOW) == []


RELEASES = (
    ("Debian", "12", "pkg:deb/debian/lib@1-1?distro=debian-12.5", True),
    ("Debian", "12", "pkg:deb/debian/lib@1-1?distro=bookworm", True),
    ("Debian", "12", "pkg:deb/debian/lib@1-1?distro=debian-11", False),
    ("Debian", "12", "pkg:deb/debian/lib@1-1", True),
    ("Debian", "", "pkg:deb/debian/lib@1-1?distro=debian-11", True),
    ("Ubuntu", "22.04:LTS", "pkg:deb/ubuntu/lib@1-1?distro=ubuntu-22.04", True),
    ("Ubuntu", "22.04:LTS", "pkg:deb/ubuntu/lib@1-1?distro=ubuntu-24.04", False),
    ("Ubuntu", "22.04:LTS", "pkg:deb/debian/lib@1-1", False),
    ("Alpine", "v3.18", "pkg:apk/alpine/lib@1-r1?distro=alpine-3.18.4", True),
    ("Alpine", "v3.18", "pkg:apk/alpine/lib@1-r1?distro=3.19.0", False),
    ("Red Hat", "enterprise_linux:8::baseos", "pkg:rpm/redhat/lib@1-1?distro=rhel-8.6", True),
    ("Red Hat", "enterprise_linux:8::baseos", "pkg:rpm/redhat/lib@1-1?distro=rhel-9.2", False),
    ("Rocky Linux", "9", "pkg:rpm/rocky/lib@1-1?distro=rocky-9.2", True),
)


def test_an_advisory_of_one_release_is_about_components_of_that_release() -> None:
    for ecosystem, release, purl, expected in RELEASES:
        every = affected(("introduced", "0"), ecosystem=ecosystem, release=release, kind="ECOSYSTEM")
        assert bool(found(purl, every)) is expected, (ecosystem, release, purl)


def test_names_are_compared_as_their_registry_compares_them() -> None:
    every: tuple[tuple[EventType, str], ...] = (("introduced", "0"),)
    assert found("pkg:pypi/foo-bar@1.0", affected(*every, ecosystem="PyPI", name="Foo_Bar")) == [True]
    assert found("pkg:golang/github.com/a/b@v1.0.0", affected(*every, ecosystem="Go", name="github.com/A/b")) == [True]
    assert found("pkg:maven/org.x/lib@1", affected(*every, ecosystem="Maven", name="org.x:lib")) == [True]
    assert found("pkg:npm/%40a/lib@1.0.0", affected(*every, name="@a/lib")) == [True]
    assert found("pkg:npm/lib@1.0.0", affected(*every, name="Lib")) == []
    assert found("pkg:pypi/lib@1.0.0", affected(*every)) == []


def test_one_entry_that_says_yes_is_enough_and_a_doubt_is_told() -> None:
    no = affected(("introduced", "5.0.0"))
    doubt = affected(("introduced", "0"), ("fixed", "odd"))
    yes = affected(versions=("1.0.0",))
    assert found("pkg:npm/lib@1.0.0", no, doubt) == [None]
    assert found("pkg:npm/lib@1.0.0", no, doubt, yes) == [True]
    assert found("pkg:npm/lib@1.0.0", yes, doubt) == [True]


def test_a_malicious_package_is_critical() -> None:
    index = AdvisoryIndex([Advisory("MAL-2024-1", NOW, affected=(affected(versions=("1.0.0",)),))])
    assert [one.severity for one in index.matches(component("pkg:npm/lib@1.0.0"))] == ["critical"]


NUMBERS = st.integers(0, 9)
EVENTS = st.lists(st.tuples(st.sampled_from(["introduced", "fixed", "last_affected"]), NUMBERS), min_size=1, max_size=6)


@settings(max_examples=200, deadline=None)
@given(EVENTS, NUMBERS)
def test_evaluation_agrees_with_a_walk_along_all_versions(events: list[tuple[EventType, int]], version: int) -> None:
    """The reference walks every version from 0 on and switches at each."""
    inside = False
    for step in range(version + 1):
        if ("last_affected", step - 1) in events or ("fixed", step) in events:
            inside = False
        if ("introduced", step) in events:
            inside = True
    one = affected(*((kind, f"{number}.0.0") for kind, number in events))
    assert is_affected(one, f"{version}.0.0") is inside


PURLS = {"npm": "pkg:npm/{}@{}", "PyPI": "pkg:pypi/{}@{}", "Debian": "pkg:deb/debian/{}@{}?distro=debian-12"}
PACKAGES = st.builds(
    lambda ecosystem, name, introduced, fixed, release: affected(
        ("introduced", introduced),
        ("fixed", fixed),
        ecosystem=ecosystem,
        name=name,
        kind="ECOSYSTEM",
        release=release if ecosystem == "Debian" else "",
    ),
    st.sampled_from(sorted(PURLS)),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["0", "1.0"]),
    st.sampled_from(["1.5", "2.0", "odd!"]),
    st.sampled_from(["", "11", "12"]),
)
RECORDS = st.lists(st.tuples(st.lists(PACKAGES, max_size=3), st.booleans()), max_size=6)


@settings(max_examples=100, deadline=None)
@given(
    RECORDS, st.sampled_from(sorted(PURLS)), st.sampled_from(["a", "b", "c"]), st.sampled_from(["0.9", "1.2", "3.0"])
)
def test_the_index_finds_what_asking_every_record_finds(
    records: list[tuple[list[AffectedPackage], bool]], ecosystem: str, name: str, version: str
) -> None:
    advisories = [
        Advisory(f"GHSA-{place}", NOW, affected=tuple(packages), withdrawn=NOW if withdrawn else None)
        for place, (packages, withdrawn) in enumerate(records)
    ]
    expected: dict[str, bool | None] = {}
    for one in advisories:
        answers = {
            is_affected(package, version)
            for package in one.affected
            if (package.ecosystem, package.name) == (ecosystem, name) and package.release in {"", "12"}
        }
        if one.withdrawn is None and (True in answers or None in answers):
            expected[one.id] = True if True in answers else None
    found = AdvisoryIndex(reversed(advisories)).matches(component(PURLS[ecosystem].format(name, version)))
    assert {match.advisory.id: match.affected for match in found} == expected
