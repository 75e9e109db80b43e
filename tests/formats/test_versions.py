from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.formats.versions import compare_versions, rule_of, same_version

# Each line from old to new.
ORDERS = (
    ("npm", "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.2 1.10.0 2.0.0"),
    ("golang", "v0.0.0-20190101000000-abcdef012345 v0.0.0-20200101000000-000000000000 v0.1.0 1.22.0-0 v1.22.0"),
    ("cargo", "0.9.9 0.10.0 1.0.0-pre 1.0.0"),
    ("pypi", "1.0.dev1 1.0a1 1.0b2 1.0rc1 1.0 1.0+local 1.0.post1 1.1 1.10 1!0.1"),
    ("maven", "1-alpha 1-beta 1-milestone 1-rc 1-snapshot 1 1-sp 1-foo 1-1 1.1"),
    ("maven", "1.0.RC2 1.0-RC3 1.0.Final 1.0.1"),
    ("maven", "2.0-RC1 2.0 2.9.10 2.9.10.8 2.10.0 31.0-jre"),
    ("deb", "1.0~rc1-1 1.0-1~bpo12+1 1.0-1 1.0-1+deb12u1 1.0-2 1.1-1 1:0.5-1"),
    ("rpm", "1.0~rc1-1 1.0-1 1.0-1.el8 1.0-2.el8 1.0^git1-1 1.1-1 1:0.1-1"),
    ("apk", "1.2.3_alpha 1.2.3_rc1 1.2.3 1.2.3-r1 1.2.3_p1 1.2.3a 1.2.4 1.10"),
    ("gem", "1.0.0.pre1 1.0.0.rc1 1.0.0 1.0.0.1 1.0.10 2"),
    ("nuget", "1.0.0-alpha 1.0.0-beta 1.0.0 1.0.0.1 1.0.1 1.10.0"),
    ("composer", "1.0.0-dev 1.0.0-alpha2 1.0.0-alpha10 1.0.0-beta1 1.0.0-RC1 v1.0.0 1.0.0-p1 1.0.0.2 1.0.0.10"),
    ("hackage", "1 1.0.1 1.1-2 2.0 10.0"),
)
UNREADABLE = (
    ("npm", ("latest", "1.2.x", "^1.2.3", "1.2.3.4", "git+ssh://example.org/a.git", "1..2", "")),
    ("pypi", ("master", "1.2.x", ">=1.0", "1:1.2")),
    ("golang", ("master", "(devel)", "unknown")),
    ("maven", ("${project.version}", "RELEASE", "[1.0,2.0)")),
    ("deb", ("latest", "1.0 beta")),
    ("rpm", ("1:2:3", "1-2-3", "x:1")),
    ("apk", ("edge", "1.2.3_git20230101")),
    ("gem", ("HEAD", "1.2.3!")),
    ("nuget", ("*", "1.2.3.4.5", "1.x")),
    ("composer", ("dev-master", "1.x-dev", "^1.0")),
    ("unheard-of", ("1.0-beta", "2024a")),
)
SAME = (
    ("pypi", "1.0", "1.0.0"),
    ("maven", "1.0.0", "1"),
    ("maven", "1.0", "1.0-ga"),
    ("maven", "5.3.RELEASE", "5.3-RELEASE"),
    ("golang", "v1.2.3", "1.2.3"),
    ("nuget", "1.0.0.0", "1.0.0"),
    ("deb", "1.0-0", "1.0"),
    ("deb", "1.04", "1.4"),
    ("npm", "latest", "latest"),
)
OTHER = (
    ("pypi", "1.0", "1.0+cu118"),
    ("golang", "v2.0.0+incompatible", "v2.0.0"),
    ("npm", "1.0.0+build1", "1.0.0+build2"),
    ("npm", "latest", "next"),
)


@pytest.mark.parametrize(("ecosystem", "line"), ORDERS)
def test_versions_are_ordered_as_their_ecosystem_orders_them(ecosystem: str, line: str) -> None:
    rule = rule_of(ecosystem)
    for old, new in combinations(line.split(), 2):
        assert (compare_versions(rule, old, new), compare_versions(rule, new, old)) == (-1, 1), (old, new)
        assert compare_versions(rule, old, old) == 0


@pytest.mark.parametrize(("ecosystem", "versions"), UNREADABLE)
def test_what_is_not_written_as_a_version_has_no_order(ecosystem: str, versions: tuple[str, ...]) -> None:
    for version in (*versions, "1" * 200, "\u0661.\u0662"):
        assert compare_versions(rule_of(ecosystem), version, "1.0") is None, version
        assert compare_versions(rule_of(ecosystem), "1.0", version) is None, version


@pytest.mark.parametrize(("expected", "cases"), [(True, SAME), (False, OTHER)])
def test_two_spellings_name_one_version_where_the_ecosystem_says_so(
    expected: object, cases: tuple[tuple[str, str, str], ...]
) -> None:
    for ecosystem, one, other in cases:
        assert same_version(rule_of(ecosystem), one, other) is expected, (ecosystem, one, other)
        assert same_version(rule_of(ecosystem), other, one) is expected, (ecosystem, one, other)


def test_build_metadata_tells_builds_apart_but_has_no_place_in_the_order() -> None:
    assert compare_versions("semver", "1.0.0+1", "1.0.0+2") == 0


VERSIONS = st.text("0123456789.-_+~^:abrcv", min_size=1, max_size=10)
RULES = st.sampled_from(["npm", "pypi", "maven", "deb", "rpm", "apk", "gem", "nuget", "composer", "hackage"])


@settings(max_examples=300, deadline=None)
@given(RULES, VERSIONS, VERSIONS, VERSIONS)
def test_every_rule_is_an_order(ecosystem: str, one: str, two: str, three: str) -> None:
    rule = rule_of(ecosystem)
    there, back = compare_versions(rule, one, two), compare_versions(rule, two, one)
    assert (there is None) is (back is None)
    assert there is None or there == -(back or 0)
    if there == compare_versions(rule, two, three) == -1:
        assert compare_versions(rule, one, three) == -1
