"""`urn:evidence-api:github-checks:v1` -> kind `github_checks`: the checks of one commit.

The statement's subject is the commit (`gitCommit`). A check without a conclusion has not finished. Conclusions are
GitHub's; success, neutral and skipped pass, as in branch protection, and every other one is a failure.
"""

from typing import Literal, TypeAlias

from pydantic import Field

from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import Moment, Own, Producer, Several, Word, known_facts, read_model

Conclusion: TypeAlias = Literal[
    "success",
    "neutral",
    "skipped",
    "failure",
    "cancelled",
    "timed_out",
    "action_required",
    "stale",
    "startup_failure",
]
PASSING: frozenset[Conclusion] = frozenset({"success", "neutral", "skipped"})


class Check(Own):
    """One check run or status. `conclusion` is absent or null until it has finished."""

    name: Word
    required: bool = Field(description="Whether a merge needs it")
    conclusion: Conclusion | None = Field(default=None, description="Absent or null until it has finished")
    url: Word | None = None
    completed: Moment | None = Field(default=None, alias="completedAt", description="When it finished, RFC 3339")

    @property
    def passed(self) -> bool:
        """Finished, and with a conclusion that lets a merge through."""
        return self.conclusion in PASSING

    @property
    def failed(self) -> bool:
        """Finished otherwise."""
        return self.conclusion is not None and not self.passed


class GithubChecks(Own):
    """The predicate: all checks of the commit at `decidedAt`."""

    producer: Producer
    decided: Moment = Field(alias="decidedAt", description="When they were read, RFC 3339")
    checks: Several[Check]


def read_github_checks(statement: Statement) -> Normalised:
    """Read a commit's checks. Raises Malformed."""
    predicate = read_model(GithubChecks, statement.predicate)
    checks = predicate.checks
    required = [check for check in checks if check.required]
    facts = known_facts(
        {
            "required": _verdict(required),
            "checks": len(checks),
            "passed": sum(check.passed for check in checks),
            "failed": sum(check.failed for check in checks),
            "required_checks": len(required),
            "required_passed": sum(check.passed for check in required),
            "names": tuple(sorted({check.name for check in checks})),
        }
    )
    return Normalised("github_checks", facts, predicate.decided, series=predicate.producer.id)


def _verdict(required: list[Check]) -> str:
    """`none` is not `pass`: with nothing required, nothing was shown."""
    if not required:
        return "none"
    if any(check.failed for check in required):
        return "fail"
    return "pass" if all(check.passed for check in required) else "pending"
