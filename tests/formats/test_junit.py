from datetime import UTC, datetime

import pytest

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.formats import junit as reading
from evidence_api.formats.junit import read_junit
from tests.support.documents import junit

CASE = '<testcase classname="a.B" name="one"/>'
BILLION_LAUGHS = (
    '<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<testsuite name="&b;"><testcase name="x"/></testsuite>'
)


def test_cases_are_sorted_and_counted_once() -> None:
    report = read_junit(junit())
    assert (report.passed, report.failed, report.errors, report.skipped) == (1, 2, 1, 1)
    assert report.suites == ["unit"]
    assert report.cases == {("unit", "a.B"), ("unit", "a.C")}
    assert report.time == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert report.duration == 0.5


def test_a_case_that_failed_and_broke_is_one_failed_case() -> None:
    report = read_junit(
        junit("<testcase><failure/><error/><skipped/></testcase>", attributes='failures="1" errors="1"')
    )
    assert (report.failed, report.errors, report.skipped) == (1, 1, 0)


@pytest.mark.parametrize(
    ("case", "sorted_as"),
    [
        ('<testcase status="notrun"/>', (0, 0, 1)),
        ('<testcase result="suppressed"/>', (0, 0, 1)),
        ('<testcase status="Failed"/>', (0, 1, 0)),
        ('<testcase status="run" result="completed"/>', (1, 0, 0)),
        ("<testcase><flakyFailure/></testcase>", (1, 0, 0)),
        ("<testcase><failure/><rerunFailure/></testcase>", (0, 1, 0)),
        ("<testcase><system-out><![CDATA[<failure/>]]></system-out></testcase>", (1, 0, 0)),
    ],
)
def test_other_ways_to_say_it(case: str, sorted_as: tuple[int, int, int]) -> None:
    report = read_junit(junit(case))
    assert (report.passed, report.failed, report.skipped) == sorted_as


def test_suites_nest_and_may_be_the_root_or_in_a_namespace() -> None:
    inner = f'<testsuite name="inner" tests="1" failures="0">{CASE}</testsuite>'
    report = read_junit(f'<testsuite xmlns="urn:x" name="outer" tests="2">{CASE}{inner}</testsuite>'.encode())
    assert (report.suites, report.passed, report.unlisted) == (["outer", "inner"], 2, 0)
    assert report.cases == {("outer", "a.B"), ("inner", "a.B")}


def test_what_breaks_for_a_whole_suite_fails_it() -> None:
    report = read_junit(junit(f"<error>no database</error>{CASE}", attributes='tests="1" errors="1"'))
    assert (report.passed, report.failed, report.errors) == (1, 1, 1)


@pytest.mark.parametrize("attribute", ["failures", "errors"])
def test_a_suite_that_states_more_failures_than_it_shows_is_refused(attribute: str) -> None:
    with pytest.raises(Malformed, match="part of the report is missing") as caught:
        read_junit(junit(CASE, attributes=f'{attribute}="2"'))
    assert caught.value.fields == {"path": "testsuites/testsuite", "line": 2, "limit": 0, "value": 2}


def test_the_root_is_compared_too() -> None:
    with pytest.raises(Malformed, match="states 1 failures and shows 0"):
        read_junit(f'<testsuites failures="1"><testsuite>{CASE}</testsuite></testsuites>'.encode())


def test_tests_stated_and_not_shown_are_told() -> None:
    assert read_junit(junit(CASE, attributes='tests="7"')).unlisted == 6
    stated_twice = f'<testsuites tests="7"><testsuite tests="7">{CASE}</testsuite></testsuites>'
    assert read_junit(stated_twice.encode()).unlisted == 6
    fewer = f'<testsuites tests="0"><testsuite tests="1">{CASE}{CASE}</testsuite></testsuites>'
    assert read_junit(fewer.encode()).unlisted == 0


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ('<testsuites time="1,234.5"><testsuite time="9"/></testsuites>', 1234.5),
        ('<testsuites><testsuite time="1.5"/><testsuite time="2"/></testsuites>', 3.5),
        ('<testsuite><testcase time="1"/><testcase time="2E-1"/><testcase/></testsuite>', 1.2),
        ("<testsuite><testcase/></testsuite>", None),
    ],
)
def test_duration_is_the_widest_stated(body: str, seconds: float | None) -> None:
    assert read_junit(body.encode()).duration == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("stamp", "hour"),
    [("2026-01-31T12:00:00", 12), ("2026-01-31T12:00:00.123+02:00", 10), (" 2026-01-31T12:00:00Z ", 12)],
)
def test_a_time_without_a_zone_is_utc(stamp: str, hour: int) -> None:
    time = read_junit(f'<testsuite timestamp="{stamp}"/>'.encode()).time
    assert time is not None
    assert time.hour == hour


@pytest.mark.parametrize(
    "body",
    [
        "<report/>",
        '<testsuite tests="many"/>',
        '<testsuite tests="-1"/>',
        '<testsuite time="soon"/>',
        '<testsuite timestamp="yesterday"/>',
        "<testsuite><testcase></testsuite>",
        BILLION_LAUGHS,
        '<!DOCTYPE t SYSTEM "file:///etc/hostname"><testsuite/>',
        "",
    ],
)
def test_refusals_are_coded_and_say_where(body: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_junit(body.encode())
    assert caught.value.code == "malformed"
    assert "path" in caught.value.fields


def test_many_nested_suites_are_counted_in_one_pass() -> None:
    deep = "<testsuite>" * 200 + CASE * 5_000 + "</testsuite>" * 200
    assert read_junit(deep.encode()).passed == 5_000


def test_the_number_of_cases_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_CASES", 3)
    with pytest.raises(TooLarge) as caught:
        read_junit(junit())
    assert caught.value.fields == {"path": "/", "limit": 3, "value": 4}
