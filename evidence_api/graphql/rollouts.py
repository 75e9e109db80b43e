"""Rollouts as readers see them: the gates of what is rolled out, stage by stage, with what each came to."""

from collections.abc import Mapping

import strawberry

from evidence_api.domain.evidence import Fact
from evidence_api.domain.reading import EvidenceView
from evidence_api.graphql.context import Moment
from evidence_api.graphql.evidence import Evidence, evidence_of
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.scalars import Time

FACTS = frozenset({"facts"})


@strawberry.type(
    description="One gate of a rollout: whether a canary goes on. All values were computed by the server from the "
    "counts the gate names, when it came in; what the producer claims otherwise is in the evidence's decision."
)
class Rollout:
    """The facts of one rollout-gate, for readers."""

    row: strawberry.Private[EvidenceView]
    at: strawberry.Private[Moment]
    rollout: str | None = strawberry.field(description="What is rolled out, as the gate names it; null if it does not.")
    stage: float | None = strawberry.field(description="The share of traffic, 0 to 1; null if not said.")
    design: str = strawberry.field(description="The sequential test: wald or msprt.")
    trials: int = strawberry.field(description="Trials of the canary so far.")
    log_likelihood_ratio: float | None = strawberry.field(description="The evidence of the test so far.")
    verdict: str | None = strawberry.field(description="What the test says: accept, reject or continue.")
    breached: list[str] = strawberry.field(description="Shadow metrics on which the canary is worse than agreed.")
    action: str | None = strawberry.field(description="What follows: promote, hold or rollback.")
    agrees: bool = strawberry.field(description="Whether the gate claims just that.")
    decided_at: Time | None = strawberry.field(description="When it was decided, as the producer says.")

    @resolved("The signed gate.")
    def evidence(self) -> Evidence:
        """The row the gate was read from."""
        return evidence_of(self.row, self.at)


def rollout_of(row: EvidenceView, at: Moment) -> Rollout:
    """A row with its facts as a reader sees it."""
    facts = row.facts or {}
    breached = facts.get("breached", ())
    return Rollout(
        row=row,
        at=at,
        rollout=_text(facts, "rollout"),
        stage=_number(facts, "stage"),
        design=_text(facts, "design") or "",
        trials=int(_number(facts, "trials") or 0),
        log_likelihood_ratio=_number(facts, "log_likelihood_ratio"),
        verdict=_text(facts, "verdict"),
        breached=list(breached) if isinstance(breached, list | tuple) else [],
        action=_text(facts, "action"),
        agrees=facts.get("reperformance") == "agrees",
        decided_at=None if row.effective is None else Time(row.effective),
    )


def _text(facts: Mapping[str, Fact], name: str) -> str | None:
    value = facts.get(name)
    return value if isinstance(value, str) else None


def _number(facts: Mapping[str, Fact], name: str) -> float | None:
    value = facts.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
