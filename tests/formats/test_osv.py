from typing import Any

import pytest

from evidence_api.domain.advisory import RangeEvent
from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.formats import osv as reading
from evidence_api.formats.osv import read_advisory
from tests.support.documents import osv, osv_range

GIT = {"kind": "GIT", "repo": "https://example.org/widget"}
CRITICAL = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}
LOW = {"type": "CVSS_V3", "score": "CVSS:3.0/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"}
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"


def affected(**members: Any) -> list[dict[str, Any]]:  # noqa: ANN401  any JSON
    return [{"package": {"ecosystem": "PyPI", "name": "widget"}, **members}]


def test_a_record_is_read_whole() -> None:
    package = {"ecosystem": "Debian:12", "name": "widget", "purl": "pkg:deb/debian/widget"}
    advisory = read_advisory(
        osv(
            upstream=["CVE-2026-0001"],
            withdrawn="2026-02-01T00:00:00.5Z",
            affected=[{"package": package, "ranges": [osv_range()], "versions": ["1.0"]}],
        )
    )
    assert advisory.names == ("GHSA-aaaa-bbbb-cccc", "CVE-2026-0001")
    assert advisory.severity == "critical"
    assert advisory.withdrawn is not None
    (one,) = advisory.affected
    assert (one.ecosystem, one.release, one.name, one.purl) == ("Debian", "12", "widget", "pkg:deb/debian/widget")
    assert one.versions == ("1.0",)
    assert one.ranges[0].events == (RangeEvent("introduced", "0"), RangeEvent("fixed", "1.2.3"))


def test_null_stands_for_nothing_where_the_schema_lets_it() -> None:
    advisory = read_advisory(osv(aliases=None, severity=None, affected=None, references=None))
    assert (advisory.aliases, advisory.severity, advisory.affected) == ((), None, ())


def test_a_record_may_name_a_repository_instead_of_a_package() -> None:
    events = ({"introduced": "0"}, {"fixed": "a" * 40}, {"limit": "b" * 64})
    (one,) = read_advisory(osv(affected=[{"ranges": [osv_range(*events, **GIT)]}])).affected
    assert (one.ecosystem, one.name, one.ranges[0].repo) == ("", "", "https://example.org/widget")


@pytest.mark.parametrize(
    ("members", "severity"),
    [
        ({"severity": [LOW, CRITICAL]}, "critical"),
        ({"severity": [LOW]}, "low"),
        ({"severity": [{"type": "Ubuntu", "score": "medium"}]}, "medium"),
        ({"severity": [{"type": "Ubuntu", "score": "negligible"}]}, "info"),
        ({"severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:C/I:C/A:C"}]}, "high"),
        ({"severity": [{"type": "CVSS_V4", "score": V4}], "database_specific": {"severity": "MODERATE"}}, "medium"),
        ({"severity": [LOW, {"type": "CVSS_V4", "score": V4}], "database_specific": {"severity": "HIGH"}}, "high"),
        ({"severity": [LOW], "database_specific": {"severity": "CRITICAL"}}, "low"),
        ({"severity": [], "database_specific": {"severity": 9}}, None),
    ],
)
def test_severity_is_the_highest_score_else_the_databases_word(members: dict[str, Any], severity: str | None) -> None:
    assert read_advisory(osv(**members)).severity == severity


def test_a_package_may_have_a_severity_of_its_own_instead() -> None:
    document = osv(affected=affected(severity=[CRITICAL]))
    del document["severity"]
    advisory = read_advisory(document)
    assert (advisory.severity, advisory.affected[0].severity) == (None, "critical")
    with pytest.raises(Malformed, match="severity is stated for the record and"):
        read_advisory(osv(affected=affected(severity=[CRITICAL])))


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"id": "NOBODY-1"}, "id"),
        ({"id": "CVE-"}, "id"),
        ({"id": "CVE-2026-0001 "}, "id"),
        ({"modified": "2026-01-31T12:00:00+00:00"}, "modified"),
        ({"modified": "2026-02-31T12:00:00Z"}, "modified"),
        ({"published": None}, "$"),
        ({"extra": 1}, "extra"),
        ({"aliases": [1]}, "aliases.0"),
        ({"severity": [{"type": "CVSS_V3", "score": "9.8"}]}, "severity.0"),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:X"}]}, "severity.0"),
        ({"severity": [{"type": "CVSS_V4", "score": V4.replace("AV:N/AC:L", "AC:L/AV:N")}]}, "severity.0"),
        ({"severity": [{"type": "CVSS_V5", "score": ""}]}, "severity.0.type"),
        ({"severity": [{"type": "Ubuntu", "score": "severe"}]}, "severity.0"),
        ({"affected": [{"package": {"ecosystem": "pypi", "name": "a"}}]}, "affected.0.package.ecosystem"),
        ({"affected": [{"package": {"ecosystem": "Debian:", "name": "a"}}]}, "affected.0.package.ecosystem"),
        ({"affected": [{"package": {"ecosystem": "PyPI"}}]}, "affected.0.package.name"),
        ({"affected": affected(ranges=[{"type": "SEMVER", "events": []}])}, "affected.0.ranges.0.events"),
        ({"affected": affected(ranges=[osv_range({"fixed": "1"})])}, "affected.0.ranges.0"),
        (
            {"affected": affected(ranges=[osv_range({"introduced": "0", "fixed": "1"})])},
            "affected.0.ranges.0.events.0",
        ),
        ({"affected": affected(ranges=[osv_range({"introduced": 0})])}, "affected.0.ranges.0.events.0.introduced"),
        (
            {"affected": affected(ranges=[osv_range({"introduced": "0"}, {"fixed": "2"}, {"last_affected": "1"})])},
            "affected.0.ranges.0",
        ),
        ({"affected": affected(ranges=[osv_range({"introduced": "0"}, kind="GIT")])}, "affected.0.ranges.0"),
        ({"affected": affected(ranges=[osv_range({"introduced": "abc"}, **GIT)])}, "affected.0.ranges.0"),
        ({"affected": affected(versions=None)}, "affected.0"),
        ({"references": [{"type": "BLOG", "url": "https://example.org"}]}, "references.0.type"),
        ({"credits": [{"name": "a", "type": "HERO"}]}, "credits.0.type"),
    ],
)
def test_what_the_schema_does_not_allow_is_refused_with_its_path(members: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_advisory(osv(**members))
    assert caught.value.fields["path"] == path


@pytest.mark.parametrize("member", ["id", "modified"])
def test_id_and_time_are_required(member: str) -> None:
    document = osv()
    del document[member]
    with pytest.raises(Malformed) as caught:
        read_advisory(document)
    assert caught.value.fields["path"] == member


def test_anybody_may_write_records_with_ids_of_their_own() -> None:
    assert read_advisory(osv(id="x_example-1")).id == "x_example-1"


def test_the_number_of_packages_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_AFFECTED", 1)
    with pytest.raises(TooLarge) as caught:
        read_advisory(osv(affected=affected() * 2))
    assert caught.value.fields == {"path": "affected", "limit": 1, "value": 2}
