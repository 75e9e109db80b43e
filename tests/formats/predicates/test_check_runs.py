from typing import Any

import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import read_statement
from tests.support.documents import COMMIT_SUBJECT, check_run, check_runs
from tests.support.statements import ARTIFACT, statement

TYPE = "urn:evidence-api:check-runs:v1"


def read(answer: dict[str, Any], subject: str = COMMIT_SUBJECT) -> Normalised:
    return normalise(read_statement(statement(TYPE, subject, answer)), 1)


def test_runs_are_counted_and_what_is_required_stays_unknown() -> None:
    runs = [
        check_run(number, conclusion, conclusion)
        for number, conclusion in enumerate(["success", "neutral", "skipped", "failure", "timed_out", "stale"])
    ]
    facts = read(check_runs(*runs, check_run(9, "running", None))).facts
    assert (facts["checks"], facts["passed"], facts["failed"]) == (7, 3, 3)
    assert "required" not in facts


def test_a_run_that_was_repeated_counts_once_and_another_suite_by_itself() -> None:
    again = [check_run(5, "test"), check_run(3, "test", "failure")]
    facts = read(check_runs(*again, check_run(4, "test", "failure", check_suite={"id": 2}))).facts
    assert (facts["checks"], facts["passed"], facts["failed"]) == (2, 1, 1)


def test_a_page_of_several_is_refused() -> None:
    with pytest.raises(Malformed, match="2 of 31 runs") as caught:
        read(check_runs(total_count=31))
    assert caught.value.fields == {"path": "predicate.check_runs", "limit": 31, "value": 2}


def test_runs_are_about_one_commit_the_one_attested() -> None:
    with pytest.raises(Malformed, match="several commits"):
        read(check_runs(check_run(1), check_run(2, head_sha="d" * 40)))
    with pytest.raises(Malformed, match="not the commit the statement is about"):
        read(check_runs(), "sha1:" + "e" * 40)
    assert read(check_runs(), ARTIFACT).facts["checks"] == 2


def test_a_commit_without_checks() -> None:
    normalised = read({"total_count": 0, "check_runs": []})
    assert normalised.facts == {"checks": 0, "passed": 0, "failed": 0, "names": ()}
    assert normalised.effective is None


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"head_sha": "main"}, "head_sha"),
        ({"status": "done"}, "status"),
        ({"conclusion": "fine"}, "conclusion"),
        ({"completed_at": "now"}, "completed_at"),
        ({"id": "1"}, "id"),
    ],
)
def test_refusals_say_where(members: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(check_runs(check_run(1) | members))
    assert caught.value.fields["path"] == f"predicate.check_runs.0.{path}"
