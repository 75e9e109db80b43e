import pytest

from evidence_api.domain.sbom import SbomComponent
from evidence_api.formats.packages import advisory_name, advisory_names, package_of, parse_purl

KEYS = (
    ("pkg:pypi/Foo_Bar.baz@1.0", "pkg:pypi/foo-bar-baz"),
    ("pkg:npm/%40scope/name@1.0.0", "pkg:npm/@scope/name"),
    ("pkg:npm/@scope/name@1.0.0", "pkg:npm/@scope/name"),
    ("pkg:npm/JSONStream@1.3.5", "pkg:npm/JSONStream"),
    ("pkg:golang/github.com/Masterminds/goutils@v1.1.0", "pkg:golang/github.com/masterminds/goutils"),
    (
        "pkg:maven/org.example/lib@1.0?type=jar&classifier=sources",
        "pkg:maven/org.example/lib?classifier=sources&type=jar",
    ),
    ("pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12", "pkg:deb/debian/curl?arch=amd64"),
    ("pkg:nuget/Newtonsoft.Json@13.0.1", "pkg:nuget/newtonsoft.json"),
)
NAMES: tuple[tuple[str, set[tuple[str, str, str]]], ...] = (
    ("pkg:maven/org.example/lib@1.0", {("Maven", "org.example:lib", "1.0")}),
    ("pkg:npm/%40scope/name@1.0.0", {("npm", "@scope/name", "1.0.0")}),
    ("pkg:composer/Vendor/Name@1.0", {("Packagist", "vendor/name", "1.0")}),
    ("pkg:golang/stdlib@1.21.0", {("Go", "stdlib", "1.21.0")}),
    (
        "pkg:deb/debian/libcurl4@7.88.1-10?upstream=curl&distro=debian-12",
        {("Debian", "curl", "7.88.1-10"), ("Debian", "libcurl4", "7.88.1-10")},
    ),
    (
        "pkg:deb/debian/cpp@4:12.2.0-3?upstream=gcc-defaults%401.203",
        {("Debian", "cpp", "4:12.2.0-3"), ("Debian", "gcc-defaults", "1.203")},
    ),
    (
        "pkg:rpm/redhat/openssl-libs@3.0.7-24.el9?epoch=1&upstream=openssl-3.0.7-24.el9.src.rpm",
        {("Red Hat", "openssl", "1:3.0.7-24.el9"), ("Red Hat", "openssl-libs", "1:3.0.7-24.el9")},
    ),
    ("pkg:apk/alpine/busybox@1.36.1-r2", {("Alpine", "busybox", "1.36.1-r2")}),
    ("pkg:apk/somebody/busybox@1.36.1-r2", set()),
    ("pkg:generic/thing@1", set()),
)


@pytest.mark.parametrize(("purl", "key"), KEYS)
def test_a_package_is_the_same_for_all_its_versions(purl: str, key: str) -> None:
    assert package_of(SbomComponent("", "x", purl=purl)).key == key


@pytest.mark.parametrize(("purl", "names"), NAMES)
def test_advisories_are_looked_up_by_the_names_of_their_ecosystem(purl: str, names: set[tuple[str, str, str]]) -> None:
    url = parse_purl(purl)
    assert url is not None
    assert set(advisory_names(url)) == names


@pytest.mark.parametrize("text", ["", "pkg:", "pkg:npm", "pkg:npm/", "npm/x@1", "pkg:maven/@1.3.4", "pkg:1x/y", "x"])
def test_what_is_no_purl_is_none(text: str) -> None:
    assert parse_purl(text) is None


def test_without_a_readable_purl_name_and_supplier_tell_packages_apart() -> None:
    mine = package_of(SbomComponent("", "lib", "1.0", "no purl", "Mine"))
    yours = package_of(SbomComponent("", "lib", "1.0", "", "Yours"))
    assert (mine.key, mine.version, mine.url) == ("lib (Mine)", "1.0", None)
    assert mine.key != yours.key


def test_the_version_of_the_component_stands_in_for_one_the_purl_leaves_out() -> None:
    assert package_of(SbomComponent("", "x", "2.0", "pkg:npm/x")).version == "2.0"
    assert package_of(SbomComponent("", "x", "2.0", "pkg:npm/x@1.0")).version == "1.0"


def test_spellings_advisories_may_use_are_one_name() -> None:
    assert advisory_name("PyPI", "Foo.Bar") == "foo-bar"
    assert advisory_name("NuGet", "Newtonsoft.Json") == "newtonsoft.json"
    assert advisory_name("npm", "JSONStream") == "JSONStream"
