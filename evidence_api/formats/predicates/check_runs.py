"""GitHub's answer to `GET /repos/…/commits/{ref}/check-runs` as predicate -> kind `github_checks`.

Source: GitHub REST API, check runs. The answer does not say which checks are required, so those facts stay unknown.
It comes in pages: an answer that is not all of them is refused, because a missing page could hold the failure.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement, Subject
from evidence_api.formats.predicates.github_checks import PASSING, Conclusion
from evidence_api.formats.predicates.shape import Moment, Several, ThirdParty, Word, known_facts, read_model

_PAGES = "ask for per_page=100 and put all pages into one list"


class Suite(ThirdParty):
    """The suite a run belongs to: one app, started once for the commit."""

    id: int


class App(ThirdParty):
    """The app that made the run."""

    id: int


class CheckRun(ThirdParty):
    """One run; `conclusion` is null until it is completed."""

    id: int
    name: Word
    head_sha: Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]
    status: Literal["queued", "in_progress", "completed", "waiting", "requested", "pending"]
    conclusion: Conclusion | None = None
    started_at: Moment | None = None
    completed_at: Moment | None = None
    check_suite: Suite | None = None
    app: App | None = None

    @property
    def passed(self) -> bool:
        """Finished, and with a conclusion that lets a merge through."""
        return self.status == "completed" and self.conclusion in PASSING

    @property
    def failed(self) -> bool:
        """Finished otherwise."""
        return self.status == "completed" and not self.passed


class CheckRuns(ThirdParty):
    """The answer."""

    total_count: Annotated[int, Field(ge=0)]
    check_runs: Several[CheckRun]


def read_check_runs(statement: Statement) -> Normalised:
    """Read the check runs of a commit. Raises Malformed: incomplete, of several commits, or of another commit than the
    statement's subject."""
    answer = _read(statement.predicate)
    _check_commit(statement, answer)
    runs = _latest(answer.check_runs)
    facts = known_facts(
        {
            "checks": len(runs),
            "passed": sum(run.passed for run in runs),
            "failed": sum(run.failed for run in runs),
            "names": tuple(sorted({run.name for run in runs})),
        }
    )
    times = [time for run in runs if (time := run.completed_at or run.started_at) is not None]
    return Normalised("github_checks", facts, max(times, default=None), series="github check-runs")


def check_runs_subjects(document: Mapping[str, Any]) -> tuple[Subject, ...]:
    """The commit the runs are about."""
    commits = {run.head_sha for run in _read(document).check_runs}
    return tuple(Subject("", {"gitCommit": commit}) for commit in sorted(commits))


def _read(document: Mapping[str, Any]) -> CheckRuns:
    answer = read_model(CheckRuns, document)
    held = len(answer.check_runs)
    if held < answer.total_count:
        raise Malformed(
            f"predicate.check_runs: {held} of {answer.total_count} runs: {_PAGES}",
            path="predicate.check_runs",
            limit=answer.total_count,
            value=held,
        )
    commits = {run.head_sha for run in answer.check_runs}
    if len(commits) > 1:
        message = "predicate.check_runs: runs of several commits"
        raise Malformed(message, path="predicate.check_runs", limit=1, value=len(commits))
    return answer


def _check_commit(statement: Statement, answer: CheckRuns) -> None:
    """Where the statement names a commit, it is the one the runs are about."""
    named = {subject.digest["gitCommit"] for subject in statement.subjects if "gitCommit" in subject.digest}
    commit = answer.check_runs[0].head_sha if answer.check_runs else ""
    if named and commit and commit not in named:
        message = "predicate.check_runs.0.head_sha: not the commit the statement is about"
        raise Malformed(message, path="predicate.check_runs.0.head_sha", value=commit)


def _latest(runs: Iterable[CheckRun]) -> tuple[CheckRun, ...]:
    """The newest run of each name in each suite: an earlier one was run again. Ids count up."""
    newest: dict[tuple[int, int, str], CheckRun] = {}
    for run in sorted(runs, key=lambda run: run.id):
        suite = run.check_suite.id if run.check_suite else 0
        newest[suite, run.app.id if run.app else 0, run.name] = run
    return tuple(newest.values())
