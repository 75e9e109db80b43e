"""Reading test reports: JUnit XML, as test runners of all languages write it, counted case by case.

There is no standard; sources are the schemas of the Ant task, Maven Surefire and the Jenkins xUnit plug-in, and what
Catch2 and GoogleTest write. The cases are what counts, not the totals a suite states about itself:

- a suite that states more failures or errors than it shows is refused: part of the report is missing;
- tests that are stated and not shown are told as `unlisted` (some runners count assertions there).
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from lxml import etree

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.rfc3339 import parse_rfc3339
from evidence_api.formats.xml_source import parse_xml

MAX_CASES = 500_000
ROOTS = ("testsuites", "testsuite")
_COUNT = re.compile(r"[0-9]{1,12}\Z")
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{0,30})?(?:[eE][+-]?[0-9]{1,2})?\Z")
_ZONED = re.compile(r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})\Z")
_SHOWN = 80
_STATED = {"failures": "failure", "errors": "error"}  # attribute of a suite -> element of a case

# Words of the attributes `status` and `result` with which some runners say it instead of with an element.
_NOT_RUN = frozenset({"notrun", "disabled", "skipped", "ignored", "suppressed", "pending"})
_NOT_PASSED = frozenset({"fail", "failed", "failure", "error", "timeout"})


@dataclass(slots=True)
class _Tally:
    """What is inside one suite: its name, the cases shown, those it and its parts state, and failure elements."""

    name: str
    cases: int = 0
    stated: int = 0
    found: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class TestReport:
    """What a report says. A case is in exactly one of passed, failed, skipped; `errors` are those of the failed that
    broke instead of being found wrong. `suites` are the names of all suites in order, `cases` (suite, class) of all
    cases; `time` is the latest time stated, `duration` seconds."""

    __test__ = False  # not a test of ours, whatever its name

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    unlisted: int = 0
    suites: list[str] = field(default_factory=list)
    cases: set[tuple[str, str]] = field(default_factory=set)
    time: datetime | None = None
    duration: float | None = None


def read_junit(body: bytes) -> TestReport:
    """Read a report. Raises Malformed with path (`testsuites/testsuite[2]`) and line, TooLarge."""
    cases = body.count(b"<testcase")
    if cases > MAX_CASES:
        raise TooLarge("report: too many test cases", path="/", limit=MAX_CASES, value=cases)
    root = parse_xml(body, what="report")
    if _name(root) not in ROOTS:
        raise _refused(root, f"the root is {_name(root)[:_SHOWN]!r}, not testsuites or testsuite")
    report = TestReport()
    open_suites: list[_Tally] = []
    for event, element in etree.iterwalk(root, events=("start", "end")):
        name = _name(element)
        if name in ROOTS and event == "start":
            _open_suite(report, element, open_suites)
        elif name in ROOTS:
            _close_suite(report, element, open_suites)
        elif name == "testcase" and event == "start":
            _count_case(report, element, open_suites[-1])
    report.duration = _duration(root)
    return report


def _open_suite(report: TestReport, element: etree._Element, open_suites: list[_Tally]) -> None:
    tally = _Tally(element.get("name") or "")
    open_suites.append(tally)
    if _name(element) == "testsuite":
        report.suites.append(tally.name)
    stamp = element.get("timestamp")
    if stamp:
        time = _moment(element, stamp.strip())
        report.time = max(report.time or time, time)


def _close_suite(report: TestReport, element: etree._Element, open_suites: list[_Tally]) -> None:
    """Compare what the suite states with what it shows, and hand that on to the suite around it.

    A failure or error that stands in the suite itself (what is set up for all its cases broke) fails the suite.
    """
    tally = open_suites.pop()
    own = Counter(name for child in element if (name := _name(child)) in {"failure", "error"})
    report.failed += own.total()
    report.errors += own["error"]
    tally.found += own
    for attribute, name in _STATED.items():
        stated, shown = _count(element, attribute) or 0, tally.found[name]
        if stated > shown:
            message = f"states {stated} {attribute} and shows {shown}: part of the report is missing"
            raise _refused(element, message, limit=shown, value=stated)
    tally.stated = max(tally.stated, _count(element, "tests") or 0)
    if open_suites:
        around = open_suites[-1]
        around.cases += tally.cases
        around.stated += tally.stated
        around.found += tally.found
    else:
        report.unlisted = tally.stated - tally.cases


def _count_case(report: TestReport, element: etree._Element, suite: _Tally) -> None:
    """Sort one case: broken or found wrong, else not run, else passed."""
    found = [_name(child) for child in element]
    words = {element.get("status", "").lower(), element.get("result", "").lower()}
    if "failure" in found or "error" in found or words & _NOT_PASSED:
        report.failed += 1
        report.errors += "error" in found
        suite.found["failure"] += found.count("failure")
        suite.found["error"] += found.count("error")
    elif "skipped" in found or words & _NOT_RUN:
        report.skipped += 1
    else:
        report.passed += 1
    report.cases.add((suite.name, element.get("classname", "")))
    suite.cases += 1
    suite.stated += 1


def _duration(root: etree._Element) -> float | None:
    """Seconds: what the root states, else its suites together, else all cases together."""
    suites = [root] if root.get("time") else [one for one in root if _name(one) == "testsuite"]
    for elements in (suites, [one for one in root.iter() if _name(one) == "testcase"]):
        stated = [seconds for one in elements if (seconds := _seconds(one)) is not None]
        if stated:
            return sum(stated)
    return None


def _seconds(element: etree._Element) -> float | None:
    text = (element.get("time") or "").strip().replace(",", "")  # Surefire once wrote 1,234.5
    if not text:
        return None
    if not _SECONDS.match(text):
        raise _refused(element, f"time is not a number of seconds: {text[:_SHOWN]!r}", value=text[:_SHOWN])
    return float(text)


def _count(element: etree._Element, attribute: str) -> int | None:
    text = (element.get(attribute) or "").strip()
    if not text:
        return None
    if not _COUNT.match(text):
        raise _refused(element, f"{attribute} is not a count: {text[:_SHOWN]!r}", value=text[:_SHOWN])
    return int(text)


def _moment(element: etree._Element, text: str) -> datetime:
    """A time without a zone, as the Ant schema asks for, is taken as UTC."""
    try:
        return parse_rfc3339(text if _ZONED.search(text) else text + "Z")
    except Malformed as fault:
        raise _refused(element, f"timestamp is not a time: {text[:_SHOWN]!r}", value=text[:_SHOWN]) from fault


def _name(element: etree._Element) -> str:
    """The name without its namespace; some runners put one on."""
    return str(element.tag).rpartition("}")[2]


def _refused(element: etree._Element, message: str, *, value: str | int = "", limit: int | None = None) -> Malformed:
    path = element.getroottree().getelementpath(element)
    shown = _name(element) if path == "." else f"{_name(element.getroottree().getroot())}/{path}"[:_SHOWN]
    return Malformed(f"{shown}: {message}", path=shown, line=element.sourceline, limit=limit, value=value)
