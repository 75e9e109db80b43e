"""A SARIF 2.1.0 log as predicate -> kind `static_analysis`.

What counts is what stands: results that are suppressed are counted apart, and those that are gone since the baseline
not at all. A run whose results are not in the log (none, or in another file) leaves every count unknown: a tool that
did not look found nothing.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from evidence_api.domain.evidence import Fact, Normalised
from evidence_api.domain.statement import Statement, Subject
from evidence_api.formats.predicates.shape import known_facts
from evidence_api.formats.sarif import Run, read_log, results_of
from evidence_api.formats.sarif_levels import Levels, rule_name, suppressed

_FINDINGS = frozenset({"error", "warning", "note"})
_COMMIT = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")


def read_sarif(statement: Statement) -> Normalised:
    """Read a log. Raises Malformed with the path inside the predicate, TooLarge."""
    runs = read_log(statement.predicate, at="predicate").runs
    tools = tuple(sorted({run.tool.driver.name for run in runs}))
    invocations = [invocation for run in runs for invocation in run.invocations]
    facts = known_facts(
        {
            "tool": tools[0] if len(tools) == 1 else None,
            "tools": tools,
            "successful": all(one.successful for one in invocations) if invocations else None,
            "rules": sum(len(part.rules) for run in runs for part in (run.tool.driver, *run.tool.extensions)),
            **_counts(runs),
        }
    )
    times = [time for one in invocations if (time := one.ended or one.started) is not None]
    return Normalised("static_analysis", facts, max(times, default=None), series=_series(runs))


def sarif_subjects(document: Mapping[str, Any]) -> tuple[Subject, ...]:
    """The commits that were scanned (3.23.4), of a log that has been read."""
    checkouts = [one for run in document["runs"] for one in run.get("versionControlProvenance") or ()]
    revisions = {str(one.get("revisionId") or "").lower() for one in checkouts}
    return tuple(Subject("", {"gitCommit": one}) for one in sorted(revisions) if _COMMIT.match(one))


def _counts(runs: Sequence[Run]) -> Mapping[str, Fact | None]:
    """How many results of each level stand; nothing where a run does not say."""
    if not runs or any(run.results is None or (run.elsewhere and run.elsewhere.results) for run in runs):
        return {}
    levels: Counter[str] = Counter()
    violated: set[str] = set()
    compared, hidden, new = False, 0, 0
    for place, run in enumerate(runs):
        rules = Levels(run)
        for result in results_of(run, at=f"predicate.runs.{place}"):
            compared |= result.baseline is not None
            if result.baseline == "absent":
                continue
            if suppressed(result):
                hidden += 1
                continue
            level = rules.level(result)
            levels[level] += 1
            if level in _FINDINGS:
                new += result.baseline == "new"
                violated.add(rule_name(result, rules))
    return {
        "results": levels.total() + hidden,
        "errors": levels["error"],
        "warnings": levels["warning"],
        "notes": levels["note"],
        "none": levels["none"],
        "suppressed": hidden,
        "new": new if compared else None,
        "violated": tuple(sorted(violated - {""})),
    }


def _series(runs: Sequence[Run]) -> str:
    """The tools and the category of the run (3.17.3: `category/run`): two configurations stand side by side."""
    named = {(run.tool.driver.name, (run.automation.id if run.automation else "").rpartition("/")[0]) for run in runs}
    return " ".join(sorted(f"{tool}:{category}" if category else tool for tool, category in named))
