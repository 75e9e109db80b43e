"""A JUnit XML report, wrapped or raw -> kind `test_result`.

A report in which nothing was executed has no result: nothing was shown. Which tests a report is about is told by
the suites and classes it names, not by what the file is called: running the same tests again supersedes, running others
(or a part of them) stands beside it. That matters because most runners name every report alike.
"""

import hashlib

from evidence_api.domain.digest import canonical
from evidence_api.domain.evidence import Normalised
from evidence_api.formats.junit import TestReport, read_junit
from evidence_api.formats.predicates.shape import known_facts


def read_junit_report(body: bytes) -> Normalised:
    """Read a report. Raises Malformed with the path inside the report, TooLarge."""
    report = read_junit(body)
    facts = known_facts(
        {
            "result": _result(report),
            "configuration": tuple(sorted({name for name in report.suites if name})),
            "passed": report.passed,
            "failed": report.failed,
            "skipped": report.skipped,
            "errors": report.errors,
            "unlisted": report.unlisted,
            "suites": len(report.suites),
            "duration": report.duration,
        }
    )
    return Normalised("test_result", facts, report.time, series=_series(report))


def _result(report: TestReport) -> str | None:
    if report.failed:
        return "failed"
    return "passed" if report.passed else None


def _series(report: TestReport) -> str:
    return "junit " + hashlib.sha256(canonical([list(one) for one in sorted(report.cases)])).hexdigest()
